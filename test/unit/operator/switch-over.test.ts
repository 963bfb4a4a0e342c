import { judge, switchOver } from '../../../operator/src/redis/index.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { clusterOf, nodeOf, PODS, sentinelOf } from './fixtures.ts';

const [PRIMARY, NEXT, THIRD] = ['10.0.0.1:6379', '10.0.0.2:6379', '10.0.0.3:6379'] as const;

/** Three pods of which the second is elected; what each was told is kept. */
function world({ good = () => 1, deaf = '' }: { good?: (askedTimes: number) => number; deaf?: string } = {}) {
  const clock = new VirtualClock();
  const told: string[] = [];
  let asked = 0;
  const answer = (address: string, [command, ...words]: readonly string[]): unknown => {
    if (command === 'SENTINEL' && words[0] === 'GET-MASTER-ADDR-BY-NAME') return NEXT.split(':');
    if (command === 'CONFIG' && words[0] === 'GET') return [words[1], '1'];
    if (command !== 'INFO') return void told.push(`${address} ${command} ${words.join(' ')}`.trim());
    const isNew = told.some((order) => order.startsWith(`${PRIMARY} REPLICAOF`));
    return isNew && address === NEXT
      ? `role:master\r\nmin_slaves_good_slaves:${good(asked++)}`
      : 'role:slave\r\nslave_repl_offset:7';
  };
  const observation = {
    expected: 3,
    missingAreEmpty: false,
    nodes: PODS.map((pod, i) => ({
      ...nodeOf(pod, { role: i === 0 ? 'primary' : 'replica' }),
      address: `10.0.0.${i + 1}:6379`,
    })),
    sentinels: PODS.map((pod) => sentinelOf(pod, { primary: PRIMARY })),
  };
  const done = switchOver({
    cluster: clusterOf(),
    judgement: judge(observation),
    replicas: [NEXT, THIRD],
    credentials: { password: 'secret' },
    clock,
    orders: async (address, _credentials, commands) => {
      if (address === deaf && commands.some(([command]) => command === 'REPLICAOF')) throw new Error('deaf');
      return commands.map((words) => answer(address, words));
    },
  });
  const followers = () =>
    told.filter((order) => order.includes('REPLICAOF')).map((order) => order.split(' ')[0]);
  return { clock, done, told, followers };
}

describe('handing over on purpose', () => {
  test('all others follow the new primary at once', async () => {
    const { done, followers, told } = world();
    expect(await done).toBe(NEXT);
    expect(followers()).toEqual([PRIMARY, THIRD]);
    expect(told.at(-1)).toBe(`${PRIMARY} CLIENT UNPAUSE`);
  });

  test('it is over when the new primary takes writes', async () => {
    const { clock, done } = world({ good: (askedTimes) => (askedTimes < 5 ? 0 : 1) });
    const state = { over: false };
    void done.then(() => Object.assign(state, { over: true }));
    await clock.advance(200);
    expect(state.over).toBe(false);
    await clock.advance(100);
    expect(state.over).toBe(true);
  });

  test('a replica that cannot be told, or a new primary without replicas, does not keep it from ending', async () => {
    const { clock, done } = world({ good: () => 0, deaf: THIRD });
    const state = { over: false };
    void done.then(() => Object.assign(state, { over: true }));
    await clock.advance(2500);
    expect(state.over).toBe(true);
  });

  test('a former primary that cannot be told is a failure', async () => {
    await expect(world({ deaf: PRIMARY }).done).rejects.toThrow('deaf');
  });
});
