import { LEASE_ANNOTATIONS } from '@hyperpage/contract';
import { electorsOf, type Lease } from '@hyperpage/runtime';
import {
  chooseElectors,
  heldUntilMs,
  type Known,
  withElectors,
} from '../../../../runtime/src/election/electors.ts';
import { consider } from '../../../../runtime/src/election/promise.ts';
import { type ElectionState, initialState } from '../../../../runtime/src/election/state.ts';

const at = (monotonicMs: number) => ({ monotonicMs, wallMs: 1.9e12 + monotonicMs });
const elector = (id: string) => ({ id, host: `${id}:7071` });
const known = (id: string, node: string): Known => ({ ...elector(id), node, seenMs: 0 });

const running = (): ElectionState => ({
  ...initialState({
    identity: 'me_1',
    lease: { name: 'leader', namespace: 'demo' },
    timeoutMs: 30_000,
    heartbeatMs: 10_000,
    guardRatio: 0.1,
    createMissing: false,
    jitter: 0,
    electors: { host: 'me:7071', node: 'a', promiseMs: 600, beatMs: 150 },
  }),
  phase: 'running',
});

const promise = (candidate: string, term: number) =>
  ({ do: 'promise', candidate, term, forMs: 600 }) as const;

describe('an elector', () => {
  const promised = consider(running(), promise('x_1', 5), at(0)).state;

  test('promises one candidate at a time, and renews it for that one', () => {
    expect(consider(promised, promise('y_1', 6), at(599)).granted).toBe(false);
    expect(consider(promised, promise('x_1', 5), at(599)).granted).toBe(true);
    expect(consider(promised, promise('y_1', 6), at(600)).granted).toBe(true);
  });

  test('refuses a lower term than it has promised for good', () => {
    const next = consider(promised, promise('y_1', 6), at(600)).state;
    expect(consider(next, promise('x_1', 5), at(1e9)).granted).toBe(false);
    expect(consider(next, promise('y_1', 5), at(1e9)).granted).toBe(false);
  });

  test('says whether it would promise without doing so', () => {
    const probe = { do: 'probe', candidate: 'y_1', term: 6 } as const;
    expect(consider(promised, probe, at(599)).granted).toBe(false);
    const asked = consider(promised, probe, at(600));
    expect(asked.granted).toBe(true);
    expect(asked.state).toBe(promised);
  });

  test('is free at once when exactly this promise is given back', () => {
    const withdraw = (candidate: string, term: number) => ({ do: 'withdraw', candidate, term }) as const;
    const kept = consider(promised, withdraw('x_1', 4), at(10)).state;
    expect(consider(kept, promise('y_1', 6), at(20)).granted).toBe(false);
    const free = consider(promised, withdraw('x_1', 5), at(10)).state;
    expect(consider(free, promise('y_1', 6), at(20)).granted).toBe(true);
  });

  test('promises nothing before it has started or while it stops', () => {
    for (const phase of ['idle', 'stopping', 'stopped'] as const) {
      expect(consider({ ...running(), phase }, promise('x_1', 5), at(0)).granted).toBe(false);
    }
  });
});

describe('electors in a Lease', () => {
  const lease = (annotations: Record<string, string>): Lease => ({ metadata: { annotations } });
  const named = withElectors({ [LEASE_ANNOTATIONS.term]: '5' }, 5, [elector('a'), elector('b')]);

  test('are read as they were written', () => {
    expect(electorsOf(lease(named))).toEqual([elector('a'), elector('b')]);
    expect(withElectors(named, 6, [])).toEqual({ [LEASE_ANNOTATIONS.term]: '5' });
  });

  test.each([
    ['of another term: whoever took the Lease knows no electors', { [LEASE_ANNOTATIONS.term]: '6' }],
    ['that are no JSON', { [LEASE_ANNOTATIONS.electors]: 'a,b' }],
    ['that are no pairs', { [LEASE_ANNOTATIONS.electors]: '{"term":5,"electors":["a"]}' }],
  ])('are none when there are some %s', (_, more) => {
    expect(electorsOf(lease({ ...named, ...more }))).toEqual([]);
  });

  test('hold as long as the last of a majority', () => {
    const five = ['a', 'b', 'c', 'd', 'e'].map(elector);
    const grants = new Map([
      ['a', 100],
      ['b', 300],
      ['c', 200],
      ['z', 900],
    ]);
    expect(heldUntilMs(five, grants, 50)).toBe(150);
    grants.delete('a');
    expect(heldUntilMs(five, grants, 50)).toBe(Number.NEGATIVE_INFINITY);
    expect(heldUntilMs([], grants, 50)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('electors are chosen', () => {
  const ids = (others: Known[], current: string[] = []) =>
    chooseElectors(known('me', 'a'), others, current.map(elector)).map(({ id }) => id);

  test('in odd numbers, five at most, none when they could not lose one', () => {
    const others = (count: number) => Array.from({ length: count }, (_, i) => known(`p${i}`, `n${i}`));
    expect([0, 1, 2, 3, 4, 9].map((count) => ids(others(count)).length)).toEqual([0, 0, 3, 3, 5, 5]);
  });

  test('on as many nodes as there are', () => {
    expect(ids([known('p', 'a'), known('q', 'b'), known('r', 'b'), known('s', 'c')]).slice(0, 3)).toEqual([
      'me',
      'q',
      's',
    ]);
  });

  test('those that are it already before others', () => {
    expect(ids([known('p', 'b'), known('q', 'b'), known('r', 'c')], ['q', 'r'])).toEqual(['me', 'q', 'r']);
  });
});
