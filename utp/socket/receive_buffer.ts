/**
 * What has arrived: in order, and beyond a gap.
 *
 * @module
 */
import { ByteRing } from "./byte_ring.ts";
import { seqDistance } from "../packet.ts";

/** Packets beyond a gap that are kept: as many as selective acks can name. */
const MAX_AHEAD = 2032;
/** Bytes of memory that a packet costs beside its payload. */
const PACKET_COST = 128;
/** Acks that name what came beyond a gap, as some overtake each other. */
const NAMED = 2;

/** What became of a packet. */
export type Received = "next" | "ahead" | "duplicate" | "dropped";

/** Puts packets in order, within a bound. */
export class ReceiveBuffer {
  readonly #ring = new ByteRing();
  readonly #capacity: number;
  /** Payloads beyond a gap, by number modulo the length; grows. */
  #ahead: (Uint8Array | undefined)[] = [];
  #aheadCount = 0;
  #aheadBytes = 0;
  #highest = 0;
  /** Number of the last packet in order, counted without wrap. */
  #last: number;
  /** `#last` when the last ack was written. */
  #acked: number;
  /** In how many acks what came last beyond the gap is still to be named. */
  #news = 0;
  /** Number of the FIN, once it is known. */
  #fin: number | undefined;
  /** Whether payloads are dropped, as nobody reads any more. */
  isDiscarding = false;

  /** @param seqNr Last number before the first packet. */
  constructor(seqNr: number, capacity: number) {
    // So far up that no distance leads below zero.
    this.#last = this.#acked = 0x10000 + seqNr;
    this.#capacity = capacity;
  }

  /** Last sequence number in order, 16 bits. */
  get ackNr(): number {
    return this.#last & 0xffff;
  }

  /** Bytes that can be read. */
  get readable(): number {
    return this.#ring.length;
  }

  /** Bytes that can still be taken. */
  get window(): number {
    return Math.max(0, this.#capacity - this.#ring.length - this.#aheadBytes);
  }

  /** Whether something is missing before what has arrived. */
  get hasGap(): boolean {
    return this.#aheadCount > 0;
  }

  /** Whether all up to the FIN has arrived. */
  get isComplete(): boolean {
    return this.#fin !== undefined && this.#last >= this.#fin;
  }

  /**
   * Takes the payload of a packet: `data` from `offset` on. No more than
   * `mostAhead` bytes are kept beyond a gap.
   */
  receive(
    seqNr: number,
    isFin: boolean,
    data: Uint8Array,
    offset: number,
    mostAhead = Infinity,
  ): Received {
    const distance = seqDistance(seqNr, this.#last & 0xffff);
    if (distance <= 0) return "duplicate";
    const number = this.#last + distance;
    if (distance > MAX_AHEAD || (this.#fin ?? Infinity) < number) {
      return "dropped";
    }
    const length = this.isDiscarding ? 0 : data.length - offset;
    if (distance === 1) {
      // What is beyond the gap has its room already.
      if (this.#ring.length + length > this.#capacity) return "dropped";
      if (isFin) this.#end(number);
      this.#last = number;
      if (length > 0) this.#ring.push(data, offset, data.length);
      this.#closeGap();
      return "next";
    }
    // A FIN before what has arrived already is a lie.
    if (isFin && number < this.#highest) return "dropped";
    if (
      length > this.window || this.#aheadBytes + length > mostAhead ||
      this.#aheadCount * PACKET_COST > mostAhead
    ) return "dropped";
    this.#reserve(distance);
    const slot = number & (this.#ahead.length - 1);
    if (this.#ahead[slot] !== undefined) return "duplicate";
    if (isFin) this.#end(number);
    this.#ahead[slot] = data.slice(data.length - length);
    this.#highest = this.#aheadCount === 0
      ? number
      : Math.max(this.#highest, number);
    this.#aheadCount++;
    this.#aheadBytes += length;
    this.#news = NAMED;
    return "ahead";
  }

  /** Takes bytes that are in order. Returns how many. */
  read(into: Uint8Array): number {
    const ring = this.#ring;
    const count = Math.min(into.length, ring.length);
    if (count > 0) {
      ring.copy(ring.start, count, into, 0);
      ring.dropUntil(ring.start + count);
    }
    return count;
  }

  /** Drops all that was not read, and all that comes. */
  discard(): void {
    this.isDiscarding = true;
    this.#ring.dropUntil(this.#ring.end);
  }

  /**
   * Writes the bits of a selective ack. Returns bytes, a multiple of 4; 0 where
   * there is no gap, or the ack goes on and they would only repeat others: an
   * ack with bits lets libtorrent's window grow by what these name, not by what
   * `ackNr` does, so that each packet after a timeout takes a round trip.
   */
  writeSack(out: Uint8Array, at: number): number {
    const isRepeated = this.#news === 0 && this.#last > this.#acked;
    this.#news = Math.max(0, this.#news - 1);
    this.#acked = this.#last;
    if (this.#aheadCount === 0 || isRepeated) return 0;
    // Bit 0 is the number after the one that is missing.
    const bits = this.#highest - this.#last - 1;
    const length = Math.min(252, Math.ceil(bits / 32) * 4);
    out.fill(0, at, at + length);
    const mask = this.#ahead.length - 1;
    for (let i = 0; i < bits && i < length * 8; i++) {
      if (this.#ahead[(this.#last + 2 + i) & mask] !== undefined) {
        out[at + (i >> 3)]! |= 1 << (i & 7);
      }
    }
    return length;
  }

  #end(number: number): void {
    this.#fin = number;
  }

  #closeGap(): void {
    const mask = this.#ahead.length - 1;
    while (this.#aheadCount > 0) {
      const slot = (this.#last + 1) & mask;
      const data = this.#ahead[slot];
      if (data === undefined) return;
      this.#ahead[slot] = undefined;
      this.#aheadCount--;
      this.#aheadBytes -= data.length;
      this.#last++;
      if (!this.isDiscarding) this.#ring.push(data, 0, data.length);
    }
  }

  #reserve(distance: number): void {
    const old = this.#ahead;
    if (distance < old.length) return;
    let size = Math.max(64, old.length);
    while (size <= distance) size *= 2;
    const slots: (Uint8Array | undefined)[] = new Array(size).fill(undefined);
    for (let n = this.#last + 2; n < this.#last + old.length; n++) {
      const data = old[n & (old.length - 1)];
      if (data !== undefined) slots[n & (size - 1)] = data;
    }
    this.#ahead = slots;
  }
}
