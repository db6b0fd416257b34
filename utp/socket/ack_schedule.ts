/**
 * When to ack: at once, after two packets or a burst of them, or in good time.
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
