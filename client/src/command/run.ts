import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { HyperpageError } from '../errors.ts';
import { type MigrationResult, migrateLocalSessionsToRedis } from '../migration/index.ts';
import { CheckpointFile } from './checkpoint-file.ts';
import { type CommandOptions, HELP, readOptions } from './options.ts';
import { inWords, ProgressDisplay } from './progress.ts';
import { readSessions, type SessionReader } from './read-sessions.ts';
import { UsageError } from './usage-error.ts';

/** What the command has of its process. */
export interface CommandWorld {
  stdin: AsyncIterable<Uint8Array>;
  /** The result. */
  out: (text: string) => void;
  /** Progress and complaints. */
  err: (text: string) => void;
  isTerminal: boolean;
  nowMs: () => number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** Runs `hyperpage-migrate` and gives its exit status: 0 all sessions are there, 1 some are not, 2 called wrongly. */
export async function runMigration(args: readonly string[], world: CommandWorld): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === 'help') {
      world.out(HELP);
      return 0;
    }
    return await migrate(options, world);
  } catch (error) {
    const isUsage = error instanceof UsageError || isInvalidArgument(error);
    if (!isUsage && !(error instanceof HyperpageError) && !world.signal.aborted) throw error;
    world.err(`hyperpage-migrate: ${world.signal.aborted ? 'interrupted' : (error as Error).message}\n`);
    if (world.signal.aborted) world.err('Run it again: what is there already stays as it is.\n');
    return isUsage ? 2 : 1;
  }
}

async function migrate(options: CommandOptions, world: CommandWorld): Promise<number> {
  const { file, url, dryRun, resume, batchSize } = options;
  const kept = resume === undefined ? undefined : new CheckpointFile(resume);
  const checkpoint = await kept?.read();
  if (checkpoint) world.err(`going on after ${checkpoint.position} sessions, as ${resume} says\n`);
  const sizeBytes = file === undefined ? undefined : await sizeOf(file);
  const reader = readSessions(
    file === undefined ? world.stdin : createReadStream(file),
    file ?? 'standard input',
  );
  const display = new ProgressDisplay({
    ...world,
    write: world.err,
    fraction: (done) => fractionOf(reader, done, sizeBytes),
  });
  let result: MigrationResult;
  try {
    result = await migrateLocalSessionsToRedis(reader.pairs, {
      url,
      dryRun,
      batchSize,
      checkpoint,
      signal: world.signal,
      onProgress: (progress) => {
        display.show(progress);
        kept?.keep(progress.checkpoint);
      },
    });
  } finally {
    display.end();
    await kept?.flush();
  }
  if (result.failed === 0) await kept?.remove();
  return report({ ...result, invalid: [...result.invalid, ...reader.unreadable] }, dryRun, world);
}

function report(result: MigrationResult, dryRun: boolean, { out, err }: CommandWorld): number {
  for (const { sessionId, detail } of result.invalid)
    err(`invalid${sessionId === '' ? '' : ` ${JSON.stringify(sessionId)}`}: ${detail}\n`);
  if (result.failure) err(`hyperpage-migrate: gave up: ${result.failure.message}\n`);
  out(`${dryRun ? 'dry run, nothing was written: ' : ''}${inWords(result)}\n`);
  return result.failed === 0 && result.invalid.length === 0 ? 0 : 1;
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isDirectory()) throw new Error('it is a directory');
    return found.size;
  } catch (error) {
    throw new UsageError(`cannot read ${file}: ${(error as Error).message}`);
  }
}

function fractionOf({ count, bytes }: SessionReader, done: number, sizeBytes: number | undefined) {
  if (count !== undefined) return count === 0 ? 1 : done / count;
  return sizeBytes ? bytes / sizeBytes : undefined;
}

const isInvalidArgument = (error: unknown) =>
  error instanceof HyperpageError && error.code === 'invalid-argument';
