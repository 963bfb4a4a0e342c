/** The one error of this SDK. `code` is what a program should look at; the message says what to do. */
export class HyperpageError extends Error {
  override readonly name: string = 'HyperpageError';
  /** A problem code of the sidecar (`session-not-found`, `rate-limited` …) or one of the SDK's own:
   *  `sidecar-unreachable`, `unexpected-answer`, `not-leader`, `invalid-argument`, `closed`. */
  readonly code: string;
  /** HTTP status of the sidecar's answer; 0 when there was none. */
  readonly status: number;
  /** When to try again, in milliseconds, where the sidecar said so. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    message: string,
    options: { status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Only the leader may do this, and this pod does not lead (any more). */
export class NotLeaderError extends HyperpageError {
  override readonly name: string = 'NotLeaderError';
  /** The pod that leads, as far as this pod knows. */
  readonly leader: string | null;

  constructor(leader: string | null, cause?: unknown) {
    const where = leader === null ? 'nobody leads at the moment' : `${leader} leads`;
    super('not-leader', `this pod is not the leader (${where}); ask getIsLeader() before you coordinate`, {
      cause,
    });
    this.leader = leader;
  }
}

interface Problem {
  code: string;
  detail: string;
}

const isProblem = (value: unknown): value is Problem =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<Problem>).code === 'string' &&
  typeof (value as Partial<Problem>).detail === 'string';

/** The error in an answer that is not a success: its problem document (RFC 9457), or what can be said without one. */
export async function errorOf(response: Response): Promise<HyperpageError> {
  const text = await response.text().catch(() => '');
  const { status } = response;
  try {
    const body: unknown = JSON.parse(text);
    if (isProblem(body)) {
      const retryAfterMs = secondsOf(response.headers.get('retry-after'));
      return new HyperpageError(body.code, body.detail, { status, retryAfterMs });
    }
  } catch {
    // Not JSON: said below.
  }
  return new HyperpageError(
    'unexpected-answer',
    `${response.url || 'the sidecar'} answered ${status} without a problem document; check that it is a Hyperpage sidecar`,
    { status },
  );
}

const secondsOf = (text: string | null): number | undefined =>
  text !== null && /^\d{1,5}$/.test(text) ? Number(text) * 1000 : undefined;
