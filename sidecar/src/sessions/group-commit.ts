import type { FunctionCall, RedisLink } from '../redis/index.ts';

export interface Committed {
  value: unknown;
  /** Replicas that have it. */
  acks: number;
}

const MOST_IN_GROUP = 256;

/** Writes commit in groups: WAIT blocks its connection, so what arrives while one is under way goes together in the
 *  next one. A lone write does not wait for company. */
export function createGroupCommit(
  link: Pick<RedisLink, 'group'>,
  wait: { replicas: number; timeoutMs: number },
): (call: FunctionCall) => Promise<Committed> {
  type Waiting = {
    call: FunctionCall;
    resolve: (committed: Committed) => void;
    reject: (error: unknown) => void;
  };
  let waiting: Waiting[] = [];
  let running = false;

  const commit = async (group: readonly Waiting[]) => {
    try {
      const { results, acks } = await link.group(
        group.map(({ call }) => call),
        wait,
      );
      for (const [index, { resolve, reject }] of group.entries()) {
        const result = results[index];
        if (result && 'value' in result) resolve({ value: result.value, acks });
        else reject(result?.error ?? new Error('no reply'));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  };
  const run = async () => {
    running = true;
    while (waiting.length > 0) {
      const group = waiting.slice(0, MOST_IN_GROUP);
      waiting = waiting.slice(MOST_IN_GROUP);
      await commit(group);
    }
    running = false;
  };

  return (call) =>
    new Promise((resolve, reject) => {
      waiting.push({ call, resolve, reject });
      if (!running) void run();
    });
}
