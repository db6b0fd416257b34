/**
 * What the other side is told: when to ack, at once, after two packets or a burst
 * of them, or in good time; and how much it may have on the way to us.
 *
 * @module
 */

/** Longest time that an ack waits, in ms. */
export const DELAYED_ACK_MS = 40;
const PACKETS_PER_ACK = 2;
/** How long a packet that follows another waits for a third, in ms. */
const PAIR_MS = 2;
/** What comes so soon after a packet shares its ack as well, in ms, ... */
const BURST_MS = 0.1;
/** ... up to so many. */
const BURST_PACKETS = 8;

/** Acks that are due; as they go out with the next poll, a batch shares one. */
export class AckSchedule {
  /** Whether an ack goes out with the next poll. */
  isDue = false;
  /** When one becomes due. */
  at = Infinity;
  #packets = 0;
  /** When the first of them came. */
  #since = 0;
  /** When the last packet came. */
  #last = -Infinity;
  /** Window that the other side was last told of, in bytes. */
  advertised: number;
  readonly #capacity: number;

  /** @param capacity Bytes of the receive buffer. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.advertised = capacity;
  }

  /** A packet arrived that the other side expects no ack for at once. */
  packet(now: number): void {
    const isAlone = now - this.#last > PAIR_MS;
    this.#last = now;
    if (++this.#packets < PACKETS_PER_ACK) {
      this.#since = now;
      if (isAlone) this.isDue = true;
      else this.at = Math.min(this.at, now + PAIR_MS);
      return;
    }
    const end = this.#since + BURST_MS;
    if (now >= end || this.#packets >= BURST_PACKETS) this.isDue = true;
    else this.at = Math.min(this.at, end);
  }

  /** Something is to be told, but not at once. */
  later(now: number): void {
    this.at = Math.min(this.at, now + DELAYED_ACK_MS);
  }

  /** The reader made room; a full packet has so many bytes. */
  windowGrew(room: number, full: number, now: number): void {
    if (this.advertised < full) {
      // It was shut: opened at once, unless by a crack.
      if (room >= Math.min(2 * full, this.#capacity)) this.isDue = true;
    } else if (room - this.advertised >= this.#capacity / 2) this.later(now);
  }

  /** Looks at the clock. */
  tick(now: number): void {
    if (now < this.at) return;
    this.at = Infinity;
    this.isDue = true;
  }

  /** A packet goes out that acks all that is in order. */
  acked(): void {
    this.isDue = false;
    this.at = Infinity;
    this.#packets = 0;
  }
}

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
