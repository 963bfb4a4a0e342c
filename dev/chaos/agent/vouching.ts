import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Hearing,
  hearingOf,
  type Voucher,
  vouchedUntilMs,
  voucherOf,
} from '../../../sidecar/src/redis/vouchers.ts';
import type { Address, Connection } from './connection.ts';

export interface VouchingOptions {
  sentinels: readonly Address[];
  primaryName: string;
  open: (sentinel: Address) => Promise<Connection>;
  nowMs: () => number;
}

const ASK_EVERY_MS = 1_000;
const PATIENCE_MS = 400;

/** Whether the Sentinels vouch for a primary, by the rule by which the sidecar acknowledges a session. */
export class Vouching {
  readonly #options: VouchingOptions;
  readonly #vouchers: Array<Voucher | undefined> = [];
  readonly #hearings: Hearing[] = [];
  readonly #connections: Array<Connection | undefined> = [];

  constructor(options: VouchingOptions) {
    this.#options = options;
  }

  /** Asks again and again, for as long as the process lives. */
  async run(): Promise<never> {
    for (;;) {
      await this.#askAll();
      await sleep(ASK_EVERY_MS);
    }
  }

  async vouchFor(primary: string): Promise<boolean> {
    if (!this.#vouched(primary)) await this.#askAll();
    return this.#vouched(primary);
  }

  #vouched(primary: string): boolean {
    return this.#options.nowMs() < vouchedUntilMs(this.#vouchers, primary);
  }

  async #askAll(): Promise<void> {
    const asked = this.#options.sentinels.map((sentinel, index) => this.#ask(sentinel, index));
    await Promise.race([Promise.all(asked), sleep(PATIENCE_MS)]);
  }

  async #ask(sentinel: Address, index: number): Promise<void> {
    try {
      const known = this.#connections[index];
      const connection = known?.open ? known : await this.#options.open(sentinel);
      this.#connections[index] = connection;
      const sentMs = this.#options.nowMs();
      const told = await connection.call(['SENTINEL', 'MASTER', this.#options.primaryName]);
      const fields = fieldsOf(told);
      const hearing = hearingOf(fields, sentMs, this.#hearings[index]);
      this.#hearings[index] = hearing;
      this.#vouchers[index] = voucherOf(fields, sentMs, hearing);
    } catch {
      this.#connections[index]?.close();
    }
  }
}

const fieldsOf = (reply: unknown): Record<string, unknown> =>
  Array.isArray(reply)
    ? Object.fromEntries(reply.flatMap((name, i) => (i % 2 === 0 ? [[String(name), reply[i + 1]]] : [])))
    : {};
