import type { Bench, Entry } from '../../bench/entry.ts';
import { runEntry } from '../../bench/run-entry.ts';

const entry = (run: (bench: Bench) => Promise<never[]>, limitMs = 5000): Entry => ({
  name: 'x',
  what: 'x',
  limitMs,
  run,
});
const never = new AbortController().signal;
const quiet = () => {};

describe('an entry', () => {
  it('has what it started stopped in reverse order, also when it fails', async () => {
    const stopped: string[] = [];
    const result = await runEntry(
      entry(async (bench) => {
        bench.defer(() => void stopped.push('redis'));
        bench.defer(() => void stopped.push('sidecar'));
        throw new Error('broken');
      }),
      quiet,
      never,
    );
    expect(result).toMatchObject({ kind: 'failed' });
    expect(stopped).toEqual(['sidecar', 'redis']);
  });

  it('goes on stopping when something cannot be stopped, and says so', async () => {
    const stopped: string[] = [];
    const said: string[] = [];
    await runEntry(
      entry(async (bench) => {
        bench.defer(() => void stopped.push('redis'));
        bench.defer(() => {
          throw new Error('stuck');
        });
        return [];
      }),
      (line) => said.push(line),
      never,
    );
    expect(stopped).toEqual(['redis']);
    expect(said.join()).toContain('stuck');
  });

  it('is skipped with its reason', async () => {
    const result = await runEntry(
      entry(async (bench) => bench.skip('run make demo first')),
      quiet,
      never,
    );
    expect(result).toEqual({ kind: 'skipped', reason: 'run make demo first' });
  });

  it('fails when it takes too long, and what it starts after that is stopped at once', async () => {
    const late = Promise.withResolvers<Bench>();
    const result = await runEntry(
      entry((bench) => {
        late.resolve(bench);
        return new Promise(() => {});
      }, 10),
      quiet,
      never,
    );
    expect(result).toMatchObject({ kind: 'failed' });
    let stopped = false;
    (await late.promise).defer(() => {
      stopped = true;
    });
    expect(stopped).toBe(true);
  });

  it('ends at the user’s interrupt with everything stopped', async () => {
    const interrupt = new AbortController();
    let stopped = false;
    const result = await runEntry(
      entry((bench) => {
        bench.defer(() => {
          stopped = true;
        });
        interrupt.abort();
        return new Promise(() => {});
      }),
      quiet,
      interrupt.signal,
    );
    expect(result).toMatchObject({ kind: 'failed' });
    expect(stopped).toBe(true);
  });
});
