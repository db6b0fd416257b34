/**
 * How much the other side may have on the way to us.
 *
 * @module
 */

/**
 * First window in bytes: what a system's UDP buffer holds by default, as a
 * burst of more overflows it.
 */
export const FIRST_WINDOW = 98_304;
/** What is allowed, in what came in the shortest round trip. */
const FACTOR = 4;
/**
 * A round trip that may be all time of the two hosts, in ms: what comes in that
 * fills no path, but the system's buffer.
 */
const HOSTS_MS = 2;
/** Least time in which it is measured, in ms. */
const MIN_INTERVAL_MS = 10;

/**
 * Grows with what arrives in a round trip: over a long path it is soon all that
 * the buffer holds, on a short one it keeps bursts short.
 */
export class WindowTuner {
  /** Bytes that may be on the way. */
  size = FIRST_WINDOW;
  #least = Infinity;
  #bytes = 0;
  #since = 0;

  /** Payload came, when a round trip took so many ms (0: not known). */
  received(bytes: number, roundTrip: number, now: number): void {
    if (roundTrip > 0) this.#least = Math.min(this.#least, roundTrip);
    this.#bytes += bytes;
    const interval = Math.max(MIN_INTERVAL_MS, this.#least);
    const elapsed = now - this.#since;
    if (elapsed < interval) return;
    // After a pause there is no rate to be seen.
    if (elapsed < 2 * interval && this.#least > HOSTS_MS) {
      const inRoundTrip = this.#bytes * this.#least / elapsed;
      this.size = Math.max(this.size, FACTOR * inRoundTrip);
    }
    this.#bytes = 0;
    this.#since = now;
  }
}
