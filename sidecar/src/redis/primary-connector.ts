import { backoffMs, type Clock, sleep } from '@hyperpage/runtime';
import { SentinelConnector, SentinelIterator } from 'ioredis';
import type { Access } from './access.ts';
import type { ConnectionOptions } from './options.ts';
import { type Address, isSame, type Sentinels } from './sentinels.ts';
import { openStream } from './tls.ts';

type Tell = Parameters<SentinelConnector['connect']>[0];

const RETRY = { baseMs: 50, maxMs: 1000 };

/** A connector for ioredis that finds the primary without DNS: straight at the address that was announced, else by
 *  asking the sentinels where they were last seen.
 *
 *  Every other attempt asks: what was announced may be gone again. Whom it leads to, a Redis that says that it is a
 *  replica is left at once (`check`), so that nothing is ever written to it as to a primary. */
export function primaryConnector(
  sentinels: Pick<Sentinels, 'announced' | 'addresses' | 'problem'>,
  { access, clock, random }: { access: Access; clock: Clock; random: () => number },
): NonNullable<ConnectionOptions['Connector']> {
  return class PrimaryConnector extends SentinelConnector {
    /** Announced, tried, and not yet found to be the primary. */
    #doubted: Address | undefined;

    constructor(options: unknown) {
      // One round of asking; the next begins with what is known then.
      super({ ...(options as ConnectionOptions), sentinelRetryStrategy: () => null });
    }

    override check(info: { role?: string }): boolean {
      const isPrimary = super.check(info);
      if (isPrimary) this.#doubted = undefined;
      return isPrimary;
    }

    override async connect(tell: Tell) {
      this.connecting = true;
      for (let attempt = 0; ; attempt++) {
        const announced = sentinels.announced();
        if (announced && !isSame(announced, this.#doubted)) return this.#connectTo(announced);
        this.#doubted = undefined;
        try {
          this.sentinelIterator = new SentinelIterator(await sentinels.addresses());
          this.#refresh();
          return await super.connect(tell);
        } catch (error) {
          if (!this.connecting) throw error;
          const told = error instanceof Error ? error.message : String(error);
          tell('error', new Error(sentinels.problem() ?? told, { cause: error }));
        }
        await sleep(clock, backoffMs(attempt, RETRY, random));
        if (!this.connecting) throw new Error('closed while connecting');
      }
    }

    /** With what the files say now: this connector outlives credentials and certificates. */
    #refresh() {
      const { password } = access.credentials.reread();
      const tls = access.tls?.();
      Object.assign(this.options, {
        ...(password === undefined ? {} : { sentinelPassword: password }),
        ...(tls === undefined ? {} : { tls, sentinelTLS: tls }),
      });
    }

    #connectTo(announced: Address) {
      this.#doubted = announced;
      this.stream = openStream(announced, access.tls);
      // Not once: over TLS an error may have a second one behind it, which nobody would hear.
      this.stream.on('error', (error) => (this.firstError ??= error));
      return this.stream;
    }
  };
}
