import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerLineOptions {
  /** The program kubectl, and the arguments that have it act on the cluster. */
  kubectl: readonly string[];
  namespace: string;
  pod: string;
  port: number;
  /** Asked again and again. */
  question: string;
  /** Gets each line of the answers. */
  hear: (line: string) => void;
}

const ASK_EVERY_MS = 400;
/** A hung server keeps redis-cli waiting; a node that was cut off keeps kubectl waiting, perhaps for ever. */
const SILENT_MS = 6_000;
/** On a machine without a free CPU it takes kubectl seconds to get there. */
const CONNECT_MS = 15_000;
const AGAIN_MS = 300;

/** Asks one Redis or Sentinel inside its pod, through the API server. It runs in the Sentinel's container, which is there
 *  whatever happens to Redis's. The questions come from here: nothing asks on when we are gone. */
export class ServerLine {
  readonly #options: ServerLineOptions;
  #child: ChildProcess | undefined;
  #running = true;

  constructor(options: ServerLineOptions) {
    this.#options = options;
    void this.#run();
  }

  close(): void {
    this.#running = false;
    this.#child?.kill('SIGKILL');
  }

  async #run(): Promise<void> {
    while (this.#running) {
      await this.#session();
      await sleep(AGAIN_MS);
    }
  }

  async #session(): Promise<void> {
    const { kubectl, namespace, pod, port, question, hear } = this.#options;
    const [program = '', ...where] = kubectl;
    const ask = `REDISCLI_AUTH=$(cat /run/secrets/hyperpage/redis/password) exec redis-cli -h "$POD_IP" -p ${port}`;
    const exec = ['-n', namespace, 'exec', '-i', pod, '-c', 'sentinel', '--', 'sh', '-c', ask];
    const child = spawn(program, [...where, ...exec], { stdio: ['pipe', 'pipe', 'ignore'] });
    this.#child = child;
    let heardMs = performance.now() + CONNECT_MS - SILENT_MS;
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      heardMs = performance.now();
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) hear(line.trimEnd());
    });
    child.stdin.on('error', () => undefined);
    const asking = setInterval(() => {
      child.stdin.write(`${question}\n`);
      if (performance.now() - heardMs > SILENT_MS) child.kill('SIGKILL');
    }, ASK_EVERY_MS);
    await new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    clearInterval(asking);
  }
}
