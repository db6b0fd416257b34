/**
 * How long a packet may be overtaken before it counts as lost (after RFC 8985).
 *
 * @module
 */

/** Later packets that must be acked before one counts as lost at once. */
const LATER_ACKS = 3;
/** What is allowed beyond the latest lateness that was seen. */
const MARGIN = 1.25;
/** What remains of a lateness after each packet that was not late. */
const DECAY = 0.9998;

/** Learns from the order of acks how far packets overtake each other. */
export class ReorderWindow {
  /** The latest transmissions of which an ack came. */
  readonly #latest: [number, number, number] = [0, 0, 0];
  /** Round trip of the latest one, in ms. */
  #roundTrip = 0;
  /** How much later than those sent after it a packet may be acked, in ms. */
  #lateness = 0;

  /** A transmission arrived, whose ack came after so many ms. */
  arrived(order: number, age: number): void {
    const latest = this.#latest;
    if (order < latest[0]) {
      this.#lateness = Math.max(this.#lateness, age - this.#roundTrip);
    } else this.#lateness *= DECAY;
    if (order > latest[0]) {
      latest[2] = latest[1];
      latest[1] = latest[0];
      latest[0] = order;
      this.#roundTrip = age;
    } else if (order > latest[1]) {
      latest[2] = latest[1];
      latest[1] = order;
    } else if (order > latest[2]) latest[2] = order;
  }

  /**
   * When a transmission counts as lost, in ms, with what is known of round
   * trips. `Infinity` as long as none after it has arrived.
   */
  lostAt(order: number, sentAt: number, least: number, mean: number): number {
    if (order > this.#latest[0]) return Infinity;
    let allowed = least / 4;
    if (this.#lateness >= 1) {
      allowed = Math.min(mean, Math.max(allowed, this.#lateness * MARGIN));
    } else if (order < this.#latest[LATER_ACKS - 1]!) return -Infinity;
    return sentAt + this.#roundTrip + allowed;
  }
}
