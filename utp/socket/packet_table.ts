/**
 * What is known of each packet that waits for its ack, and how long one may be
 * overtaken before it counts as lost (after RFC 8985).
 *
 * @module
 */

/** States of a packet. */
export const ACKED = 0;
export const FLYING = 1;
export const LOST = 2;

/** Packets in a row; 0 is none, as no packet has that number. */
export interface PacketList {
  first: number;
  last: number;
}

/** Columns of facts, by packet number modulo a power of two. */
export class PacketTable {
  #size = 0;
  state: Uint8Array = new Uint8Array(0);
  /** Times it was sent, up to 255. */
  sends: Uint8Array = new Uint8Array(0);
  /** Where its payload begins. */
  offset: Float64Array = new Float64Array(0);
  /** Bytes of payload. */
  length: Int32Array = new Int32Array(0);
  /** When it was sent first, and last. */
  firstSentAt: Float64Array = new Float64Array(0);
  sentAt: Float64Array = new Float64Array(0);
  /** How many transmissions there were up to its last one. */
  order: Float64Array = new Float64Array(0);
  /** Bytes of the datagram, if it probes the path. */
  probe: Int32Array = new Int32Array(0);
  #before = new Float64Array(0);
  #behind = new Float64Array(0);

  /** Row of a packet. */
  slot(number: number): number {
    return number & (this.#size - 1);
  }

  /** The packet behind another in its list, 0 for none. */
  behind(number: number): number {
    return this.#behind[this.slot(number)]!;
  }

  /** Adds a packet to the end of a list; it is in none. */
  append(list: PacketList, number: number): void {
    const slot = this.slot(number);
    this.#before[slot] = list.last;
    this.#behind[slot] = 0;
    if (list.last === 0) list.first = number;
    else this.#behind[this.slot(list.last)] = number;
    list.last = number;
  }

  /** Takes a packet out of its list. */
  remove(list: PacketList, number: number): void {
    const slot = this.slot(number);
    const before = this.#before[slot]!;
    const behind = this.#behind[slot]!;
    if (before === 0) list.first = behind;
    else this.#behind[this.slot(before)] = behind;
    if (behind === 0) list.last = before;
    else this.#before[this.slot(behind)] = before;
  }

  /** Makes room for packets from `first` up to `next`, which is new. */
  reserve(first: number, next: number): void {
    // Asked for each packet: what makes room is elsewhere, with its closure.
    if (next - first >= this.#size) this.#grow(first, next);
  }

  #grow(first: number, next: number): void {
    const old = this.#size;
    const size = Math.max(32, old * 2);
    const grow = <T extends Uint8Array | Int32Array | Float64Array>(
      from: T,
      to: T,
    ): T => {
      for (let n = first; n < next; n++) {
        to[n & (size - 1)] = from[n & (old - 1)]!;
      }
      return to;
    };
    this.state = grow(this.state, new Uint8Array(size));
    this.sends = grow(this.sends, new Uint8Array(size));
    this.offset = grow(this.offset, new Float64Array(size));
    this.length = grow(this.length, new Int32Array(size));
    this.firstSentAt = grow(this.firstSentAt, new Float64Array(size));
    this.sentAt = grow(this.sentAt, new Float64Array(size));
    this.order = grow(this.order, new Float64Array(size));
    this.probe = grow(this.probe, new Int32Array(size));
    this.#before = grow(this.#before, new Float64Array(size));
    this.#behind = grow(this.#behind, new Float64Array(size));
    this.#size = size;
  }
}

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
