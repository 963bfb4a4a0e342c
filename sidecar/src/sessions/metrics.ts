import { Counter, Gauge, Histogram, type Registry } from '@hyperpage/runtime';

/** The spec's session metrics (section 3): active, creation rate, expiration rate, hit and miss, and the writes. */
export function sessionMetrics(registry: Registry, active: () => Promise<number | undefined>) {
  const registers = [registry];
  return {
    active: new Gauge({
      name: 'hyperpage_sessions_active',
      help: 'Sessions alive, in the whole cluster.',
      registers,
      async collect() {
        const count = await active();
        // Unknown is absent, not 0 and not what it once was.
        if (count === undefined) this.remove();
        else this.set(count);
      },
    }),
    created: new Counter({
      name: 'hyperpage_sessions_created_total',
      help: 'Sessions this pod created.',
      registers,
    }),
    expired: new Counter({
      name: 'hyperpage_sessions_expired_total',
      help: "Expired sessions that this pod's clean-up found; the sum over pods counts each once.",
      registers,
    }),
    reads: new Counter({
      name: 'hyperpage_sessions_reads_total',
      help: 'Reads: hit, miss (no such session), error.',
      labelNames: ['result'] as const,
      registers,
    }),
    writes: new Counter({
      name: 'hyperpage_sessions_writes_total',
      help: 'Creates, updates and removes by what came of them.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    writeSeconds: new Histogram({
      name: 'hyperpage_sessions_write_seconds',
      help: 'Time a write took, its confirmation included.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
  };
}

/** The fallback's: what waits for Redis, and what became of it. */
export function fallbackMetrics(registry: Registry) {
  const registers = [registry];
  let size = () => 0;
  return {
    /** Has the gauge read the journal. */
    watch: (journalSize: () => number) => {
      size = journalSize;
    },
    journal: new Gauge({
      name: 'hyperpage_sessions_journal',
      help: 'Sessions with writes that were answered and that Redis does not have yet, held by this pod.',
      registers,
      collect() {
        this.set(size());
      },
    }),
    replayed: new Counter({
      name: 'hyperpage_sessions_replayed_total',
      help: 'Sessions given to Redis after it was back; each pod that held one counts it.',
      registers,
    }),
    restored: new Counter({
      name: 'hyperpage_sessions_restored_total',
      help: 'Copies of sessions given to a Redis that had lost its data; each pod that had one counts it.',
      registers,
    }),
    dropped: new Counter<'reason'>({
      name: 'hyperpage_sessions_journal_dropped_total',
      help: 'Sessions that had no place in Redis any more: removed, too old, not a session there, or this process stopped first.',
      labelNames: ['reason'],
      registers,
    }),
    refused: new Counter({
      name: 'hyperpage_sessions_journal_refused_total',
      help: 'Writes that were refused because the journal was full.',
      registers,
    }),
  };
}

export type FallbackMetrics = ReturnType<typeof fallbackMetrics>;

/** The near cache's (spec, section 3: cache hit/miss ratios). */
export const nearCacheMetrics = (registry: Registry) =>
  new Counter<'result'>({
    name: 'hyperpage_sessions_near_cache_total',
    help: 'Reads of sessions by where they were answered: hit, from a copy in this pod; miss, by Redis.',
    labelNames: ['result'],
    registers: [registry],
  });

export type NearCacheMetrics = ReturnType<typeof nearCacheMetrics>;
