import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubectl } from '../kubectl.ts';
import type { AgentStarted, Batch, FromAgent, ReadAnswer, ToAgent } from './agent/messages.ts';
import { type Line, launchAgent, openLine } from './launch.ts';

export interface LinkOptions {
  kubectl: Kubectl;
  namespace: string;
  pod: string;
  run: string;
  replicas?: number;
  paceMs: number;
  /** Each batch once and in order; `offsetMs` is what to add to its times to have them on our clock. */
  onBatch: (writer: string, batch: Batch, offsetMs: number) => void;
}

const SILENT_MS = 5_000;
const AGAIN_MS = 1_000;
const ANSWER_MS = 15_000;
const RECEIPT_EVERY = 20;

/** The name of the string that a writer sets bits in. */
export const keyOf = (run: string, writer: string): string => `hyperpage:chaos:${run}:${writer}`;

/** One pod's agent, held through everything that breaks on the way to it: it is asked again for what it said meanwhile,
 *  and started again when its container is a new one. */
export class AgentLink {
  readonly pod: string;
  readonly #options: LinkOptions;
  #started: AgentStarted | undefined;
  #line: Line | undefined;
  #attempts = 0;
  #writers = 0;
  #seq = 0;
  #offsetMs = Number.POSITIVE_INFINITY;
  #ended = false;
  #questions = 0;
  readonly #waiting = new Map<number, (answer: ReadAnswer) => void>();
  /** Up to when we know all that the agent knew, on our clock. */
  heardUntilMs = 0;
  /** Why it is not connected, for people. */
  trouble = 'not started yet';

  constructor(options: LinkOptions) {
    this.#options = options;
    this.pod = options.pod;
  }

  get connected(): boolean {
    return this.#line !== undefined;
  }

  /** Runs until `end`. */
  async run(): Promise<void> {
    while (!this.#ended) {
      try {
        await this.#session();
        this.trouble = 'the connection closed';
      } catch (error) {
        this.trouble = (error as Error).message;
      }
      this.#line = undefined;
      if (!this.#ended) await sleep(AGAIN_MS);
    }
  }

  /** Stops asking; the agent itself is told to end when it can be reached. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#tell({ do: 'end' });
    await sleep(50);
    this.#line?.close();
  }

  /** Has the writer write nothing more. */
  rest(): void {
    this.#tell({ do: 'rest' });
  }

  /** The string as the primary has it. @throws Error when it cannot be read. */
  async read(key: string): Promise<Uint8Array> {
    const { bits } = await this.#ask((id) => ({ do: 'read', id, key }));
    return Buffer.from(bits ?? '', 'base64');
  }

  async remove(keys: string[]): Promise<void> {
    await this.#ask((id) => ({ do: 'remove', id, keys }));
  }

  get #writer(): string {
    return `${this.pod}.${this.#writers}`;
  }

  async #session(): Promise<void> {
    await this.#launch();
    const line = await openLine(this.#options, (this.#started as AgentStarted).port);
    if (this.#ended) return line.close();
    this.#line = line;
    let heardMs = performance.now();
    const watchdog = setInterval(() => {
      if (performance.now() - heardMs > SILENT_MS) line.close();
    }, 500);
    const closed = new Promise<void>((resolve) => line.socket.once('close', () => resolve()));
    createInterface(line.socket).on('line', (text) => {
      heardMs = performance.now();
      this.#hear(JSON.parse(text) as FromAgent);
    });
    this.#tell({ do: 'resume', after: this.#seq });
    await closed;
    clearInterval(watchdog);
  }

  /** A new agent is a new writer, with a key and numbers of its own. */
  async #launch(): Promise<void> {
    const { run, replicas, paceMs } = this.#options;
    this.#attempts += 1;
    const key = keyOf(run, `${this.pod}.${this.#attempts}`);
    const parameters = { run, key, paceMs, ...(replicas === undefined ? {} : { replicas }) };
    const started = await launchAgent(this.#options, parameters, this.#started);
    if (started.key === this.#started?.key) return;
    this.#started = started;
    this.#writers = this.#attempts;
    this.#seq = 0;
  }

  #hear(message: FromAgent): void {
    if (message.kind === 'answer') {
      this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
      return;
    }
    if (message.seq <= this.#seq) return;
    this.#seq = message.seq;
    // The quickest message is the nearest to the true difference of the clocks.
    this.#offsetMs = Math.min(this.#offsetMs, Date.now() - message.sentMs);
    this.heardUntilMs = message.sentMs + this.#offsetMs;
    this.trouble = '';
    if (message.seq % RECEIPT_EVERY === 0) this.#tell({ do: 'received', seq: message.seq });
    this.#options.onBatch(this.#writer, message, this.#offsetMs);
  }

  #tell(order: ToAgent): void {
    if (this.#line?.socket.writable) this.#line.socket.write(`${JSON.stringify(order)}\n`);
  }

  async #ask(order: (id: number) => ToAgent): Promise<ReadAnswer> {
    if (!this.#line) throw new Error(`the agent in ${this.pod} cannot be reached: ${this.trouble}`);
    this.#questions += 1;
    const id = this.#questions;
    const answer = await new Promise<ReadAnswer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`the agent in ${this.pod} does not answer`));
      }, ANSWER_MS);
      this.#waiting.set(id, (message) => {
        clearTimeout(timer);
        resolve(message);
      });
      this.#tell(order(id));
    });
    if (answer.error) throw new Error(answer.error);
    return answer;
  }
}
