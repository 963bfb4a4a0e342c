import type { FunctionCall, RedisLink } from '../../../../sidecar/src/redis/index.ts';
import { createGroupCommit } from '../../../../sidecar/src/sessions/group-commit.ts';
import { settled } from '../../../support/virtual-clock.ts';

const call = (n: number): FunctionCall => ({ name: 'session_write', keys: [String(n)], args: [] });

/** A link whose groups wait for a test to answer them. */
function scripted() {
  const groups: Array<{ calls: readonly FunctionCall[]; answer(acks: number): void; fail(): void }> = [];
  const link: Pick<RedisLink, 'group'> = {
    group: (calls) =>
      new Promise((resolve, reject) => {
        groups.push({
          calls,
          answer: (acks) =>
            resolve({
              acks,
              results: calls.map(({ keys: [key] }) =>
                key === '13' ? { error: new Error('unlucky') } : { value: key },
              ),
            }),
          fail: () => reject(new Error('the connection broke')),
        });
      }),
  };
  return { groups, commit: createGroupCommit(link, { replicas: 1, timeoutMs: 1000 }) };
}

describe('the group commit', () => {
  test('a lone write goes at once; what comes while it waits goes together after it', async () => {
    const { groups, commit } = scripted();
    const first = commit(call(1));
    const rest = [2, 3, 4].map((n) => commit(call(n)));
    expect(groups.map(({ calls }) => calls.length)).toEqual([1]);
    groups[0]?.answer(2);
    expect(await first).toEqual({ value: '1', acks: 2 });
    await settled();
    expect(groups.map(({ calls }) => calls.length)).toEqual([1, 3]);
    groups[1]?.answer(0);
    expect(await Promise.all(rest)).toEqual(['2', '3', '4'].map((value) => ({ value, acks: 0 })));
    const later = commit(call(5));
    expect(groups).toHaveLength(3);
    groups[2]?.answer(1);
    expect(await later).toEqual({ value: '5', acks: 1 });
  });

  test('a failure is its own; a broken connection is of the whole group and not of the next', async () => {
    const { groups, commit } = scripted();
    const outcomes: string[] = [];
    const note = (n: number) =>
      commit(call(n)).then(
        () => outcomes.push(`${n} ok`),
        (error: Error) => outcomes.push(`${n} ${error.message}`),
      );
    const all = [note(1), note(13), note(2)];
    groups[0]?.fail();
    await settled();
    groups[1]?.answer(1);
    await Promise.all(all);
    expect(outcomes).toEqual(['1 the connection broke', '13 unlucky', '2 ok']);
  });
});
