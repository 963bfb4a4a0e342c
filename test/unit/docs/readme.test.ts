/** What the README shows works as it stands there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Embedded, startEmbedded } from '../../../sidecar/src/embedded.ts';

const ROOT = join(import.meta.dirname, '../../..');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = (language: string) =>
  [...README.matchAll(new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 'gs'))].map(([, text]) => text as string);
const curlLines = blocks('sh')
  .flatMap((text) => text.split('\n'))
  .filter((line) => line.startsWith('curl '));

/** The words of a shell line, without its comment. */
const words = (line: string) =>
  [...line.replace(/\s+#.*$/, '').matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? double ?? (bare as string),
  );

/** Sends what a curl line would send, with the session's id for ID. */
function send(line: string, url: string, sessionId: string): Promise<Response> {
  const [, ...args] = words(line);
  const json = args.includes('--json') ? args[args.indexOf('--json') + 1] : undefined;
  const method = args.includes('-X') ? args[args.indexOf('-X') + 1] : json === undefined ? 'GET' : 'POST';
  const target = args.find((word) => word.startsWith('$HYPERPAGE_URL')) ?? '';
  return fetch(target.replace('$HYPERPAGE_URL', url).replace('ID', sessionId), {
    method: method as string,
    ...(json === undefined
      ? {}
      : { body: json.replace('ID', sessionId), headers: { 'content-type': 'application/json' } }),
    ...(args.includes('-N') ? { headers: { accept: 'text/event-stream' } } : {}),
  });
}

let running: Embedded;
beforeAll(async () => {
  running = await startEmbedded({ count: 1, basePort: 0 });
});
afterAll(() => running.stop());

test('there are ten lines of curl', () => {
  expect(curlLines).toHaveLength(10);
});

test.each(curlLines)('%s', async (line) => {
  const url = running.sidecars[0]?.url as string;
  const { sessionId } = (await (await fetch(`${url}/api/sessions`)).json()) as { sessionId: string };
  const answer = await send(line, url, sessionId);
  await answer.body?.cancel();
  expect(answer.ok).toBe(true);
});

test('the first own HyperpageCluster has no field that the CRD does not know', () => {
  const [shop] = blocks('yaml').map((text) => parse(text) as { spec: Record<string, object> });
  const crd = parse(readFileSync(join(ROOT, 'crds/hyperpage.dev_hyperpageclusters.yaml'), 'utf8')) as {
    spec: { versions: Array<{ schema: { openAPIV3Schema: { properties: { spec: Schema } } } }> };
  };
  const schema = crd.spec.versions[0]?.schema.openAPIV3Schema.properties.spec as Schema;
  expect(unknownFields(shop?.spec ?? {}, schema)).toEqual([]);
});

interface Schema {
  properties?: Record<string, Schema>;
}

const unknownFields = (value: object, { properties = {} }: Schema, path = ''): string[] =>
  Object.entries(value).flatMap(([key, inner]) => {
    const known = properties[key];
    if (!known) return [`${path}/${key}`];
    return typeof inner === 'object' && inner !== null && known.properties
      ? unknownFields(inner as object, known, `${path}/${key}`)
      : [];
  });
