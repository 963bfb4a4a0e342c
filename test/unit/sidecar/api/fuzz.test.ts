import { Agent, request } from 'node:http';
import type { SessionAnswer, SessionUpdates } from '@hyperpage/contract';
import { Compile } from 'typebox/compile';
import { ROUTES, type Route } from '../../../../sidecar/src/api/index.ts';
import { type Embedded, startEmbedded } from '../../../../sidecar/src/embedded.ts';
import { MemoryWorld } from '../../../../sidecar/src/memory-world.ts';
import { plainRequest } from '../../../support/plain-http.ts';
import { seeded } from '../seeded.ts';
import { operationOf, requestMaker, type Sent, schemas } from './fuzz-requests.ts';
import { schemaInput } from './schema-input.ts';

/** Another seed, or more requests: HYPERPAGE_FUZZ=seed,count. */
const [SEED = 1, COUNT = 1500] = (process.env['HYPERPAGE_FUZZ'] ?? '1,1500').split(',').map(Number);
/** Only a guard against a hang. */
const TIMEOUT_MS = COUNT * 20;

interface Answer {
  status: number;
  type: string;
  text: string;
}

/** What an answer of one status may say, as its description lists it. */
const codesOf = (description: string) => [...description.matchAll(/([a-z-]+):/g)].map(([, code]) => code);
const checks = new Map(
  ROUTES.map(({ id, answers }) => [
    id,
    Object.values(answers).flatMap((content) =>
      'json' in content && content.json ? [Compile(content.json)] : [],
    ),
  ]),
);

const world = new MemoryWorld();
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
let running: Embedded;
let url: string;

beforeAll(async () => {
  running = await startEmbedded({ count: 1, basePort: 0, world, env: { SESSION_BIND_IP: 'true' } });
  url = running.sidecars[0]?.url ?? '';
});
afterAll(async () => {
  agent.destroy();
  await running.stop();
});

const make = async () =>
  ((await plainRequest(url, { path: '/api/sessions' })).body as SessionAnswer).sessionId;

/** Sends it as it is; of a stream only the head is waited for. */
const send = ({ body, ...sent }: Sent): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const outgoing = request({ host: hostname, port, agent, ...sent });
    outgoing.once('error', reject);
    outgoing.once('response', (incoming) => {
      const answer = {
        status: incoming.statusCode ?? 0,
        type: incoming.headers['content-type'] ?? '',
        text: '',
      };
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => (answer.text += chunk));
      incoming.once('end', () => resolve(answer));
      // A refused body may not be read to its end: then the server hangs up behind its answer.
      incoming.once('error', () => resolve(answer));
      if (!answer.type.startsWith('text/event-stream')) return;
      resolve(answer);
      outgoing.destroy();
    });
    outgoing.end(body);
  });

/** What is wrong with an answer; undefined when it is one that the document declares. */
function complaint(route: Route, { status, type, text }: Answer): string | undefined {
  const declared = operationOf(route).responses[String(status)];
  if (!declared) return `status ${status} is not declared`;
  const mediaType = type.split(';')[0] ?? '';
  if (!(mediaType in declared.content)) return `${mediaType} is not declared for ${status}`;
  if (status < 300) {
    const fitting = checks.get(route.id) ?? [];
    if (mediaType !== 'application/json' || fitting.some((check) => check.Check(JSON.parse(text))))
      return undefined;
    return 'the answer does not fit its schema';
  }
  const problem = JSON.parse(text) as { code: string; status: number; detail: string; field?: string };
  if (problem.code === 'internal') return 'the sidecar failed';
  if (problem.status !== status || !codesOf(declared.description).includes(problem.code))
    return `${problem.code} is not declared for ${status}`;
  if (!/^[A-Z/].{8,}\.$/s.test(problem.detail)) return 'the detail is no sentence';
  return text.length > 2000 ? 'the answer repeats the input' : undefined;
}

