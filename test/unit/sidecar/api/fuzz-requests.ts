import { SESSION_COOKIE } from '@hyperpage/contract';
import { openApiDocument, type Route } from '../../../../sidecar/src/api/index.ts';
import type { seeded } from '../seeded.ts';
import { type JsonSchema, schemaInput, TEXTS } from './schema-input.ts';

export interface Operation {
  requestBody?: { content: { 'application/json': { schema: JsonSchema } } };
  parameters?: Array<{ name: string; in: 'query' | 'header' }>;
  responses: Record<string, { description: string; content: Record<string, unknown> }>;
}
export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer | undefined;
}
const document = JSON.parse(JSON.stringify(openApiDocument())) as {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, JsonSchema> };
};
/** Schemas by their name. */
export const { schemas } = document.components;
/** What the document says of a route. */
export const operationOf = ({ path, method }: Route) =>
  document.paths[path]?.[method.toLowerCase()] as Operation;
/** Requests for all routes of the API, from good ones to nonsense; many are about the sessions `ids`. */
export function requestMaker(random: ReturnType<typeof seeded>, ids: readonly string[]) {
  const { below, of } = random;
  const often = <T>(usual: T, odd: () => T): T => (below(4) > 0 ? usual : odd());
  const input = schemaInput(schemas, random);
  const anyId = () => often(of(ids), () => of(TEXTS));

  const withId = (body: unknown): unknown =>
    typeof body === 'object' && body !== null && 'sessionId' in body && below(8) > 0
      ? { ...body, sessionId: anyId() }
      : body;

  const bytesOf = (schema: JsonSchema): Buffer => {
    let value = withId(input.valid(schema));
    for (let spoils = below(3); spoils > 0; spoils -= 1) value = input.spoilt(value);
    const text = JSON.stringify(value);
    const bytes = Buffer.from(text);
    return often(bytes, () =>
      of([
        bytes.subarray(0, below(bytes.length)),
        Buffer.concat([Buffer.from('\ufeff'), bytes]),
        Buffer.concat([bytes, Buffer.from(' x')]),
        Buffer.concat([bytes.subarray(0, 1), Buffer.from([0xff, 0xc0]), bytes.subarray(1)]),
        Buffer.from(text.replaceAll(/\d+/g, '1e999')),
        Buffer.from(text.replaceAll('"', "'")),
        Buffer.from(text, 'utf16le'),
        Buffer.from(''),
      ]),
    );
  };

  const queryOf = (parameters: Operation['parameters'] = []): string => {
    const value = (name: string) => (name === 'check' ? of(['ready', 'live', '']) : anyId());
    const named = parameters
      .filter((parameter) => parameter.in === 'query')
      .filter(({ name }) => (name === 'check' ? below(10) === 0 : below(8) > 0))
      .map(({ name }) => `${name}=${encodeURIComponent(value(name).toWellFormed())}`);
    const odd = () =>
      of(['x=1', 'sessionId=a&sessionId=b', 'sessionId=%zz', 'sessionId[]=a', '&&', '=', '%00=1']);
    const all = below(12) === 0 ? [...named, odd()] : named;
    return all.length === 0 ? '' : `?${all.join('&')}`;
  };

  const headersOf = (hasBody: boolean): Record<string, string> => {
    const maybe = (oneIn: number, name: string, values: readonly string[]) =>
      below(oneIn) === 0 ? { [name]: of(values) } : {};
    return {
      ...(hasBody
        ? {
            'content-type': often('application/json', () =>
              of([
                '',
                'text/plain',
                'application/json; charset=latin1',
                'application/json;charset=UTF-8',
                'a/b;;',
              ]),
            ),
          }
        : {}),
      ...maybe(20, 'content-encoding', ['gzip', 'identity', 'x']),
      ...maybe(5, 'if-match', ['"1"', '"999"', '*', 'W/"1"', '""', '"1", "2"', '-1']),
      ...maybe(3, 'cookie', [
        ...ids.map((id) => `a=b; ${SESSION_COOKIE}=${id}`),
        `${SESSION_COOKIE}=`,
        `${SESSION_COOKIE}="q"`,
        `${SESSION_COOKIE}=__proto__`,
        `${SESSION_COOKIE}=${'x'.repeat(500)}`,
        `;;=;${SESSION_COOKIE}`,
      ]),
      ...maybe(4, 'hyperpage-client-ip', [
        '203.0.113.7',
        '::1',
        '::ffff:10.0.0.1',
        'fe80::1%eth0',
        'me',
        '',
        '1.2.3.4, 5.6.7.8',
      ]),
      ...maybe(6, 'accept', ['text/event-stream', '*/*', '']),
      ...maybe(8, 'last-event-id', ['0-0', '5-0', 'x', '-1', 'é'.repeat(20), `${2 ** 53}-${2 ** 53}`]),
      ...maybe(20, 'host', ['evil.example', 'localhost', '']),
    };
  };

  return (route: Route): Sent => {
    const { requestBody, parameters } = operationOf(route);
    const body = requestBody ? bytesOf(requestBody.content['application/json'].schema) : undefined;
    const path = `${route.path}${queryOf(parameters)}`;
    const length = body ? { 'content-length': String(body.length) } : {};
    return { method: route.method, path, headers: { ...headersOf(body !== undefined), ...length }, body };
  };
}
