/**
 * How much the other side may have on the way to us.
 *
 * @module
 */

/**
 * First window in bytes: what a system's UDP buffer holds by default, as a
 * burst of more overflows it.
 */
const FIRST = 98_304;
/** What is allowed, in what came in the shortest round trip. */
const FACTOR = 4;
/** Least time in which it is measured, in ms. */
const MIN_INTERVAL_MS = 10;
/** Time in a queue that ends doubling, in microseconds, ... */
const QUEUE_US = 5000;
/** ... of so many packets in a row: delays vary without a queue, too. */
const QUEUED_PACKETS = 32;
/** Part that it grows in a round trip from then on, with and without a queue. */
const QUEUE_GROWTH = 1 / 16;
const GROWTH = 1 / 4;

/**
 * Grows with what arrives in a round trip: over a long path it is soon all that
 * the buffer holds, on a short one it keeps bursts short. Where a queue builds
 * up it is cut to what came and grows slowly, for a sender that doubles until
 * packets are lost, as libtorrent's does.
 */
export class WindowTuner {
  /** Bytes that may be on the way. */
  size = FIRST;
  /** The most that it has been: what is sent for that may still come. */
  peak = FIRST;
  #least = Infinity;
  #bytes = 0;
  #bytesBefore = 0;
  #since = 0;
  #queued = 0;
  #wasQueued = false;
  #isStarting = true;

  /**
   * Payload came, when a round trip took so many ms (0: not known), after so
   * many microseconds in a queue.
   */
  received(
    bytes: number,
    roundTrip: number,
    queuedUs: number,
    now: number,
  ): void {
    if (roundTrip > 0) this.#least = Math.min(this.#least, roundTrip);
    this.#bytes += bytes;
    this.#queued = queuedUs < QUEUE_US ? 0 : this.#queued + 1;
    if (this.#queued >= QUEUED_PACKETS) this.#queueSeen();
    const interval = Math.max(MIN_INTERVAL_MS, this.#least);
    const elapsed = now - this.#since;
    if (elapsed < interval) return;
    // After a pause there is no rate to be seen.
    if (elapsed < 2 * interval) {
      const inRoundTrip = this.#bytes * this.#least / elapsed;
      const growth = this.#isStarting
        ? Infinity
        : this.size * (this.#wasQueued ? QUEUE_GROWTH : GROWTH);
      const wanted = Math.min(FACTOR * inRoundTrip, this.size + growth);
      this.size = Math.max(this.size, wanted);
      this.peak = Math.max(this.peak, this.size);
    }
    this.#bytesBefore = this.#bytes;
    this.#bytes = 0;
    this.#since = now;
    this.#wasQueued = false;
  }

  #queueSeen(): void {
    this.#wasQueued = true;
    const came = 2 * Math.max(this.#bytes, this.#bytesBefore);
    // So little makes no queue: we were late to read.
    if (!this.#isStarting || came < FIRST) return;
    this.#isStarting = false;
    this.size = Math.min(this.size, came);
  }
}
