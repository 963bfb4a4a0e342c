import {
  CoordinationMessage,
  GapNotice,
  LeaderCheckAnswer,
  LeaderCheckRequest,
  LeaderView,
  Member,
  MembersView,
  PROBLEM_MEDIA_TYPE,
  PROBLEMS,
  PRODUCT_VERSION,
  ProblemDocument,
  SendAnswer,
  SendRequest,
  SessionAnswer,
  SessionCreateRequest,
  SessionData,
  SessionImport,
  SessionImportAnswer,
  SessionImportRequest,
  SessionImportResult,
  SessionUpdateRequest,
  SessionUpdates,
} from '@hyperpage/contract';
import type { TSchema } from 'typebox';
import { type Content, ROUTES, type Route } from './routes.ts';

type Json = Record<string, unknown>;

/** Schemas that have a name in the document. */
const NAMED: Readonly<Record<string, TSchema>> = {
  SessionAnswer,
  SessionCreateRequest,
  SessionData,
  SessionImport,
  SessionImportAnswer,
  SessionImportRequest,
  SessionImportResult,
  SessionUpdateRequest,
  SessionUpdates,
  LeaderView,
  LeaderCheckRequest,
  LeaderCheckAnswer,
  SendRequest,
  SendAnswer,
  CoordinationMessage,
  GapNotice,
  Member,
  MembersView,
  ProblemDocument,
};
const NAMES = new Map<TSchema, string>(Object.entries(NAMED).map(([name, schema]) => [schema, name]));

const refTo = (schema: TSchema): unknown => {
  const name = NAMES.get(schema);
  return name === undefined ? schema : { $ref: `#/components/schemas/${name}` };
};

let document: Json | undefined;

/** The API as an OpenAPI 3.1 document, made of the route table and the contract's schemas. */
export function openApiDocument(): Json {
  document ??= {
    openapi: '3.1.0',
    info: {
      title: 'Hyperpage sidecar',
      version: PRODUCT_VERSION,
      description: 'Leadership, messages, sessions and members for the app in the same pod.',
    },
    servers: [{ url: 'http://127.0.0.1:7070', description: 'In the pod, as HYPERPAGE_URL says.' }],
    paths: paths(),
    components: { schemas: NAMED },
  };
  return document;
}

function paths(): Json {
  const byPath: Record<string, Json> = {};
  for (const route of ROUTES) {
    byPath[route.path] = { ...byPath[route.path], [route.method.toLowerCase()]: operation(route) };
  }
  return byPath;
}

function operation(route: Route): Json {
  const parameters = [
    ...Object.entries(route.query ?? {}).map(([name, { description, required, schema }]) => ({
      name,
      in: 'query',
      description,
      required: required ?? false,
      schema,
    })),
    ...Object.entries(route.headers ?? {}).map(([name, description]) => ({
      name,
      in: 'header',
      description,
      schema: { type: 'string' },
    })),
  ];
  return {
    operationId: route.id,
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: refTo(route.body) } } } }
      : {}),
    responses: { ...successes(route), ...problems(route) },
  };
}

const successes = (route: Route): Json =>
  Object.fromEntries(
    Object.entries(route.answers).map(([status, content]) => [
      status,
      { description: route.summary, content: contentOf(content) },
    ]),
  );

function contentOf(content: Content): Json {
  if ('text' in content) return { [content.text]: { schema: { type: 'string' } } };
  const json = content.json ? { 'application/json': { schema: refTo(content.json) } } : {};
  if (!('events' in content)) return json;
  const names = Object.keys(content.events);
  const data = [...new Set(Object.values(content.events))].map(refTo);
  const description = `Server-sent events: ${names.join(', ')}. The schema is that of data.`;
  return { ...json, 'text/event-stream': { schema: { description, anyOf: data } } };
}

/** What every route may answer. */
const EVERYWHERE = ['invalid-query', 'forbidden-host', 'headers-too-large', 'internal'] as const;

/** Problems of one status share an answer. */
function problems(route: Route): Json {
  const all = [...new Set([...route.problems, ...EVERYWHERE])];
  const byStatus = Map.groupBy(all, (code) => PROBLEMS[code].status);
  const content = { [PROBLEM_MEDIA_TYPE]: { schema: refTo(ProblemDocument) } };
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      String(status),
      { description: codes.map((code) => `${code}: ${PROBLEMS[code].title}.`).join(' '), content },
    ]),
  );
}
