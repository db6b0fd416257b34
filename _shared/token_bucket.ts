/**
 * A rate limit with a burst.
 *
 * @module
 */

/** Fills at a rate up to a burst; each use takes tokens. */
export class TokenBucket {
  #perSecond: number;
  #burst: number;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, burst: number, now: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#at = now;
  }

  /** Changes how fast it fills from now on. */
  setRate(perSecond: number, now: number, burst: number = this.#burst): void {
    this.#fill(now);
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#fill(now);
  }

  /** Takes tokens, there or not; a negative number gives some back. */
  spend(tokens: number, now: number): void {
    this.#fill(now);
    if (this.#perSecond === Infinity) return;
    this.#tokens = Math.min(this.#burst, this.#tokens - tokens);
  }

  /** How many tokens are there; negative after too many were spent. */
  level(now: number): number {
    this.#fill(now);
    return this.#tokens;
  }

  /** Takes a token if there is one. Returns whether there was one. */
  take(now: number): boolean {
    this.#fill(now);
    // Rounding must not make a timer that fires in time come too early.
    if (this.#tokens < 1 - 1e-6) return false;
    this.#tokens -= 1;
    return true;
  }

  /** When so many tokens will be there, in milliseconds. */
  nextAt(now: number, tokens = 1): number {
    this.#fill(now);
    return this.#tokens >= tokens - 1e-6
      ? now
      : now + (tokens - this.#tokens) * 1000 / this.#perSecond;
  }

  #fill(now: number): void {
    if (this.#perSecond === Infinity) this.#tokens = this.#burst;
    else {
      this.#tokens = Math.min(
        this.#burst,
        this.#tokens + Math.max(0, now - this.#at) * this.#perSecond / 1000,
      );
    }
    // A clock that jumps back gives nothing twice.
    this.#at = Math.max(this.#at, now);
  }
}
