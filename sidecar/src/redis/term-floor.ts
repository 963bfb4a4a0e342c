import type { RedisLink } from './link.ts';
import type { TermFloor } from './port.ts';

/** The floor of terms in a key of Redis. */
export function createRedisTermFloor(link: RedisLink, channelPrefix: string): TermFloor {
  const raise = async (term: number) => {
    try {
      const floor = await link.call({
        name: 'term_raise',
        keys: [`${channelPrefix}:term:floor`],
        args: [term],
      });
      return Number(floor);
    } catch {
      return undefined;
    }
  };
  // Raising to nothing reads; no second function for it.
  return { read: () => raise(0), raise };
}
