/**
 * LEDBAT with slow start (RFC 6817, BEP 29): how many bytes may be on the way,
 * and how they are spread over a round trip.
 *
 * @module
 */

/** Queueing delay that is aimed at, in microseconds. */
export const TARGET_DELAY_US = 100_000;
/** Delay that ends slow start: what is on the way by then comes on top. */
const SLOW_START_DELAY_US = 25_000;
/** Bytes that the window grows in a round trip without delay. */
const GAIN = 3000;
/** Part of a small window that it grows in a round trip: queues are short. */
const GROWTH_PART = 1 / 4.5;
/** A loss with less delay before it had no queue that was full. */
const NO_QUEUE_US = 4_000;
/** Packets of a window that may come back fast after such a loss. */
const MIN_REGAIN_PACKETS = 8;
/** Losses in a window that are no chance. */
const MANY_LOSSES = 3;
/** Part of what it lacks that comes back in a round trip. */
const REGAIN_PART = 3 / 4;
/** Least time between two cuts, in ms. */
const CUT_INTERVAL_MS = 100;
/** Packets of the first window. */
const INITIAL_PACKETS = 8;

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
  /** Size that is regained fast, as it was lost by chance; 0 for none. */
  #regain = 0;
  /** Whether slow start goes on when it is regained. */
  #resumes = false;
  /** Losses since the last cut. */
  #losses = 0;
  /** Longest delay of late, in microseconds. */
  #recentDelay = 0;
  /** What was before the last cut, while that may be taken back. */
  #sizeBefore = 0;
  #thresholdBefore = 0;
  #wasSlowStart = false;

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
   * it is not known) and a mean round trip in ms, while so many were on the
   * way. A window that was not used does not grow.
   */
  acked(
    bytes: number,
    delay: number | undefined,
    inFlight: number,
    roundTrip: number,
    isFull: boolean,
  ): void {
    const tooMuch = (delay ?? 0) - TARGET_DELAY_US;
    const share = Math.min(1, bytes / Math.max(inFlight, bytes, 1));
    this.#recentDelay = Math.max(
      delay ?? 0,
      this.#recentDelay * (1 - share / 2),
    );
    if ((delay ?? 0) >= SLOW_START_DELAY_US && this.isSlowStart) {
      // It has doubled since that packet left.
      this.#shrinkTo(this.size / 2);
      this.#threshold = this.size;
      this.isSlowStart = false;
      return;
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
    if (tooMuch < 0) {
      const gain = Math.max(
        Math.min(GAIN, this.size * GROWTH_PART),
        this.#recentDelay < NO_QUEUE_US
          ? (this.#regain - this.size) * REGAIN_PART
          : 0,
      );
      if (isFull) this.size += gain * share * -tooMuch / TARGET_DELAY_US;
      if (this.#resumes && this.size >= this.#regain) {
        this.#resumes = false;
        this.isSlowStart = true;
        this.#threshold = Infinity;
      }
      return;
    }
    // Half of what stands in the queue beyond the target goes in a round trip.
    const queued = this.size * tooMuch / Math.max(1, 1000 * roundTrip);
    const least = GAIN * Math.min(1, tooMuch / TARGET_DELAY_US);
    this.#shrinkTo(this.size - share * Math.max(least, queued / 2));
  }

  /**
   * A packet was lost, when the next one to be sent was `next`: halves the
   * window once for all packets that were on the way. Returns whether it did.
   */
  lost(packet: number, next: number, now: number): boolean {
    if (packet < this.#lossEnd || now - this.#cutAt < CUT_INTERVAL_MS) {
      // Many at a time look like a queue that was full.
      if (++this.#losses >= MANY_LOSSES) {
        this.#regain = 0;
        this.#resumes = false;
      }
      return false;
    }
    this.#keep();
    this.#cutAt = now;
    this.#lossEnd = next;
    this.#losses = 1;
    const isChance = this.#recentDelay < NO_QUEUE_US &&
      this.size >= MIN_REGAIN_PACKETS * this.#packetSize;
    this.#regain = isChance ? this.size : 0;
    this.#resumes = isChance && (this.isSlowStart || this.#resumes);
    this.#shrinkTo(this.size / 2);
    this.#threshold = this.size;
    this.isSlowStart = false;
    return true;
  }

  /** Nothing was acked in time: begins again with one packet. */
  timedOut(next: number, now: number): void {
    this.#keep();
    this.#threshold = Math.max(2 * this.#packetSize, this.size / 2);
    this.size = this.#packetSize;
    this.#regain = 0;
    this.#resumes = false;
    this.isSlowStart = true;
    this.#lossEnd = next;
    this.#cutAt = now;
  }

  /** What the last cut was for had not been lost: takes it back. */
  undo(): void {
    if (this.#sizeBefore === 0) return;
    this.size = Math.max(this.size, this.#sizeBefore);
    this.#threshold = this.#thresholdBefore;
    this.isSlowStart = this.#wasSlowStart;
    this.#resumes &&= !this.isSlowStart;
    this.#sizeBefore = 0;
  }

  /** What the last cut was for had been lost. */
  confirm(): void {
    this.#sizeBefore = 0;
  }

  /** Nothing was sent for a while: what was known of the path grows old. */
  idled(): void {
    this.#shrinkTo(this.size * 2 / 3);
  }

  #keep(): void {
    this.#sizeBefore = this.size;
    this.#thresholdBefore = this.#threshold;
    this.#wasSlowStart = this.isSlowStart;
  }

  #shrinkTo(size: number): void {
    this.size = Math.max(this.#packetSize, size);
  }
}

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
