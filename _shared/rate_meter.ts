/**
 * Transfer rates as a moving average.
 *
 * @module
 */

const FOLD_MS = 100;
/** A history is not stretched below this. */
const YOUNG_MS = 250;

/**
 * Averages a flow of bytes with weights that fall by e every time constant.
 * Young meters are corrected for what they have not seen yet.
 */
export class RateMeter {
  readonly #tau: number;
  #weighted = 0;
  #pending = 0;
  #foldedAt: number | undefined;
  #startedAt = 0;
  #total = 0;

  constructor(timeConstantMs = 4_000) {
    this.#tau = timeConstantMs;
  }

  /** All bytes ever. */
  get total(): number {
    return this.#total;
  }

  /** Counts bytes. */
  add(bytes: number, now: number): void {
    this.#total += bytes;
    if (this.#foldedAt === undefined) this.#foldedAt = this.#startedAt = now;
    else if (now - this.#foldedAt >= FOLD_MS) this.#fold(now);
    this.#pending += bytes;
  }

  /** Bytes a second. */
  rate(now: number): number {
    if (this.#foldedAt === undefined) return 0;
    if (now - this.#foldedAt >= FOLD_MS) this.#fold(now);
    const age = Math.max(now - this.#startedAt, YOUNG_MS);
    const seen = this.#tau * (1 - Math.exp(-age / this.#tau));
    return (this.#weighted + this.#pending) / seen * 1000;
  }

  #fold(now: number): void {
    const passed = now - (this.#foldedAt ?? now);
    // What is pending came evenly over the time that passed.
    const fade = Math.exp(-passed / this.#tau);
    const mean = (1 - fade) * this.#tau / passed;
    this.#weighted = this.#weighted * fade + this.#pending * mean;
    this.#pending = 0;
    this.#foldedAt = now;
  }
}
