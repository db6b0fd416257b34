/**
 * Round-trip times, and how long to wait for an ack.
 *
 * @module
 */

/** First wait, while no round trip was measured, in ms. */
export const INITIAL_TIMEOUT_MS = 3000;
const MIN_TIMEOUT_MS = 500;
/** Round trips that hardly differ may still grow. */
const MIN_MARGIN_MS = 200;
const MAX_TIMEOUT_MS = 60_000;

/** Mean and deviation of round trips. */
export class RoundTrip {
  /** Mean, in ms; 0 before the first sample. */
  mean = 0;
  #deviation = 0;
  /** The shortest one, in ms. */
  least = Infinity;

  /** Takes a sample in ms. */
  add(sample: number): void {
    if (this.least === Infinity) {
      this.mean = sample;
      this.#deviation = sample / 2;
    } else {
      const off = sample - this.mean;
      this.mean += off / 8;
      this.#deviation += (Math.abs(off) - this.#deviation) / 4;
    }
    this.least = Math.min(this.least, sample);
  }

  /** How long to wait for an ack after so many waits in vain, in ms. */
  timeout(failures: number): number {
    const wait = this.least === Infinity ? INITIAL_TIMEOUT_MS : Math.max(
      MIN_TIMEOUT_MS,
      this.mean + Math.max(MIN_MARGIN_MS, 4 * this.#deviation),
    );
    const extra = failures === 0 ? 0 : 1000 * 2 ** (failures - 1);
    return Math.min(MAX_TIMEOUT_MS, wait + extra);
  }
}
