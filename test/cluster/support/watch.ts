import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

interface Named {
  metadata: { name: string };
}

/** Follows objects of one kind in a namespace, by `kubectl get --watch`. */
export class Watch<T extends Named> {
  readonly objects = new Map<string, T>();
  readonly #start: () => ChildProcess;
  readonly #onChange: () => void;
  #child: ChildProcess | undefined;
  #running = true;

  /** `kubectl`: the program, and the arguments that have it act on the cluster. */
  constructor(kubectl: readonly string[], namespace: string, kind: string, onChange: () => void) {
    const [program = '', ...where] = kubectl;
    const words = ['-n', namespace, 'get', kind, '--watch', '--output-watch-events'];
    this.#start = () =>
      spawn(program, [...where, ...words, '-o', 'jsonpath={@}{"\\n"}'], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    this.#onChange = onChange;
    void this.#run();
  }

  close(): void {
    this.#running = false;
    this.#child?.kill('SIGKILL');
  }

  async #run(): Promise<void> {
    while (this.#running) {
      const child = this.#start();
      this.#child = child;
      this.objects.clear();
      if (child.stdout) createInterface(child.stdout).on('line', (line) => this.#take(line));
      await new Promise<void>((resolve) => child.once('close', () => resolve()));
      await sleep(300);
    }
  }

  #take(line: string): void {
    const { type, object } = JSON.parse(line) as { type: string; object: T };
    if (type === 'DELETED') this.objects.delete(object.metadata.name);
    else this.objects.set(object.metadata.name, object);
    this.#onChange();
  }
}
