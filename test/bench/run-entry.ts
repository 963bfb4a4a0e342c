import { type Bench, type Entry, type Row, Skipped } from './entry.ts';

export type EntryResult =
  | { kind: 'measured'; rows: Row[] }
  | { kind: 'skipped'; reason: string }
  | { kind: 'failed'; error: unknown };

const DEFAULT_LIMIT_MS = 180_000;

/** Runs one entry, for as long as it may take, and stops whatever it started however it ended: also when `interrupted`
 *  aborts, which is the user's Ctrl-C. */
export async function runEntry(
  entry: Entry,
  say: (line: string) => void,
  interrupted: AbortSignal,
): Promise<EntryResult> {
  const stops: Array<() => Promise<void> | void> = [];
  let over = false;
  const bench: Bench = {
    say,
    // An entry that was cut off does not know it yet: what it still starts is stopped at once.
    defer: (stop) => void (over ? stopped(stop, say) : stops.push(stop)),
    skip: (reason) => {
      throw new Skipped(reason);
    },
  };
  const result = await measured(entry, bench, interrupted);
  over = true;
  for (const stop of stops.toReversed()) await stopped(stop, say);
  return result;
}

async function stopped(stop: () => Promise<void> | void, say: (line: string) => void): Promise<void> {
  try {
    await stop();
  } catch (error) {
    say(`could not stop something: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function measured(entry: Entry, bench: Bench, interrupted: AbortSignal): Promise<EntryResult> {
  try {
    await entry.prepare?.((line) => bench.say(line));
    return { kind: 'measured', rows: await within(entry, bench, interrupted) };
  } catch (error) {
    return error instanceof Skipped ? { kind: 'skipped', reason: error.message } : { kind: 'failed', error };
  }
}

async function within(entry: Entry, bench: Bench, interrupted: AbortSignal): Promise<Row[]> {
  const limitMs = entry.limitMs ?? DEFAULT_LIMIT_MS;
  const cut = Promise.withResolvers<never>();
  const onInterrupt = () => cut.reject(new Error('interrupted'));
  const timer = setTimeout(() => cut.reject(new Error(`not done within ${limitMs / 1000} s`)), limitMs);
  interrupted.addEventListener('abort', onInterrupt, { once: true });
  try {
    if (interrupted.aborted) throw new Error('interrupted');
    return await Promise.race([entry.run(bench), cut.promise]);
  } finally {
    clearTimeout(timer);
    interrupted.removeEventListener('abort', onInterrupt);
  }
}
