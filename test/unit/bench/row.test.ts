import { row } from '../../bench/entry.ts';

const figures = { id: 'entry/figure', what: 'something', unit: 'ms', value: 30 };

describe('row', () => {
  it('divides our figure by the peer’s', () => {
    expect(row({ ...figures, peer: 'other', peerValue: 20 })).toMatchObject({ ratio: 1.5, peerValue: 20 });
  });

  it('is printed without a ratio and a peer when the peer could not be had', () => {
    expect(row({ ...figures, peer: undefined, peerValue: undefined })).toEqual(figures);
  });

  it('has no ratio to a peer of zero', () => {
    expect(row({ ...figures, peerValue: 0 })).not.toHaveProperty('ratio');
  });

  it('meets a bound that it reaches exactly, and misses one below', () => {
    expect(row({ ...figures, atMost: 30 })).toMatchObject({ goal: '<= 30 ms', met: true });
    expect(row({ ...figures, atMost: 29 })).toMatchObject({ goal: '<= 29 ms', met: false });
  });

  it('states the value as a multiple of the goal, of several the worst', () => {
    expect(row({ ...figures, atMost: 60 })).toMatchObject({ ofGoal: 0.5 });
    expect(row({ ...figures, atMost: 60, peerValue: 10, ratioAtMost: 2 })).toMatchObject({ ofGoal: 1.5 });
    expect(row({ ...figures, atMost: 0 })).not.toHaveProperty('ofGoal');
  });

  it('meets several goals only together', () => {
    const both = row({ ...figures, peerValue: 10, atMost: 100, ratioAtMost: 2 });
    expect(both).toMatchObject({ goal: '<= 100 ms, <= 2 x peer', met: false });
  });

  it('neither meets nor misses a goal when a figure that it needs could not be had', () => {
    const withoutPeer = row({ ...figures, ratioAtMost: 2 });
    expect(withoutPeer).toMatchObject({ goal: '<= 2 x peer' });
    expect(withoutPeer).not.toHaveProperty('met');
    expect(row({ ...figures, value: undefined, atMost: 2 })).not.toHaveProperty('met');
  });

  it('says nothing of goals where there are none', () => {
    expect(row(figures)).not.toHaveProperty('met');
  });
});
