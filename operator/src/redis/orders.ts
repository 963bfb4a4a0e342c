import { connected, dial, endpoint, plain, withPassword } from './dial.ts';
import type { RedisOrders } from './types.ts';

/** Longest wait for an answer, in milliseconds: an order may rewrite a file. */
const PATIENCE_MS = 5000;

/** Sends orders over a connection of their own. */
export const sendRedisOrders: RedisOrders = (address, credentials, commands, tolerated) =>
  withPassword(credentials, async (each) => {
    const client = dial({ ...endpoint(address, each), commandTimeout: PATIENCE_MS });
    try {
      await connected(client);
      const answers = await Promise.allSettled(
        commands.map(([command, ...words]) => client.call(command ?? '', ...words)),
      );
      for (const answer of answers) {
        if (answer.status === 'rejected' && !tolerated?.test(String(answer.reason)))
          throw plain(answer.reason);
      }
      return answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : undefined));
    } finally {
      client.disconnect();
    }
  });
