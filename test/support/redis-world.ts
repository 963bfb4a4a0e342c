import { createRegistry, silentLogger, systemClock } from '@hyperpage/runtime';
import { redisAdapters } from '../../sidecar/src/adapters.ts';
import { createRedisRegistry } from '../../sidecar/src/membership/index.ts';
import { createRedisLink, type RedisLink } from '../../sidecar/src/redis/index.ts';
import { type AdapterWorld, podsOf } from './adapter-world.ts';
import { type RedisServer, startRedis } from './redis-server.ts';

export interface RedisWorld extends AdapterWorld {
  readonly server: RedisServer;
  /** It is back, with nothing of what it had. */
  healEmpty(): Promise<void>;
}

/** Sidecars' adapters over a real redis-server that a test may kill, restart and empty. */
export async function startRedisWorld(): Promise<RedisWorld> {
  const server = await startRedis();
  const pods = podsOf(redisAdapters, systemClock, { REDIS_URL: server.url });
  const links: RedisLink[] = [];
  let down = false;
  return {
    server,
    clock: systemClock,
    open: (podId, env) => pods.open(podId, env),
    memberRegistry() {
      const link = createRedisLink(
        { kind: 'url', url: server.url },
        {
          clock: systemClock,
          random: Math.random,
          log: silentLogger,
          registry: createRegistry({ processMetrics: false }),
          waitMs: 0,
        },
      );
      links.push(link);
      return createRedisRegistry(link, 'hyperpage:coord');
    },
    async cut() {
      down = true;
      await server.kill('SIGKILL');
    },
    async heal() {
      down = false;
      await server.restart();
    },
    async healEmpty() {
      down = false;
      await server.restart({ empty: true });
    },
    async forget() {
      await server.client.flushall();
    },
    // Real time passes by itself.
    async advance() {},
    async closePods() {
      if (down) {
        down = false;
        await server.restart();
      }
      await pods.closeAll();
      for (const link of links.splice(0)) await link.close();
      await server.client.flushall();
    },
    stop: () => server.stop(),
  };
}
