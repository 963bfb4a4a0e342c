import type { Consistency } from '@hyperpage/contract';

/** What clients were promised about sessions, and what of it was not kept. Every client has a field of its own in every
 *  session, and writes growing numbers into it: so a field must never hold less than was acknowledged last, whatever
 *  the others write. */
export class Ledger {
  readonly #sessions = new Map<string, Entry>();
  readonly #found = new Set<string>();
  readonly counts: Counts = {
    acknowledged: { redis: 0, peer: 0, local: 0 },
    reads: 0,
    stale: 0,
    removed: 0,
    uncertain: 0,
    refused: {},
  };

  created(sessionId: string): void {
    this.#sessions.set(sessionId, { fields: new Map(), removing: false, removed: false });
  }

  /** Sessions that may be written to. */
  live(): string[] {
    return [...this.#sessions].filter(([, { removing }]) => !removing).map(([id]) => id);
  }

  all(): string[] {
    return [...this.#sessions.keys()];
  }

  /** The number that the client writes next. */
  next(sessionId: string, client: number): number {
    const field = this.#field(sessionId, client);
    field.sent += 1;
    return field.sent;
  }

  acknowledged(sessionId: string, client: number, value: number, consistency: Consistency): void {
    this.counts.acknowledged[consistency] += 1;
    const field = this.#field(sessionId, client);
    // What one pod alone held may die with it, as the answer said.
    if (consistency !== 'local') field.promised = Math.max(field.promised, value);
  }

  /** From now on nobody writes to it; `acknowledged`: it must not come back. */
  removing(sessionId: string): void {
    this.#entry(sessionId).removing = true;
  }

  removed(sessionId: string, consistency: Consistency): void {
    this.counts.removed += 1;
    if (consistency !== 'local') this.#entry(sessionId).removed = true;
  }

  /** An answer that is not one of success; with at least two pods alive there should be none. */
  refused(what: string): void {
    this.counts.refused[what] = (this.counts.refused[what] ?? 0) + 1;
  }

  /** The connection broke: it may have been done or not. */
  uncertain(): void {
    this.counts.uncertain += 1;
  }

  /** What was promised before a read that begins now. */
  mark(sessionId: string): Mark {
    const { fields, removed } = this.#entry(sessionId);
    return { removed, promised: new Map([...fields].map(([client, { promised }]) => [client, promised])) };
  }

  /** What a read misses of what was promised when it began: each thing in words, without numbers of lines. `values`
   *  undefined: there is no such session. */
  missing(
    sessionId: string,
    { removed, promised }: Mark,
    values: ReadonlyMap<number, number> | undefined,
  ): Miss[] {
    if (removed) return values ? [{ kind: 'resurrected', what: sessionId }] : [];
    if (this.#entry(sessionId).removing) return [];
    const misses: Miss[] = [];
    for (const [client, least] of promised) {
      const value = values?.get(client) ?? 0;
      if (value < least)
        misses.push({ kind: 'lost', what: `${sessionId} field ${client}: ${value}, not ${least}` });
    }
    return misses;
  }

  /** Of misses that stay when everything is whole again, those that were not found before. */
  fresh(misses: readonly Miss[]): Miss[] {
    const fresh = misses.filter(({ what }) => !this.#found.has(what));
    for (const { what } of fresh) this.#found.add(what);
    return fresh;
  }

  /** Sessions in which several clients' writes stand side by side. */
  merged(): number {
    const several = ({ fields }: Entry) =>
      [...fields.values()].filter(({ promised }) => promised > 0).length > 1;
    return [...this.#sessions.values()].filter(several).length;
  }

  #entry(sessionId: string): Entry {
    const entry = this.#sessions.get(sessionId);
    if (!entry) throw new Error(`there is no session ${sessionId}`);
    return entry;
  }

  #field(sessionId: string, client: number): Field {
    const { fields } = this.#entry(sessionId);
    const field = fields.get(client) ?? { sent: 0, promised: 0 };
    fields.set(client, field);
    return field;
  }
}

export interface Counts {
  acknowledged: Record<Consistency, number>;
  reads: number;
  /** Reads that lacked something that was there a moment later. */
  stale: number;
  removed: number;
  uncertain: number;
  refused: Record<string, number>;
}

export interface Miss {
  kind: 'lost' | 'resurrected';
  what: string;
}

export interface Mark {
  removed: boolean;
  promised: ReadonlyMap<number, number>;
}

interface Field {
  sent: number;
  promised: number;
}

interface Entry {
  fields: Map<number, Field>;
  removing: boolean;
  removed: boolean;
}
