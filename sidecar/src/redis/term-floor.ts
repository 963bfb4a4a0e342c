import type { RedisLink } from './link.ts';
import type { TermFloor } from './port.ts';

/** The highest term that any pod has told. */
export const termFloorKey = (channelPrefix: string): string => `${channelPrefix}:term:floor`;

/** The floor of terms in a key of Redis. */
export function createRedisTermFloor(link: RedisLink, channelPrefix: string): TermFloor {
  const raise = async (term: number) => {
    try {
      const floor = await link.call({
        name: 'term_raise',
        keys: [termFloorKey(channelPrefix)],
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
