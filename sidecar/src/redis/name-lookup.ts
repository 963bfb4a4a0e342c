import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { type Clock, sleep } from '@hyperpage/runtime';

/** The IP address of a host name; rejects when there is none. */
export type NameLookup = (host: string) => Promise<string>;

export const systemLookup: NameLookup = async (host) => (await lookup(host)).address;

/** Longer than a healthy DNS takes, short beside a failover. */
const PATIENCE_MS = 500;
/** For a name that was never resolved there is nothing to fall back on but time. */
const FIRST_PATIENCE_MS = 2000;

/** `lookup` that remembers: when it fails, or is silent for half a second, the last address it gave is given again.
 *  The node that dies with the primary may have held the only DNS server, and failing over must not wait for it. A
 *  lookup under way is shared, and one that is overdue is not waited for again. */
export function rememberingLookup(lookup: NameLookup, clock: Clock): NameLookup {
  const remembered = new Map<string, string>();
  const pending = new Map<string, { answer: Promise<string>; startMs: number }>();

  const ask = (host: string) => {
    const known = pending.get(host);
    if (known) return known;
    const answer = lookup(host).then((address) => {
      remembered.set(host, address);
      return address;
    });
    const asked = { answer, startMs: clock.monotonicMs() };
    pending.set(host, asked);
    const forget = () => pending.delete(host);
    answer.then(forget, forget);
    return asked;
  };

  return async (host) => {
    if (isIP(host) > 0) return host;
    const { answer, startMs } = ask(host);
    const last = remembered.get(host);
    const patienceMs = last === undefined ? FIRST_PATIENCE_MS : PATIENCE_MS;
    const leftMs = startMs + patienceMs - clock.monotonicMs();
    if (last !== undefined && leftMs <= 0) return last;
    try {
      const address = await Promise.race([answer, sleep(clock, leftMs)]);
      if (address !== undefined) return address;
    } catch (error) {
      if (last === undefined) throw error;
    }
    if (last === undefined) throw new Error(`no answer from DNS for ${host}`);
    return last;
  };
}

/** `lookup` in the shape that `net.connect` takes. */
export const lookupOfNet =
  (lookup: NameLookup): LookupFunction =>
  (host, { all }, callback) =>
    callbackify(lookup)(host, (error, address) => {
      const family = isIP(address ?? '');
      if (error) callback(error, '');
      else if (all) callback(null, [{ address, family }]);
      else callback(null, address, family);
    });