test(
  'every answer to every input is one that the document declares, and no other session is touched',
  async () => {
    const random = seeded(SEED);
    const [live, bound, deleted, expired, damaged, good] = await Promise.all(Array.from({ length: 6 }, make));
    const ids = [live, bound, deleted, expired, damaged, 'unknown-0123456789-abcdef'] as string[];
    const goodPath = `/api/sessions?sessionId=${good}`;
    const updates = { userId: 'good', toolConfigs: { git: { enabled: true, settings: { a: [1] } } } };
    await plainRequest(url, { method: 'PATCH', path: goodPath, body: updates });
    const before = (await plainRequest(url, { path: goodPath })).body as SessionAnswer;
    const ruin = () => {
      world.sessions.set(deleted as string, { kind: 'gone', expiresMs: Number.MAX_SAFE_INTEGER });
      const stored = world.sessions.get(good as string);
      if (stored?.kind !== 'live') throw new Error('the good session is gone');
      world.sessions.set(expired as string, { ...stored, expiresMs: 1 });
      world.sessions.set(damaged as string, { ...stored, leaves: new Map([['/userId', 'garbage{']]) });
      const bind = new Map([...stored.leaves, ['/metadata/ipAddress', '"198.51.100.9"']]);
      world.sessions.set(bound as string, { ...stored, leaves: bind });
      if (world.sessions.get(live as string)?.kind !== 'live')
        world.sessions.set(live as string, { ...stored });
    };

    const next = requestMaker(random, ids);
    const complaints: string[] = [];
    const statuses = new Map<string, number>();
    for (let count = 0; count < COUNT; count += 1) {
      if (count % 20 === 0) ruin();
      const route = random.of(ROUTES);
      const sent = next(route);
      const answer = await send(sent);
      const kind = `${route.id} ${answer.status}`;
      statuses.set(kind, (statuses.get(kind) ?? 0) + 1);
      const wrong = complaint(route, answer);
      if (wrong === undefined) continue;
      const { method, path, headers, body } = sent;
      complaints.push(
        `${wrong}: ${method} ${path.slice(0, 200)} ${JSON.stringify(headers).slice(0, 300)} ${String(body).slice(0, 600)} => ${answer.status} ${answer.text.slice(0, 300)}`,
      );
    }
    expect(complaints.slice(0, 5)).toEqual([]);
    // The generator is worth something only as long as it gets through, and is refused, at every door with a body.
    for (const { id, body } of ROUTES.filter((route) => route.body)) {
      const seen = [...statuses.keys()]
        .filter((kind) => kind.startsWith(`${id} `))
        .map((kind) => kind.at(-3));
      expect([id, body !== undefined, seen.includes('2'), seen.includes('4')]).toEqual([
        id,
        true,
        true,
        true,
      ]);
    }
    const after = (await plainRequest(url, { path: goodPath })).body as SessionAnswer;
    const asItWas = { ...before, session: { ...before.session, lastActivity: after.session.lastActivity } };
    expect(after).toEqual(asItWas);
  },
  TIMEOUT_MS,
);

test(
  'what an update that fits has set is what is read, and nothing else has changed',
  async () => {
    const random = seeded(SEED);
    const { valid } = schemaInput(schemas, random);
    let sessionId = await make();
    for (let count = 0; count < COUNT / 10; count += 1) {
      if (count % 20 === 0) sessionId = await make();
      const path = `/api/sessions?sessionId=${sessionId}`;
      const before = (await plainRequest(url, { path })).body as SessionAnswer;
      const updates = valid({ $ref: 'SessionUpdates' }) as SessionUpdates;
      const written = await plainRequest(url, { method: 'PATCH', path, body: updates });
      expect([written.status, JSON.stringify(updates)]).toEqual([200, JSON.stringify(updates)]);
      const { session } = (await plainRequest(url, { path })).body as SessionAnswer;
      const { lastActivity, metadata } = session;
      expect({ updates, session }).toEqual({
        updates,
        session: { ...merged(before.session, updates), lastActivity, metadata },
      });
    }
  },
  TIMEOUT_MS,
);

function merged(session: SessionAnswer['session'], updates: SessionUpdates): SessionAnswer['session'] {
  // Through JSON, as the updates went: it knows no negative zero.
  const given = JSON.parse(JSON.stringify(updates)) as SessionUpdates;
  const tools = Object.entries(given.toolConfigs ?? {})
    .filter(([, config]) => Object.keys(config).length > 0)
    .map(([tool, config]) => [tool, { ...session.toolConfigs[tool], ...config }]);
  return {
    ...session,
    ...given,
    preferences: { ...session.preferences, ...given.preferences },
    uiState: { ...session.uiState, ...given.uiState },
    toolConfigs: { ...session.toolConfigs, ...Object.fromEntries(tools) },
  };
}
