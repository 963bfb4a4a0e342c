import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { drive } from '../../bench/load/drive.ts';
import { sendEach } from '../../bench/load/each.ts';
import { completeAnswer, encodeRequest } from '../../bench/load/http-connection.ts';

describe('drive', () => {
  it('has one call under way on each connection at most', async () => {
    const busy = new Set<number>();
    let overlaps = 0;
    await drive({ connections: 3, warmupMs: 0, forMs: 30 }, async (connection) => {
      if (busy.has(connection)) overlaps += 1;
      busy.add(connection);
      await new Promise((resolve) => setTimeout(resolve, 2));
      busy.delete(connection);
    });
    expect(overlaps).toBe(0);
  });

  it('counts the wait for a free connection when requests come at a rate', async () => {
    const { samples } = await drive(
      { connections: 1, warmupMs: 0, forMs: 40, perSecond: 200 },
      () => new Promise((resolve) => setTimeout(resolve, 20)),
    );
    expect(Math.max(...samples)).toBeGreaterThan(30);
  });

  it('counts wrong answers apart, by what was wrong', async () => {
    const { samples, errors } = await drive({ connections: 1, warmupMs: 0, forMs: 10 }, async (_, turn) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (turn === 0) throw new Error('status 500');
    });
    expect(errors).toEqual({ 'status 500': 1 });
    expect(samples.length).toBeGreaterThan(0);
  });
});

describe('sendEach', () => {
  it('sends every request once, over all connections', async () => {
    const paths: string[] = [];
    const server = createServer((req, res) => {
      paths.push(req.url ?? '');
      res.writeHead(204).end();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const requests = Array.from({ length: 50 }, (_, turn) => ({ method: 'GET' as const, path: `/${turn}` }));
    try {
      await sendEach(port, requests, 4);
    } finally {
      server.close();
    }
    expect(paths.toSorted()).toEqual(requests.map(({ path }) => path).toSorted());
  });

  it('tells of an answer that is no success', async () => {
    const server = createServer((_, res) => void res.writeHead(404, { 'content-length': 0 }).end());
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    try {
      await expect(sendEach(port, [{ method: 'GET', path: '/x' }], 1)).rejects.toThrow('GET /x: status 404');
    } finally {
      server.close();
    }
  });
});

describe('the lean HTTP connection', () => {
  it('sends the length of a body in bytes', () => {
    const request = encodeRequest({ method: 'POST', path: '/x', body: '"ü"' }, 'localhost').toString();
    expect(request).toMatch(/^POST \/x HTTP\/1\.1\r\n/);
    expect(request).toContain('content-length: 4\r\n\r\n"ü"');
  });

  it('sends a cookie where there is one', () => {
    const request = encodeRequest({ method: 'GET', path: '/x', cookie: 'sid=1' }, 'localhost').toString();
    expect(request).toMatch(/\r\ncookie: sid=1\r\n\r\n$/);
  });

  it('waits until the whole answer is there', () => {
    const answer = Buffer.from('HTTP/1.1 201 Created\r\nContent-Length: 5\r\nx: y\r\n\r\nhello');
    const partly = [10, 40, answer.length - 1].map((length) => completeAnswer(answer.subarray(0, length)));
    expect(partly).toEqual([undefined, undefined, undefined]);
    expect(completeAnswer(answer)).toBe(201);
  });

  it('refuses an answer whose length it cannot know', () => {
    const chunked = Buffer.from('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
    expect(() => completeAnswer(chunked)).toThrow('content-length');
  });
});
