import { open, readFile, rename, rm } from 'node:fs/promises';
import type { MigrationCheckpoint } from '../migration/index.ts';
import { UsageError } from './usage-error.ts';

/** A file with how far a migration came. Whenever the process dies, it holds one whole checkpoint, the last or the one
 *  before. */
export class CheckpointFile {
  readonly #path: string;
  #next: string | undefined;
  #writing: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Undefined when there is none. @throws UsageError when the file is something else */
  async read(): Promise<MigrationCheckpoint | undefined> {
    let text: string;
    try {
      text = await readFile(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new UsageError(`cannot read ${this.#path}: ${(error as Error).message}`);
    }
    const checkpoint = checkpointOf(text);
    if (checkpoint) return checkpoint;
    throw new UsageError(
      `${this.#path} is no checkpoint of hyperpage-migrate; name another file, or delete it to begin anew`,
    );
  }

  /** Writes `checkpoint` soon; while one is being written only the newest waits. */
  keep(checkpoint: MigrationCheckpoint): void {
    this.#next = JSON.stringify({ version: 1, checkpoint });
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
    // Whoever flushes gets the error.
    this.#writing.catch(() => undefined);
  }

  /** Waits for what was kept. @throws UsageError when it cannot be written */
  async flush(): Promise<void> {
    if (this.#next !== undefined && !this.#writing) await this.#writeAll();
    await this.#writing;
  }

  async remove(): Promise<void> {
    await this.flush();
    await rm(this.#path, { force: true });
  }

  async #writeAll(): Promise<void> {
    const temporary = `${this.#path}.new`;
    while (this.#next !== undefined) {
      const text = this.#next;
      try {
        const file = await open(temporary, 'w', 0o600);
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(temporary, this.#path);
      } catch (error) {
        throw new UsageError(`cannot write ${this.#path}: ${(error as Error).message}`);
      }
      if (this.#next === text) this.#next = undefined;
    }
  }
}

function checkpointOf(text: string): MigrationCheckpoint | undefined {
  try {
    const { version, checkpoint } = JSON.parse(text) as { version: number; checkpoint: MigrationCheckpoint };
    const { position, totals } = checkpoint;
    return version === 1 && Number.isInteger(position) && Array.isArray(totals.invalid)
      ? checkpoint
      : undefined;
  } catch {
    return undefined;
  }
}
