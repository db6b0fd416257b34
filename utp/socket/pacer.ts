/**
 * Spreads packets over a round trip, so that short queues do not overflow.
 *
 * @module
 */
import type { CongestionWindow } from "./congestion.ts";

/** Round trips below this are too short for timers, in ms. */
const MIN_ROUND_TRIP_MS = 5;
/** What may go out in a burst, in ms of the rate: timers are no finer. */
const BURST_MS = 4;
/** How much faster than a window in a round trip. */
const FACTOR = 1.25;
const SLOW_START_FACTOR = 2;

/** When the next packet may leave. */
export class Pacer {
  #next = -Infinity;
  /** When a packet that had to wait may go, or `Infinity`. */
  at = Infinity;

  /** Whether a packet may leave now; if not, {@linkcode Pacer.at} is when. */
  maySend(now: number): boolean {
    this.at = this.#next > now ? this.#next : Infinity;
    return this.at === Infinity;
  }

  /** A datagram left; the mean round trip is 0 while it is not known. */
  sent(
    bytes: number,
    congestion: CongestionWindow,
    roundTrip: number,
    now: number,
  ): void {
    if (roundTrip < MIN_ROUND_TRIP_MS) return;
    const factor = congestion.isSlowStart ? SLOW_START_FACTOR : FACTOR;
    this.#next = Math.max(this.#next, now - BURST_MS) +
      bytes * roundTrip / (congestion.size * factor);
  }

  /** Looks at the clock. */
  tick(now: number): void {
    if (now >= this.at) this.at = Infinity;
  }
}
