import { randomUUID } from 'node:crypto';
import {
  newSessionData,
  type SessionAnswer,
  SessionCreateRequest,
  SessionUpdateRequest,
  SessionUpdates,
} from '@hyperpage/contract';
import type { CreateOutcome, SessionOk } from '../sessions/index.ts';
import { readJson, refuseTraps } from './body.ts';
import { clientOf, ifMatchOf, sessionCookie, sessionCookieOf } from './client.ts';
import type { Answer, Exchange, Handler } from './exchange.ts';
import { ipBinding } from './ip-binding.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { sessionProblem } from './session-problem.ts';
import { termOf } from './term.ts';
import { bodyCheck } from './validate.ts';
import { withUpdates } from './with-updates.ts';

export const SESSION_LIMIT_BYTES = 512 * 1024;

const updateRequest = bodyCheck(SessionUpdateRequest);
const updatesOnly = bodyCheck(SessionUpdates);
const createRequest = bodyCheck(SessionCreateRequest);

/** `/api/sessions` (product spec, section 1) and `POST /v1/sessions`. */
export function sessionHandlers(ports: ApiPorts) {
  const { sessions, settings, clock, newSessionId } = ports;
  const binding = ipBinding(ports);

  const getSession: Handler = async (exchange) => {
    const { query, req } = exchange;
    if (query.has('check')) return readiness(ports, query);
    const sessionId = idFrom(exchange);
    if (sessionId !== undefined) {
      const outcome = await sessions.read(sessionId);
      if (outcome.kind !== 'ok') return sessionProblem(outcome, sessionId);
      binding.requireOwner(outcome.session, req);
      return answer(sessionId, outcome);
    }
    const known = sessionCookieOf(req);
    if (known !== undefined) {
      const outcome = await sessions.read(known);
      if (outcome.kind === 'ok' && !binding.isForeign(outcome.session, req)) return answer(known, outcome);
      if (outcome.kind !== 'ok' && outcome.kind !== 'not-found') return sessionProblem(outcome, known);
    }
    // Never under the id of the cookie: whoever planted it would know the session (fixation).
    const fresh = newSessionId();
    const session = newSessionData(new Date(clock.wallMs()), clientOf(req));
    const created = settle(fresh, await sessions.create(fresh, session), 200);
    return {
      ...created,
      headers: { ...created.headers, 'set-cookie': sessionCookie(fresh, settings.secureCookie) },
    };
  };

  const update = async (sessionId: string, updates: SessionUpdates, exchange: Exchange) => {
    const ifVersion = ifMatchOf(exchange.req);
    const conditions = { ...termOf(exchange.req), ...(ifVersion === undefined ? {} : { ifVersion }) };
    await binding.requireOwnerOf(sessionId, exchange.req);
    const outcome = await sessions.update(sessionId, updates, conditions);
    return outcome.kind === 'ok' ? answer(sessionId, outcome) : sessionProblem(outcome, sessionId);
  };

  const postSession: Handler = async (exchange) => {
    const body = await readJson(exchange.req, SESSION_LIMIT_BYTES);
    refuseTraps(body);
    const { sessionId, updates } = updateRequest(body);
    return update(sessionId, updates, exchange);
  };

  const patchSession: Handler = async (exchange) => {
    const sessionId = requiredId(exchange);
    const body = await readJson(exchange.req, SESSION_LIMIT_BYTES);
    refuseTraps(body);
    return update(sessionId, updatesOnly(body), exchange);
  };

  const deleteSession: Handler = async (exchange) => {
    const sessionId = requiredId(exchange);
    if (exchange.req.headers['if-match'] !== undefined) {
      throw new ProblemError('bad-request', 'A removal knows no If-Match: leave it out.', {
        field: 'If-Match',
      });
    }
    await binding.requireOwnerOf(sessionId, exchange.req);
    const outcome = await sessions.remove(sessionId, termOf(exchange.req));
    if (outcome.kind !== 'ok') return sessionProblem(outcome, sessionId);
    const body = { success: true, sessionId, consistency: outcome.consistency };
    return sessionCookieOf(exchange.req) === sessionId
      ? { status: 200, body, headers: { 'set-cookie': sessionCookie('', settings.secureCookie) } }
      : { status: 200, body };
  };

  const createSession: Handler = async ({ req }) => {
    const body = await readJson(req, SESSION_LIMIT_BYTES);
    refuseTraps(body);
    const { sessionId = newSessionId(), updates = {}, metadata = {} } = createRequest(body);
    const fresh = newSessionData(new Date(clock.wallMs()), { ...clientOf(req), ...metadata });
    return settle(sessionId, await sessions.create(sessionId, withUpdates(fresh, updates), termOf(req)), 201);
  };

  return { getSession, postSession, patchSession, deleteSession, createSession };
}

/** `GET /api/sessions?check=ready`, the app's readiness probe. */
function readiness({ sessions, missing }: ApiPorts, query: ReadonlyMap<string, string>): Answer {
  if (query.get('check') !== 'ready' || query.size > 1) {
    throw new ProblemError(
      'invalid-query',
      'The parameter check knows only the value ready, and stands alone.',
      {
        field: 'check',
      },
    );
  }
  const { ready, consistency, reason } = sessions.ready();
  const lacking = ready ? missing() : [reason ?? 'sessions cannot be kept', ...missing()];
  if (lacking.length > 0) throw new ProblemError('not-ready', `Not ready: ${lacking.join('; ')}.`);
  return { status: 200, body: { success: true, ready: true, consistency } };
}

function idFrom({ query }: Exchange): string | undefined {
  const sessionId = query.get('sessionId');
  if (sessionId !== undefined && (sessionId === '' || sessionId.length > 128)) {
    throw new ProblemError('invalid-query', 'A sessionId has 1 to 128 characters.', { field: 'sessionId' });
  }
  return sessionId;
}

function requiredId(exchange: Exchange): string {
  const sessionId = idFrom(exchange);
  if (sessionId !== undefined) return sessionId;
  throw new ProblemError('invalid-query', 'Say which session: add ?sessionId= and its id.', {
    field: 'sessionId',
  });
}

/** What stands in a text for `lastActivity`: nobody can write it into a session. */
const MOMENT = `moment-${randomUUID()}`;
/** Texts of answers, cut where the moment goes. */
const texts = new WeakMap<object, { sessionId: string; before: string; after: string }>();

function textOf(sessionId: string, { session, version, consistency, sameAs }: SessionOk): string {
  const body: SessionAnswer = { success: true, sessionId, session, version, consistency };
  if (!sameAs) return JSON.stringify(body);
  let text = texts.get(sameAs);
  if (text?.sessionId !== sessionId) {
    const [before = '', after = ''] = JSON.stringify({
      ...body,
      session: { ...session, lastActivity: MOMENT },
    }).split(MOMENT);
    text = { sessionId, before, after };
    texts.set(sameAs, text);
  }
  return text.before + session.lastActivity + text.after;
}

function answer(
  sessionId: string,
  ok: SessionOk,
  status = 200,
): Exclude<Answer, 'streaming'> & { headers: Record<string, string> } {
  return { status, json: textOf(sessionId, ok), headers: { etag: `"${ok.version}"` } };
}

const settle = (sessionId: string, outcome: CreateOutcome, status: number) =>
  outcome.kind === 'ok' ? answer(sessionId, outcome, status) : sessionProblem(outcome, sessionId);
