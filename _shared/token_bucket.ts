/**
 * A rate limit with a burst.
 *
 * @module
 */

/** Fills at a rate up to a burst; each use takes one token. */
export class TokenBucket {
  #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  /**
   * Makes a full bucket.
   *
   * @param perSecond Tokens that come in a second; may be Infinity.
   * @param burst Most tokens it holds, at least 1.
   * @param now The time in milliseconds.
   */
  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /**
   * Changes how fast it fills from now on.
   *
   * @param perSecond Tokens that come in a second.
   * @param now The time in milliseconds.
   */
  setRate(perSecond: number, now: number): void {
    this.#fill(now);
    this.#perSecond = perSecond;
  }

  /**
   * Takes a token if there is one.
   *
   * @param now The time in milliseconds.
   * @returns Whether there was one.
   */
  take(now: number): boolean {
    this.#fill(now);
    // Rounding must not make a timer that fires in time come too early.
    if (this.#tokens < 1 - 1e-6) return false;
    this.#tokens -= 1;
    return true;
  }

  /**
   * Looks ahead.
   *
   * @param now The time in milliseconds.
   * @returns When a token will be there, in milliseconds.
   */
  nextAt(now: number): number {
    this.#fill(now);
    return this.#tokens >= 1 - 1e-6
      ? now
      : now + (1 - this.#tokens) * 1000 / this.#perSecond;
  }

  #fill(now: number): void {
    if (this.#perSecond === Infinity) this.#tokens = this.#burst;
    else {
      this.#tokens = Math.min(
        this.#burst,
        this.#tokens + Math.max(0, now - this.#at) * this.#perSecond / 1000,
      );
    }
    this.#at = now;
  }
}
