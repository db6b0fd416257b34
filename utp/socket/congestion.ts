/**
 * LEDBAT with slow start (RFC 6817, BEP 29): how many bytes may be on the way.
 *
 * @module
 */

/** Queueing delay that is aimed at, in microseconds. */
export const TARGET_DELAY_US = 100_000;
/** Bytes that the window grows in a round trip without delay. */
const GAIN = 3000;
/** Least time between two cuts, in ms. */
const CUT_INTERVAL_MS = 100;
/** Packets of the first window. */
const INITIAL_PACKETS = 3;

/** The congestion window of one connection. */
export class CongestionWindow {
  /** Bytes that may be on the way. */
  size: number;
  /** Whether it still doubles in a round trip. */
  isSlowStart = true;
  #threshold = Infinity;
  #packetSize: number;
  #cutAt = -Infinity;
  /** Packets before this one were on the way at the last cut. */
  #lossEnd = 0;

  /** @param packetSize Bytes of a full payload. */
  constructor(packetSize: number) {
    this.#packetSize = packetSize;
    this.size = INITIAL_PACKETS * packetSize;
  }

  /** Bytes of a full payload; the window holds at least one. */
  set packetSize(bytes: number) {
    this.#packetSize = bytes;
    this.size = Math.max(this.size, bytes);
  }

  /**
   * Bytes were acked, with a queueing delay in microseconds (`undefined` when
   * it is not known), while so many were on the way. A window that was not
   * used does not grow.
   */
  acked(
    bytes: number,
    delay: number | undefined,
    inFlight: number,
    isFull: boolean,
  ): void {
    if (delay !== undefined && delay >= TARGET_DELAY_US && this.isSlowStart) {
      this.#threshold = Math.max(this.#packetSize, this.size / 2);
      this.isSlowStart = false;
    }
    if (this.isSlowStart) {
      if (!isFull) return;
      this.size += bytes;
      if (this.size >= this.#threshold) {
        this.size = this.#threshold;
        this.isSlowStart = false;
      }
      return;
    }
    if (delay === undefined) return;
    const off = Math.max(-1, (TARGET_DELAY_US - delay) / TARGET_DELAY_US);
    if (off > 0 && !isFull) return;
    const share = Math.min(1, bytes / Math.max(inFlight, bytes, 1));
    this.size = Math.max(this.#packetSize, this.size + GAIN * share * off);
  }

  /**
   * A packet was lost, when the next one to be sent was `next`: halves the
   * window once for all packets that were on the way. Returns whether it did.
   */
  lost(packet: number, next: number, now: number): boolean {
    if (packet < this.#lossEnd || now - this.#cutAt < CUT_INTERVAL_MS) {
      return false;
    }
    this.#cutAt = now;
    this.#lossEnd = next;
    this.size = Math.max(this.#packetSize, this.size / 2);
    this.#threshold = this.size;
    this.isSlowStart = false;
    return true;
  }

  /** Nothing was acked in time: begins again with one packet. */
  timedOut(next: number, now: number): void {
    this.#threshold = Math.max(2 * this.#packetSize, this.size / 2);
    this.size = this.#packetSize;
    this.isSlowStart = true;
    this.#lossEnd = next;
    this.#cutAt = now;
  }

  /** Nothing was sent for a while: what was known of the path grows old. */
  idled(): void {
    this.size = Math.max(this.#packetSize, this.size * 2 / 3);
  }
}
