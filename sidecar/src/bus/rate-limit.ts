/** Tokens that come back evenly; a full bucket allows a minute's worth at once. Pure: time is passed in. */
export class TokenBucket {
  readonly #perMinute: number;
  #tokens: number;
  #atMs: number;

  constructor(perMinute: number, nowMs: number) {
    this.#perMinute = perMinute;
    this.#tokens = perMinute;
    this.#atMs = nowMs;
  }

  /** Takes a token and gives 0, or takes none and gives the milliseconds until there is one. */
  take(nowMs: number): number {
    const earned = (Math.max(0, nowMs - this.#atMs) * this.#perMinute) / 60_000;
    this.#tokens = Math.min(this.#perMinute, this.#tokens + earned);
    this.#atMs = Math.max(this.#atMs, nowMs);
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return 0;
    }
    return Math.ceil(((1 - this.#tokens) * 60_000) / this.#perMinute);
  }

  /** Gives back a token that was not used. */
  giveBack(): void {
    this.#tokens = Math.min(this.#perMinute, this.#tokens + 1);
  }
}
