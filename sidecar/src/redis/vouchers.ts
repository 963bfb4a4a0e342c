/** That a primary is the primary: WAIT alone does not tell. A primary that was cut off and comes back while the Sentinels
 *  replace it may find a replica that has not heard of it yet, and together they count as a majority, while another
 *  one is promoted that has nothing of it. So what WAIT confirmed counts only while the Sentinels that could outvote a
 *  failover say that they hear the primary: none of them can take it for down before its `down-after` is over. */

/** What one Sentinel says, good until a time on our own monotonic clock. */
export interface Voucher {
  /** `host:port` of the primary. */
  primary: string;
  untilMs: number;
  /** Sentinels that there are, as far as this one knows, and how many must hold the primary for down. */
  sentinels: number;
  quorum: number;
}

/** Of the time until a Sentinel may take the primary for down: the rest is for clocks that run at other speeds, and for
 *  a replica's report to reach the Sentinel before it elects. */
const SHARE = 0.75;

/** Reads what `SENTINEL MASTER` answers to a question that was sent at `sentMs`. Undefined when it vouches for nobody:
 *  it holds the primary for down, fails over, or is not connected to it. */
export function voucherOf(fields: Readonly<Record<string, unknown>>, sentMs: number): Voucher | undefined {
  const number = (name: string) => Number(fields[name]);
  if (fields['flags'] !== 'master') return undefined;
  const leftMs = number('down-after-milliseconds') - number('last-ok-ping-reply');
  if (!(leftMs > 0)) return undefined;
  return {
    primary: `${String(fields['ip'])}:${String(fields['port'])}`,
    untilMs: sentMs + leftMs * SHARE,
    sentinels: number('num-other-sentinels') + 1,
    quorum: number('quorum'),
  };
}

/** Until when so many Sentinels vouch for `primary` that the others cannot replace it. */
export function vouchedUntilMs(vouchers: ReadonlyArray<Voucher | undefined>, primary: string): number {
  const all = vouchers.filter((voucher) => voucher !== undefined);
  const sentinels = Math.max(0, ...all.map((voucher) => voucher.sentinels));
  const quorum = Math.min(...all.map((voucher) => voucher.quorum));
  const needed = Math.max(Math.floor(sentinels / 2) + 1, sentinels - quorum + 1);
  const untils = all
    .filter((voucher) => voucher.primary === primary)
    .map(({ untilMs }) => untilMs)
    .sort((a, b) => b - a);
  return untils[needed - 1] ?? Number.NEGATIVE_INFINITY;
}
