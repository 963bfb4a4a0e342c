import {
  CoordinationMessage,
  GapNotice,
  LeaderCheckAnswer,
  LeaderCheckRequest,
  LeaderView,
  StepDownRequest,
  MembersView,
  type ProblemCode,
  SendAnswer,
  SendRequest,
  SessionAnswer,
  SessionCreateRequest,
  SessionImportAnswer,
  SessionImportRequest,
  SessionUpdateRequest,
  SessionUpdates,
  TERM_HEADER,
} from '@hyperpage/contract';
import { type TSchema, Type } from 'typebox';

/** Every route of the API, once: the router, the metrics' labels and `/openapi.json` are made of this table. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** Name of its handler, and `operationId`. */
  id: RouteId;
  summary: string;
  /** Taken before Express sees it: Express costs several times the CPU of a plain handler. */
  hot?: true;
  query?: Readonly<Record<string, { description: string; required?: true; schema: TSchema }>>;
  headers?: Readonly<Record<string, string>>;
  body?: TSchema;
  answers: Readonly<Record<number, Content>>;
  problems: readonly ProblemCode[];
}

export type Content =
  | { json: TSchema }
  /** Server-sent events: name of each, and its data. */
  | { events: Readonly<Record<string, TSchema>>; json?: TSchema }
  | { text: string };

export type RouteId =
  | 'getLeader'
  | 'leaderEvents'
  | 'checkLeader'
  | 'stepDown'
  | 'sendMessage'
  | 'receiveMessages'
  | 'getMembers'
  | 'getSession'
  | 'postSession'
  | 'patchSession'
  | 'deleteSession'
  | 'createSession'
  | 'importSessions'
  | 'healthz'
  | 'readyz'
  | 'metrics'
  | 'openapi';

const Removed = Type.Object({
  success: Type.Literal(true),
  sessionId: Type.String(),
  consistency: Type.String(),
});
const Ready = Type.Object({
  success: Type.Literal(true),
  ready: Type.Literal(true),
  consistency: Type.String(),
});

const sessionId = { description: 'The session.', schema: Type.String({ minLength: 1, maxLength: 128 }) };
const clientIp = {
  'Hyperpage-Client-Ip': "The user's address: a new session is for it, and may be kept to it.",
};
const ifMatch = { 'If-Match': 'ETag of the version to change; another one answers 412.' };
const term = {
  [TERM_HEADER]:
    'Fencing token: the term under which this pod leads. Refused with 409 when a later leader is known.',
};
const badBody = ['bad-request', 'invalid-body', 'body-too-large', 'unsupported-media-type'] as const;
const badUpdate = ['session-bound', 'session-not-found', 'version-conflict', 'session-damaged'] as const;
const badWrite = ['redis-unavailable', 'not-acknowledged'] as const;
const badTerm = ['term-overtaken'] as const;

const sessionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/api/sessions',
    id: 'getSession',
    hot: true,
    summary:
      'Read a session by id or cookie, or make a new one. With check=ready: whether sessions can be kept.',
    query: {
      sessionId,
      check: { description: 'Readiness instead of a session.', schema: Type.Literal('ready') },
    },
    headers: clientIp,
    answers: { 200: { json: Type.Union([SessionAnswer, Ready]) } },
    problems: [
      'bad-request',
      'session-bound',
      'session-not-found',
      'session-damaged',
      'not-ready',
      ...badWrite,
    ],
  },
  {
    method: 'POST',
    path: '/api/sessions',
    id: 'postSession',
    hot: true,
    summary: 'Change a session.',
    headers: { ...ifMatch, ...term, ...clientIp },
    body: SessionUpdateRequest,
    answers: { 200: { json: SessionAnswer } },
    problems: [...badBody, ...badUpdate, ...badTerm, ...badWrite],
  },
  {
    method: 'PATCH',
    path: '/api/sessions',
    id: 'patchSession',
    hot: true,
    summary: 'Change a session, named in the query.',
    query: { sessionId: { ...sessionId, required: true } },
    headers: { ...ifMatch, ...term, ...clientIp },
    body: SessionUpdates,
    answers: { 200: { json: SessionAnswer } },
    problems: [...badBody, ...badUpdate, ...badTerm, ...badWrite],
  },
  {
    method: 'DELETE',
    path: '/api/sessions',
    id: 'deleteSession',
    summary: 'Remove a session for good.',
    query: { sessionId: { ...sessionId, required: true } },
    headers: { ...term, ...clientIp },
    answers: { 200: { json: Removed } },
    problems: ['bad-request', 'session-bound', 'session-not-found', ...badTerm, ...badWrite],
  },
  {
    method: 'POST',
    path: '/v1/sessions',
    id: 'createSession',
    summary: 'Make a session, under an id of your own if you like.',
    headers: term,
    body: SessionCreateRequest,
    answers: { 201: { json: SessionAnswer } },
    problems: [...badBody, 'session-exists', ...badTerm, ...badWrite],
  },
  {
    method: 'POST',
    path: '/v1/sessions/import',
    id: 'importSessions',
    summary: 'Take over sessions of a former store, each judged by itself; doing it again changes nothing.',
    body: SessionImportRequest,
    answers: { 200: { json: SessionImportAnswer } },
    problems: [...badBody, ...badWrite],
  },
];

const coordinationRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/leader',
    id: 'getLeader',
    summary: 'Who leads, under which term, and for how long this pod may act as leader.',
    answers: { 200: { json: LeaderView } },
    problems: ['election-disabled'],
  },
  {
    method: 'GET',
    path: '/v1/leader/events',
    id: 'leaderEvents',
    summary: 'Changes of leadership as they come; the first event is the state now.',
    answers: {
      200: { events: { acquired: LeaderView, expiring: LeaderView, lost: LeaderView, changed: LeaderView } },
    },
    problems: ['election-disabled'],
  },
  {
    method: 'POST',
    path: '/v1/leader/check',
    id: 'checkLeader',
    summary: 'Whether this pod still leads under a term, and for how long.',
    body: LeaderCheckRequest,
    answers: { 200: { json: LeaderCheckAnswer } },
    problems: [...badBody, 'election-disabled'],
  },
  {
    method: 'POST',
    path: '/v1/leader/step-down',
    id: 'stepDown',
    summary: 'Let another pod lead, as before maintenance; this one does not stand again for a while.',
    body: StepDownRequest,
    answers: { 200: { json: LeaderView } },
    problems: [...badBody, 'not-leader', 'election-disabled'],
  },
  {
    method: 'POST',
    path: '/v1/messages',
    id: 'sendMessage',
    hot: true,
    summary: 'Send a message to every pod, or to one.',
    body: SendRequest,
    answers: { 202: { json: SendAnswer } },
    problems: [
      ...badBody,
      'member-not-found',
      'term-overtaken',
      'rate-limited',
      'coordination-disabled',
      'redis-unavailable',
    ],
  },
  {
    method: 'GET',
    path: '/v1/messages',
    id: 'receiveMessages',
    summary: 'Messages to this pod as they come.',
    headers: { 'Last-Event-ID': 'The last id received: what came after it is replayed.' },
    answers: { 200: { events: { message: CoordinationMessage, gap: GapNotice } } },
    problems: ['coordination-disabled'],
  },
  {
    method: 'GET',
    path: '/v1/members',
    id: 'getMembers',
    summary: 'Pods that are alive. With Accept: text/event-stream, their changes as they come.',
    answers: { 200: { json: MembersView, events: { members: MembersView } } },
    problems: [],
  },
];

/** Served on the pod's address too. */
export const HEALTH_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/healthz',
    id: 'healthz',
    summary: 'Whether the process answers at all.',
    answers: { 200: { json: Type.Object({ status: Type.Literal('ok') }) } },
    problems: [],
  },
  {
    method: 'GET',
    path: '/readyz',
    id: 'readyz',
    summary: 'Whether the sidecar has started: the Lease was read and Redis was reached once.',
    answers: { 200: { json: Type.Object({ ready: Type.Literal(true) }) } },
    problems: ['not-ready'],
  },
  {
    method: 'GET',
    path: '/metrics',
    id: 'metrics',
    summary: "Metrics in Prometheus' text format.",
    answers: { 200: { text: 'text/plain' } },
    problems: [],
  },
];

export const ROUTES: readonly Route[] = [
  ...sessionRoutes,
  ...coordinationRoutes,
  ...HEALTH_ROUTES,
  {
    method: 'GET',
    path: '/openapi.json',
    id: 'openapi',
    summary: 'This description.',
    answers: { 200: { json: Type.Object({}) } },
    problems: [],
  },
];
