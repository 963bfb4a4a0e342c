import { openApiDocument, ROUTES } from '../../../../sidecar/src/api/index.ts';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { plainRequest } from '../../../support/plain-http.ts';

interface Operation {
  operationId: string;
  responses: Record<string, { content: Record<string, unknown> }>;
}
type Paths = Record<string, Record<string, Operation>>;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

describe('/openapi.json', () => {
  let running: Embedded;
  let url: string;
  beforeAll(async () => {
    running = await startEmbedded({ count: 1, basePort: 0 });
    url = running.sidecars[0]?.url ?? '';
  });
  afterAll(() => running.stop());

  test('is served as it is generated', async () => {
    const { status, body } = await plainRequest(url, { path: '/openapi.json' });
    expect(status).toBe(200);
    expect(body).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
    expect(body).toMatchObject({ openapi: '3.1.0' });
  });

  test('names every path and method that the router takes, and none besides', async () => {
    const paths = openApiDocument()['paths'] as Paths;
    const answers = await Promise.all(
      Object.keys(paths).flatMap((path) =>
        METHODS.map(async (method) => {
          // A body that fits nowhere: no route may do anything.
          const answer = await plainRequest(url, {
            method,
            path: `${path}?not-a-parameter=1`,
            ...(method === 'GET' ? {} : { body: [] }),
          });
          return { path, method, taken: answer.status !== 405 && answer.status !== 404 };
        }),
      ),
    );
    for (const { path, method, taken } of answers) {
      expect({ path, method, taken }).toEqual({
        path,
        method,
        taken: method.toLowerCase() in (paths[path] ?? {}),
      });
    }
  });

  test('every operation has a name of its own, and every answer a content', () => {
    const operations = Object.values(openApiDocument()['paths'] as Paths).flatMap((path) =>
      Object.values(path),
    );
    expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
    for (const { responses } of operations) {
      for (const { content } of Object.values(responses)) expect(Object.keys(content)).not.toEqual([]);
    }
  });

  test('every reference leads to a schema', () => {
    const text = JSON.stringify(openApiDocument());
    const { schemas } = openApiDocument()['components'] as { schemas: Record<string, unknown> };
    const names = [...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map((match) => match[1] ?? '');
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) expect(schemas).toHaveProperty(name);
  });
});
