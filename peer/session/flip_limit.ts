/**
 * Bounds how often a state may change.
 *
 * @module
 */
import { FLIP_WINDOW_MS } from "../limits.ts";

/** Counts changes in windows of ten seconds. */
export class FlipLimit {
  readonly #most: number;
  #windowStart = -Infinity;
  #count = 0;

  /** Makes a limit. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a change. Returns whether it is within the limit. */
  allow(now: number): boolean {
    if (now - this.#windowStart >= FLIP_WINDOW_MS) {
      this.#windowStart = now;
      this.#count = 0;
    }
    return ++this.#count <= this.#most;
  }
}
