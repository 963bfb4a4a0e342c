/** An answer that is not a success: `status` and `reason` are the API server's (meta/v1 Status). */
export class KubeError extends Error {
  override readonly name = 'KubeError';
  /** HTTP status; 0 when there was no answer (refused, reset, timed out). */
  readonly status: number;
  /** meta/v1 Status reason, such as `Conflict`, `NotFound`, `AlreadyExists`, `Expired`; '' when there is none. */
  readonly reason: string;
  /** What `Retry-After` asked for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
  constructor(message: string, status: number, reason: string, retryAfterMs?: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.status = status;
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

export const isStatus = (error: unknown, status: number): error is KubeError =>
  error instanceof KubeError && error.status === status;
