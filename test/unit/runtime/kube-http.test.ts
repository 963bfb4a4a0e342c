import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import { createKubeHttp, isStatus, KubeError, type KubeHttp, listen } from '@hyperpage/runtime';

describe('Kubernetes over HTTP', () => {
  let server: Server;
  let sockets: Socket[];
  let answer: RequestListener;
  let http: KubeHttp;
  let url: string;

  beforeEach(async () => {
    sockets = [];
    server = createServer((incoming, outgoing) => answer(incoming, outgoing));
    server.on('connection', (socket) => sockets.push(socket));
    url = `http://127.0.0.1:${await listen(server, 0, '127.0.0.1')}`;
    http = createKubeHttp({ server: url, token: async () => 'secret' });
  });

  afterEach(async () => {
    http.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const failureOf = async (promise: Promise<unknown>): Promise<KubeError> => {
    const error = await promise.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(KubeError);
    return error as KubeError;
  };

  test('a request carries token, query, content type and JSON body, and gives the parsed answer', async () => {
    let body = '';
    const seen: unknown[] = [];
    answer = (incoming, outgoing) => {
      seen.push(
        incoming.method,
        incoming.url,
        incoming.headers.authorization,
        incoming.headers['content-type'],
      );
      incoming.on('data', (chunk) => (body += chunk)).on('end', () => outgoing.end('{"ok":true}'));
    };
    const given = await http.request({
      method: 'PATCH',
      path: '/api/x',
      query: { force: true, fieldManager: 'a b', absent: undefined },
      body: { a: 'ü' },
      contentType: 'application/apply-patch+yaml',
    });
    expect(given).toEqual({ ok: true });
    expect(seen).toEqual([
      'PATCH',
      '/api/x?force=true&fieldManager=a%20b',
      'Bearer secret',
      'application/apply-patch+yaml',
    ]);
    expect(body).toBe('{"a":"ü"}');
  });

  test('requests one after another use one connection', async () => {
    answer = (_incoming, outgoing) => outgoing.end('{}');
    for (let i = 0; i < 5; i++) await http.request({ method: 'GET', path: '/' });
    expect(sockets).toHaveLength(1);
  });

  test('a refusal becomes an error with status, reason, message and Retry-After', async () => {
    answer = (_incoming, outgoing) => {
      outgoing.writeHead(429, { 'retry-after': '7' });
      outgoing.end('{"kind":"Status","reason":"TooManyRequests","message":"storage is (re)initializing"}');
    };
    const error = await failureOf(http.request({ method: 'GET', path: '/api/x' }));
    expect(error).toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfterMs: 7000 });
    expect(error.message).toBe('GET /api/x: 429 storage is (re)initializing');
    expect(isStatus(error, 429)).toBe(true);
  });

  test('a refusal that is not JSON keeps its text', async () => {
    answer = (_incoming, outgoing) => outgoing.writeHead(503).end('no backend');
    expect(await failureOf(http.request({ method: 'GET', path: '/' }))).toMatchObject({
      status: 503,
      reason: '',
      message: 'GET /: 503 no backend',
      retryAfterMs: undefined,
    });
  });

  test('an answer that never begins ends at the time limit, with status 0', async () => {
    answer = () => {};
    const error = await failureOf(http.request({ method: 'GET', path: '/', timeoutMs: 50 }));
    expect(error).toMatchObject({ status: 0, message: 'GET /: no answer within 50 ms' });
  });

  test('an answer that begins and never ends ends at the time limit', async () => {
    answer = (_incoming, outgoing) => outgoing.write('{"a":');
    const error = await failureOf(http.request({ method: 'GET', path: '/', timeoutMs: 50 }));
    expect(error).toMatchObject({ status: 0, message: 'GET /: no answer within 50 ms' });
  });

  test('an answer that breaks off is an error, not half an object', async () => {
    answer = (_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': '100' });
      outgoing.write('{"a":1}', () => outgoing.destroy());
    };
    expect(await failureOf(http.request({ method: 'GET', path: '/' }))).toMatchObject({ status: 0 });
  });

  test("the caller's signal ends a request whether or not its answer has begun", async () => {
    for (const begun of [false, true]) {
      const abort = new AbortController();
      answer = (_incoming, outgoing) => {
        if (begun) outgoing.write('{', () => abort.abort(new Error('no longer wanted')));
        else abort.abort(new Error('no longer wanted'));
      };
      const error = await failureOf(http.request({ method: 'GET', path: '/', signal: abort.signal }));
      expect(error).toMatchObject({ status: 0, message: 'GET /: no longer wanted' });
    }
    const before = AbortSignal.abort(new Error('too late'));
    answer = () => {
      throw new Error('nothing must be sent');
    };
    expect((await failureOf(http.request({ method: 'GET', path: '/', signal: before }))).message).toBe(
      'GET /: too late',
    );
  });

  test('a refused connection is an error with status 0 that names the cause', async () => {
    const closed = createServer();
    const port = await listen(closed, 0, '127.0.0.1');
    await new Promise((resolve) => closed.close(resolve));
    const error = await failureOf(
      createKubeHttp({ server: `http://127.0.0.1:${port}` }).request({ method: 'GET', path: '/x' }),
    );
    expect(error.status).toBe(0);
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('a token that cannot be read is an error of the request', async () => {
    const client = createKubeHttp({ server: url, token: () => Promise.reject(new Error('no such file')) });
    expect(await failureOf(client.request({ method: 'GET', path: '/' }))).toMatchObject({
      status: 0,
      message: 'GET /: no token: no such file',
    });
  });

  test('a read on a connection that was closed while idle is sent again; a write is not', async () => {
    let requests = 0;
    answer = (_incoming, outgoing) => {
      requests += 1;
      // Answers the first request of a connection and resets it at the second.
      if (requests % 2 === 1) outgoing.end('{}');
      else outgoing.socket?.resetAndDestroy();
    };
    await http.request({ method: 'GET', path: '/' });
    await http.request({ method: 'GET', path: '/' });
    expect(requests).toBe(3);
    const error = await failureOf(http.request({ method: 'POST', path: '/', body: {} }));
    expect(error.status).toBe(0);
    expect(requests).toBe(4);
  });

  test('a stream that is reset in the middle is not opened again behind its reader', async () => {
    let streams = 0;
    answer = (incoming, outgoing) => {
      if (incoming.url === '/idle') {
        outgoing.end('{}');
        return;
      }
      streams += 1;
      outgoing.write('first', () => outgoing.socket?.resetAndDestroy());
    };
    // A stream that ends well leaves a connection that the next stream uses again.
    const idle = await http.stream({ method: 'GET', path: '/idle' });
    await new Promise((resolve) => idle.resume().once('close', resolve));
    const stream = await http.stream({ method: 'GET', path: '/watch' });
    await new Promise((resolve) => stream.resume().once('close', resolve));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(streams).toBe(1);
  });

  test('after a time-out no idle connection of before is used again', async () => {
    answer = (incoming, outgoing) => {
      if (incoming.url !== '/silent') outgoing.end('{}');
    };
    await Promise.all([
      http.request({ method: 'GET', path: '/' }),
      http.request({ method: 'GET', path: '/' }),
    ]);
    expect(sockets).toHaveLength(2);
    await failureOf(http.request({ method: 'GET', path: '/silent', timeoutMs: 50 }));
    await http.request({ method: 'GET', path: '/' });
    expect(sockets).toHaveLength(3);
  });

  test('streams have connections of their own, so that many watches do not stop a write', async () => {
    const one = createKubeHttp({ server: url }, { maxSockets: 1 });
    answer = (incoming, outgoing) => {
      if (incoming.method === 'GET') outgoing.write('\n');
      else outgoing.end('{}');
    };
    const streams = await Promise.all([1, 2, 3].map(() => one.stream({ method: 'GET', path: '/watch' })));
    await one.request({ method: 'POST', path: '/', body: {} });
    expect(sockets).toHaveLength(4);
    for (const stream of streams) stream.destroy();
  });

  test("a stream outlives the time limit of its headers and ends at the caller's signal", async () => {
    const abort = new AbortController();
    let write = (_text: string) => {};
    answer = (_incoming, outgoing) => {
      write = (text) => outgoing.write(text);
      write('first');
    };
    const stream = await http.stream({ method: 'GET', path: '/', timeoutMs: 300, signal: abort.signal });
    const [first] = (await once(stream, 'data')) as [Buffer];
    await new Promise((resolve) => setTimeout(resolve, 350));
    write('second');
    const [second] = (await once(stream, 'data')) as [Buffer];
    expect(`${first.toString()} ${second.toString()}`).toBe('first second');
    const closed = new Promise((resolve) => stream.once('close', resolve));
    abort.abort();
    await closed;
    expect(stream.destroyed).toBe(true);
  });

  test('a stream that is refused gives the refusal', async () => {
    answer = (_incoming, outgoing) => outgoing.writeHead(410).end('{"reason":"Expired","message":"too old"}');
    expect(await failureOf(http.stream({ method: 'GET', path: '/w' }))).toMatchObject({
      status: 410,
      reason: 'Expired',
    });
  });
});
