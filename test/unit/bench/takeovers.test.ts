import { type Candidate, ended as endedBy, takeovers } from '../../bench/candidates.ts';

/** Candidates of which the first that is alive leads. */
function fakeElection() {
  const candidates: Array<{ name: number; alive: boolean }> = [];
  const ended: number[] = [];
  const waiting = new Set<() => void>();
  const start = async (name: number): Promise<Candidate> => {
    const self = { name, alive: true };
    candidates.push(self);
    const end = Promise.withResolvers<void>();
    return {
      ended: end.promise,
      signal: () => {
        self.alive = false;
        ended.push(name);
        end.resolve();
        for (const look of waiting) look();
      },
      leads: () =>
        new Promise((resolve) => {
          const look = () => {
            if (candidates.find(({ alive }) => alive) === self) resolve();
          };
          waiting.add(look);
          look();
        }),
    };
  };
  return { start, ended, candidates };
}

const options = {
  fault: 'SIGKILL',
  candidates: 3,
  livesUpToMs: 0,
  random: () => 0,
  strike: (leader: Candidate) => endedBy(leader, 'SIGKILL'),
  settled: async () => {},
  say: () => {},
};

describe('takeovers', () => {
  it('ends the leader of the moment in each trial and times its successor', async () => {
    const { start, ended } = fakeElection();
    const times = await takeovers({ ...options, trials: 3, start });
    // And in the end all that are left.
    expect(ended.slice(0, 3)).toEqual([0, 1, 2]);
    expect(ended.toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4]);
    expect(times).toHaveLength(3);
  });

  it('puts a fresh candidate in the place of each one ended, but for the last', async () => {
    const { start, candidates } = fakeElection();
    await takeovers({ ...options, trials: 2, start });
    expect(candidates.map(({ name }) => name)).toEqual([0, 1, 2, 3]);
  });
});
