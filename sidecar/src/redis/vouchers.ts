/** That a primary is the primary: WAIT alone does not tell. A primary that was cut off and comes back while the Sentinels
 *  replace it may find a replica that has not heard of it yet, and together they count as a majority, while another
 *  one is promoted that has nothing of it. So what WAIT confirmed counts only while the Sentinels that could outvote a
 *  failover say that they hear the primary: none of them can take it for down before its `down-after` is over. */

/** What one Sentinel says, good until a time on our own monotonic clock. */
export interface Voucher {
  /** `host:port` of the primary. */
  primary: string;
  untilMs: number;
  /** It has heard the primary for so long that no failover can be under way any more that began before. */
  settled: boolean;
  /** Sentinels that there are, as far as this one knows, and how many must hold the primary for down. */
  sentinels: number;
  quorum: number;
}

/** Of the time until a Sentinel may take the primary for down: the rest is for clocks that run at other speeds, and for
 *  a replica's report to reach the Sentinel before it elects. */
const SHARE = 0.75;

/** Since when a Sentinel has heard a primary, on our own monotonic clock. */
export interface Hearing {
  primary: string;
  /** -Infinity for a primary that is new to it: it was elected, so nobody has held it for down yet. */
  sinceMs: number;
  lastMs: number;
}

/** Others go by what a Sentinel said about the primary for so long (SENTINEL_ASK_PERIOD * 5 in Redis's sentinel.c). */
const RUMOUR_MS = 5000;
/** A failover wins its election, promotes and is told to the others, or is given up, in fewer failover-timeouts. */
const FAILOVER_STEPS = 4;

/** What `SENTINEL MASTER` answers to a question that was sent at `sentMs`, after what the same Sentinel answered before:
 *  a silence in which it may have held the primary for down begins anew. */
export function hearingOf(
  fields: Readonly<Record<string, unknown>>,
  sentMs: number,
  before?: Hearing,
): Hearing {
  const primary = primaryOf(fields);
  const vouches = fields['flags'] === 'master';
  const lastMs = vouches ? sentMs - Number(fields['last-ok-ping-reply']) : Number.NEGATIVE_INFINITY;
  if (before !== undefined && before.primary !== primary)
    return { primary, sinceMs: Number.NEGATIVE_INFINITY, lastMs };
  const longestMs = Number(fields['down-after-milliseconds']) * SHARE;
  const unbroken = before !== undefined && vouches && lastMs - before.lastMs < longestMs;
  return {
    primary,
    sinceMs: unbroken ? before.sinceMs : vouches ? lastMs : Number.POSITIVE_INFINITY,
    lastMs,
  };
}

const primaryOf = (fields: Readonly<Record<string, unknown>>) =>
  `${String(fields['ip'])}:${String(fields['port'])}`;

/** Reads what `SENTINEL MASTER` answers to a question that was sent at `sentMs`. Undefined when it vouches for nobody:
 *  it holds the primary for down, fails over, or is not connected to it. */
export function voucherOf(
  fields: Readonly<Record<string, unknown>>,
  sentMs: number,
  { sinceMs, lastMs }: Hearing,
): Voucher | undefined {
  const number = (name: string) => Number(fields[name]);
  if (fields['flags'] !== 'master') return undefined;
  const leftMs = number('down-after-milliseconds') - number('last-ok-ping-reply');
  if (!(leftMs > 0)) return undefined;
  return {
    primary: primaryOf(fields),
    untilMs: sentMs + leftMs * SHARE,
    settled: lastMs - sinceMs >= RUMOUR_MS + FAILOVER_STEPS * number('failover-timeout'),
    sentinels: number('num-other-sentinels') + 1,
    quorum: number('quorum'),
  };
}

/** Until when so many Sentinels vouch for `primary` that the others cannot replace it, nor are about to: one that does
 *  not vouch may have gathered its votes before these heard the primary again. */
export function vouchedUntilMs(vouchers: ReadonlyArray<Voucher | undefined>, primary: string): number {
  const all = vouchers.filter((voucher) => voucher !== undefined);
  const sentinels = Math.max(0, ...all.map((voucher) => voucher.sentinels));
  const quorum = Math.min(...all.map((voucher) => voucher.quorum));
  const needed = Math.max(Math.floor(sentinels / 2) + 1, sentinels - quorum + 1);
  const vouching = all.filter((voucher) => voucher.primary === primary);
  const settled = vouching.filter((voucher) => voucher.settled);
  return Math.max(nthUntilMs(vouching, Math.max(1, sentinels)), nthUntilMs(settled, needed));
}

/** Until when so many of them are good; not at all when there are fewer. */
const nthUntilMs = (vouchers: readonly Voucher[], count: number): number =>
  vouchers.map(({ untilMs }) => untilMs).sort((a, b) => b - a)[count - 1] ?? Number.NEGATIVE_INFINITY;
