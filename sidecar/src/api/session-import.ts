import {
  newSessionData,
  type SessionData,
  SessionImport,
  type SessionImportAnswer,
  SessionImportEnvelope,
  type SessionImportResult,
} from '@hyperpage/contract';
import { bytesOfSession, MAX_SESSION_BYTES } from '../sessions/index.ts';
import { readJson, refuseTraps } from './body.ts';
import type { Handler } from './exchange.ts';
import type { ApiPorts } from './ports.ts';
import { ProblemError } from './problem.ts';
import { sessionProblem } from './session-problem.ts';
import { bodyCheck } from './validate.ts';
import { withUpdates } from './with-updates.ts';

/** Room for as many sessions as one call may bring, of a size that sessions have. */
export const IMPORT_LIMIT_BYTES = 4 * 1024 * 1024;

const checkEnvelope = bodyCheck(SessionImportEnvelope);
const checkEntry = bodyCheck(SessionImport);

/** `POST /v1/sessions/import`. The memory that stands in for Redis is small and for users at work: an import waits for
 *  Redis itself. */
export function importHandlers({ sessions, clock }: Pick<ApiPorts, 'sessions' | 'clock'>) {
  const take = async (entry: unknown, dryRun: boolean): Promise<SessionImportResult> => {
    const judged = judge(entry, new Date(clock.wallMs()));
    if ('status' in judged) return judged;
    const { sessionId, session } = judged;
    if (dryRun) return { sessionId, status: 'valid' };
    const outcome = await sessions.create(sessionId, session);
    switch (outcome.kind) {
      case 'ok':
        if (outcome.consistency !== 'redis') throw redisAway();
        return { sessionId, status: 'created' };
      case 'taken':
        return { sessionId, status: 'exists' };
      default:
        return sessionProblem(outcome, sessionId);
    }
  };

  const importSessions: Handler = async ({ req }) => {
    const { sessions: entries, dryRun = false } = checkEnvelope(await readJson(req, IMPORT_LIMIT_BYTES));
    if (!dryRun && sessions.ready().consistency !== 'redis') throw redisAway();
    // All are waited for, also when one fails: nothing is written any more once the answer is out.
    const settled = await Promise.allSettled(entries.map((entry) => take(entry, dryRun)));
    const results = settled.map((one) => {
      if (one.status === 'rejected') throw one.reason;
      return one.value;
    });
    return { status: 200, body: { success: true, results } satisfies SessionImportAnswer };
  };

  return { importSessions };
}

const redisAway = () =>
  new ProblemError(
    'redis-unavailable',
    'Sessions are taken over into Redis only, which cannot be reached: try again when it is back.',
    { headers: { 'retry-after': '1' } },
  );

/** The session to make of `entry`, or why it is none. */
function judge(entry: unknown, now: Date): { sessionId: string; session: SessionData } | SessionImportResult {
  try {
    refuseTraps(entry);
    const { sessionId, session: given } = checkEntry(entry);
    const session = completed(given, now);
    const bytes = bytesOfSession(session);
    if (bytes <= MAX_SESSION_BYTES) return { sessionId, session };
    const detail = `/session would have ${bytes} bytes and may have ${MAX_SESSION_BYTES}: keep less in it.`;
    return { sessionId, status: 'invalid', field: '/session', detail };
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const { sessionId } = (entry ?? {}) as { sessionId?: unknown };
    return {
      ...(typeof sessionId === 'string' ? { sessionId: sessionId.slice(0, 128) } : {}),
      status: 'invalid',
      field: error.field ?? '',
      detail: error.message,
    };
  }
}

function completed({ metadata = {}, ...session }: SessionImport['session'], now: Date): SessionData {
  const { ipAddress = '', userAgent = '', created } = metadata;
  return withUpdates(newSessionData(createdAt(created, now), { ipAddress, userAgent }), session);
}

/** When it was made; never in the future, where only a clock that ran ahead can have been. */
const createdAt = (created: string | undefined, now: Date): Date =>
  created === undefined ? now : new Date(Math.min(Math.max(Date.parse(created), 0), now.getTime()));
