import { encodeRequest, openConnection } from './http-connection.ts';
import type { HttpRequest } from './job.ts';

/** Sends every request once, in no order, as fast as answers come. Not measured: it makes what is measured later.
 *  @throws Error on an answer that is no success. */
export async function sendEach(
  port: number,
  requests: Iterable<HttpRequest>,
  connections = 16,
): Promise<void> {
  // One iterator for all: each request is taken by one of them.
  const left = requests[Symbol.iterator]();
  const work = async () => {
    const connection = await openConnection(port);
    try {
      for (let next = left.next(); !next.done; next = left.next()) {
        const status = await connection.send(encodeRequest(next.value, `127.0.0.1:${port}`));
        if (status >= 300) throw new Error(`${next.value.method} ${next.value.path}: status ${status}`);
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: connections }, work));
}
