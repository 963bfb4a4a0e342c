import { startEmbedded } from '../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../sidecar/src/memory-world.ts';
import { lacking, REDIS_PATIENCE_MS } from '../../../sidecar/src/readiness.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const late = REDIS_PATIENCE_MS;
const progress = { electionReady: true, redisReached: true, fallbackToMemory: true, sinceStartMs: 0 };

describe('what a new sidecar lacks', () => {
  test.each([
    { name: 'Redis reached: nothing', given: {}, lacks: [] },
    { name: 'the Lease not read', given: { electionReady: false, sinceStartMs: late }, lacks: [/Lease/] },
    {
      name: 'Redis not reached yet',
      given: { redisReached: false, sinceStartMs: late - 1 },
      lacks: [/Redis/],
    },
    {
      name: 'Redis away for long: memory serves',
      given: { redisReached: false, sinceStartMs: late },
      lacks: [],
    },
    {
      name: 'Redis away for long, and memory may not serve',
      given: { redisReached: false, sinceStartMs: late * 100, fallbackToMemory: false },
      lacks: [/Redis/],
    },
  ])('$name', ({ given, lacks }) => {
    expect(lacking({ ...progress, ...given })).toEqual(lacks.map((text) => expect.stringMatching(text)));
  });
});

describe('a sidecar that starts while Redis is down', () => {
  const start = async (fallback: string) => {
    const [world, clock] = [new MemoryWorld(), new VirtualClock()];
    world.reachable = false;
    const env = { SESSION_FALLBACK_TO_MEMORY: fallback };
    const embedded = await startEmbedded({ count: 1, basePort: 0, world, clock, env });
    const ask = async (path: string) => {
      const response = await fetch(`${embedded.sidecars[0]?.url}${path}`);
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    };
    const both = async () => {
      const answers = [await ask('/readyz'), await ask('/api/sessions?check=ready')];
      return answers.map(({ status }) => status);
    };
    return { world, clock, ask, both, stop: () => embedded.stop() };
  };

  test('is ready after a while, and keeps sessions in memory', async () => {
    const { clock, world, ask, both, stop } = await start('true');
    await clock.advance(1000);
    expect(await both()).toEqual([503, 503]);
    await clock.advance(REDIS_PATIENCE_MS);
    expect(await both()).toEqual([200, 200]);
    expect((await ask('/api/sessions?check=ready')).body).toMatchObject({
      ready: true,
      consistency: 'local',
    });
    expect(await ask('/api/sessions')).toMatchObject({ status: 200, body: { consistency: 'local' } });
    world.reachable = true;
    await stop();
  });

  test('is not ready before Redis is there where memory may not stand in', async () => {
    const { clock, world, both, stop } = await start('false');
    await clock.advance(10 * REDIS_PATIENCE_MS);
    expect(await both()).toEqual([503, 503]);
    world.reachable = true;
    expect(await both()).toEqual([200, 200]);
    await stop();
  });
});
