import { createRegistry, silentLogger, systemClock } from '@hyperpage/runtime';
import { createPodServer, type HttpListener } from '../../../../sidecar/src/api/index.ts';
import { plainRequest } from '../../../support/plain-http.ts';

describe("the listener on the pod's address", () => {
  let server: HttpListener;
  let url: string;
  let missing: string[] = [];
  beforeAll(async () => {
    const registry = createRegistry({ processMetrics: true });
    server = createPodServer({ missing: () => missing, registry, clock: systemClock, log: silentLogger });
    url = `http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`;
  });
  afterAll(() => server.close(0));

  test('answers kubelet by whatever name it is called', async () => {
    const answer = await plainRequest(url, { path: '/healthz', headers: { host: '10.0.0.7:7071' } });
    expect(answer).toMatchObject({ status: 200, body: { status: 'ok' } });
  });

  test('is ready when nothing is missing, and says what is missing otherwise', async () => {
    missing = ['Redis was not reached yet'];
    const answer = await plainRequest(url, { path: '/readyz' });
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({
      code: 'not-ready',
      detail: 'Not ready: Redis was not reached yet.',
    });
    missing = [];
    expect((await plainRequest(url, { path: '/readyz' })).status).toBe(200);
  });

  test("gives metrics in Prometheus' format", async () => {
    const { headers, body } = await plainRequest(url, { path: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(body).toContain('process_resident_memory_bytes');
  });

  test.each(['/v1/leader', '/v1/messages', '/api/sessions', '/openapi.json'])(
    'serves nothing of the API: %s',
    async (path) => {
      expect(await plainRequest(url, { path })).toMatchObject({ status: 404, body: { code: 'not-found' } });
    },
  );
});
