import { setTimeout as sleep } from 'node:timers/promises';
import type { Consistency } from '@hyperpage/contract';
import type { Site } from '../site.ts';
import { Doors } from './doors.ts';
import { Ledger, type Miss } from './ledger.ts';

export interface SessionClientsOptions {
  site: Site;
  clients?: number;
  paceMs?: number;
}

/** What was found since the last account. */
export interface SessionAccount {
  lost: string[];
  resurrected: string[];
}

const PATIENCE_MS = 15_000;
const AGAIN_MS = 1_000;
const CHECK_PATIENCE_MS = 60_000;
const SETTLED_MS = 8_000;
/** Sessions that are alive at a time; one is removed for each that is made beyond. */
const SESSIONS = 12;
const READ_EVERY = 3;
const CREATE_EVERY = 25;
const PARALLEL_CHECKS = 8;

interface Answer {
  sessionId: string;
  consistency: Consistency;
  session: { toolConfigs: Record<string, { settings?: { n?: number } }> };
}

/** Clients of the app's sessions, as browsers are: each request goes to any pod. They share sessions, and each writes a
 *  field of its own in them. */
export class SessionClients {
  readonly ledger = new Ledger();
  readonly #doors: Doors;
  readonly #options: Required<SessionClientsOptions>;
  readonly #work: Array<Promise<void>> = [];
  readonly #end = new AbortController();

  constructor(options: SessionClientsOptions) {
    this.#options = { clients: 4, paceMs: 30, ...options };
    this.#doors = new Doors(options.site);
  }

  start(): void {
    this.#work.push(this.#doors.run());
    for (let client = 0; client < this.#options.clients; client++) this.#work.push(this.#client(client));
  }

  async stop(): Promise<void> {
    this.#end.abort();
    this.#doors.close();
    await Promise.all(this.#work);
  }

  /** Reads back everything that was ever promised, until Redis answers for each: what is missing then is lost.
   *  @throws Error when they cannot be read for a minute. */
  async account(): Promise<SessionAccount> {
    const queue = this.ledger.all();
    const misses: Miss[] = [];
    const worker = async () => {
      for (let id = queue.pop(); id !== undefined; id = queue.pop())
        misses.push(...(await this.#settled(id)));
    };
    await Promise.all(Array.from({ length: PARALLEL_CHECKS }, worker));
    const fresh = this.ledger.fresh(misses);
    const of = (kind: Miss['kind']) => fresh.filter((miss) => miss.kind === kind).map(({ what }) => what);
    return { lost: of('lost'), resurrected: of('resurrected') };
  }

  /** Asked again for a while: whoever holds the session may be just about to give it to Redis. */
  async #settled(sessionId: string): Promise<Miss[]> {
    const beganMs = performance.now();
    for (;;) {
      const mark = this.ledger.mark(sessionId);
      const found = await this.#read(sessionId);
      const spentMs = performance.now() - beganMs;
      if (found === 'none' || (found !== 'no answer' && found.consistency === 'redis')) {
        const misses = found === 'none' ? this.ledger.missing(sessionId, mark, undefined) : found.misses;
        if (misses.length === 0 || spentMs > SETTLED_MS) return misses;
      } else if (spentMs > CHECK_PATIENCE_MS) throw new Error(`session ${sessionId} cannot be read`);
      await sleep(AGAIN_MS);
    }
  }

  async #client(client: number): Promise<void> {
    for (let turn = 0; !this.#end.signal.aborted; turn++) {
      if (turn % CREATE_EVERY === client || this.ledger.live().length === 0) await this.#create();
      const live = this.ledger.live();
      const sessionId = live[Math.floor(Math.random() * live.length)];
      if (sessionId === undefined) {
        await sleep(AGAIN_MS);
        continue;
      }
      await this.#write(sessionId, client);
      if (turn % READ_EVERY === 0) await this.#look(sessionId);
      if (client === 0 && live.length > SESSIONS) await this.#remove(live[0] as string);
      await sleep(this.#options.paceMs);
    }
  }

  async #create(): Promise<void> {
    const answer = await this.#send('GET', '', undefined, 'create');
    if (typeof answer === 'object' && answer.consistency !== 'local') this.ledger.created(answer.sessionId);
  }

  async #write(sessionId: string, client: number): Promise<void> {
    const n = this.ledger.next(sessionId, client);
    const updates = { toolConfigs: { [`c${client}`]: { settings: { n } } } };
    const answer = await this.#send('POST', '', { sessionId, updates }, 'write', sessionId);
    if (typeof answer === 'object') this.ledger.acknowledged(sessionId, client, n, answer.consistency);
  }

  async #remove(sessionId: string): Promise<void> {
    this.ledger.removing(sessionId);
    const answer = await this.#send('DELETE', `?sessionId=${sessionId}`, undefined, 'remove', sessionId);
    if (typeof answer === 'object') this.ledger.removed(sessionId, answer.consistency);
  }

  async #look(sessionId: string): Promise<void> {
    const found = await this.#read(sessionId);
    if (typeof found !== 'object') return;
    this.ledger.counts.reads += 1;
    if (found.misses.length > 0) this.ledger.counts.stale += 1;
  }

  async #read(sessionId: string) {
    const mark = this.ledger.mark(sessionId);
    const answer = await this.#send('GET', `?sessionId=${sessionId}`, undefined, 'read', sessionId);
    if (typeof answer !== 'object') return answer;
    const values = new Map<number, number>();
    for (const [tool, { settings }] of Object.entries(answer.session.toolConfigs))
      values.set(Number(tool.slice(1)), settings?.n ?? 0);
    return { consistency: answer.consistency, misses: this.ledger.missing(sessionId, mark, values) };
  }

  async #send(
    method: string,
    query: string,
    body: unknown,
    what: string,
    sessionId?: string,
  ): Promise<Answer | 'none' | 'no answer'> {
    const urls = this.#doors.urls();
    const url = urls[Math.floor(Math.random() * urls.length)];
    if (url === undefined) return 'no answer';
    try {
      const answer = await fetch(`${url}/api/sessions${query}`, {
        method,
        signal: AbortSignal.timeout(PATIENCE_MS),
        headers: body === undefined ? {} : { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text) as Answer;
      // Another client may have removed it meanwhile.
      if (answer.status === 404) {
        if (sessionId !== undefined && this.ledger.live().includes(sessionId) && what !== 'read')
          this.ledger.refused(`${what}: 404 although nobody removed it`);
        return 'none';
      }
      this.ledger.refused(`${what}: ${answer.status} ${detailOf(text)}`);
    } catch {
      this.ledger.uncertain();
    }
    return 'no answer';
  }
}

function detailOf(text: string): string {
  try {
    const { detail, code } = JSON.parse(text) as { detail?: string; code?: string };
    return `${code} ${detail ?? ''}`.slice(0, 160);
  } catch {
    return text.slice(0, 160);
  }
}
