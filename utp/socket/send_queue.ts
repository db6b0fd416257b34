/**
 * What waits to be sent and what waits to be acked.
 *
 * @module
 */
import { ByteRing } from "./byte_ring.ts";
import type { UtpPacket } from "../packet.ts";
import { seqDistance } from "./sequence.ts";

/** Packets that may wait for their acks: what selective acks can name. */
const MAX_PACKETS = 2000;
/** Later packets that must be acked before one counts as lost. */
const LATER_ACKS = 3;

/** States of a packet. */
const ACKED = 0;
const FLYING = 1;
const LOST = 2;

/**
 * Bytes in packets, numbered without wrap. A packet keeps its bytes once it was
 * sent.
 */
export class SendQueue {
  readonly #ring = new ByteRing();
  readonly #capacity: number;
  /** Position of the first byte that is in no packet. */
  #unsentAt = 0;
  /** Number of the oldest packet without an ack. */
  first: number;
  /** Number of the next packet. */
  next: number;
  #slots = 0;
  #state = new Uint8Array(0);
  #sends = new Uint8Array(0);
  #offset = new Float64Array(0);
  #length = new Int32Array(0);
  #sentAt = new Float64Array(0);
  #order = new Float64Array(0);
  #probe = new Int32Array(0);
  /** Transmissions so far. */
  #transmissions = 0;
  /** The three latest transmissions of which an ack came. */
  #latest: [number, number, number] = [0, 0, 0];
  #hasNews = false;
  #lostCount = 0;
  /** Number of the FIN. */
  #fin = Infinity;
  /** Payload bytes on the way. */
  inFlight = 0;
  /** Payload bytes without an ack, on the way or lost. */
  unacked = 0;
  /** Number of the newest packet shorter than a full one; -1 for none. */
  #short = -1;
  /** The longest the queue of packets has been. */
  peak = 0;

  /** Bytes that the last ack was the first to ack. */
  ackedBytes = 0;
  /** Whether the last ack acked any packet. */
  isProgress = false;
  /** Round trip that the last ack measured, in ms; -1 for none. */
  roundTrip = -1;
  /** What became of a probe: bytes that arrived, 0 for nothing. */
  probeArrived = 0;

  /** @param seqNr Sequence number of the first packet. */
  constructor(seqNr: number, capacity: number) {
    this.first = this.next = 0x10000 + seqNr;
    this.#capacity = capacity;
  }

  /** Packets without an ack. */
  get packets(): number {
    return this.next - this.first;
  }

  /** Bytes that can be written. */
  get room(): number {
    return this.#capacity - this.#ring.length;
  }

  /** Bytes in no packet yet. */
  get unsent(): number {
    return this.#ring.end - this.#unsentAt;
  }

  /** Whether there can be one packet more. */
  get canAdd(): boolean {
    return this.packets < MAX_PACKETS;
  }

  /** Whether a packet that was not full has no ack yet. */
  get hasShort(): boolean {
    return this.#short >= this.first;
  }

  /** Whether the FIN was sent. */
  get hasFin(): boolean {
    return this.#fin !== Infinity;
  }

  /** Whether all up to the FIN has its ack. */
  get isComplete(): boolean {
    return this.first > this.#fin;
  }

  /** Takes bytes. Returns how many. */
  write(data: Uint8Array): number {
    const count = Math.min(data.length, this.room);
    if (count > 0) this.#ring.push(data, 0, count);
    return count;
  }

  /** Makes a packet of the next bytes, or the FIN of none. Returns its number. */
  add(length: number, isShort: boolean): number {
    const number = this.next++;
    this.#reserve();
    this.peak = Math.max(this.peak, this.packets);
    const slot = number & (this.#slots - 1);
    this.#state[slot] = LOST;
    this.#lostCount++;
    this.#sends[slot] = 0;
    this.#probe[slot] = 0;
    this.#offset[slot] = this.#unsentAt;
    this.#length[slot] = length;
    this.#unsentAt += length;
    this.unacked += length;
    if (length === 0) this.#fin = number;
    else if (isShort) this.#short = number;
    return number;
  }

  /** Whether a packet is the FIN. */
  isFin(number: number): boolean {
    return number === this.#fin;
  }

  /** Whether a packet was never sent. */
  isUnsent(number: number): boolean {
    return this.#sends[number & (this.#slots - 1)] === 0;
  }

  /** Payload bytes of a packet. */
  lengthOf(number: number): number {
    return this.#length[number & (this.#slots - 1)]!;
  }

  /** The first lost packet, or -1. */
  nextLost(): number {
    if (this.#lostCount === 0) return -1;
    for (let n = this.first; n < this.next; n++) {
      if (this.#state[n & (this.#slots - 1)] === LOST) return n;
    }
    return -1;
  }

  /** Writes the payload of a packet that goes out, perhaps as a probe. */
  send(
    number: number,
    out: Uint8Array,
    at: number,
    probe: number,
    now: number,
  ): void {
    const slot = number & (this.#slots - 1);
    const length = this.#length[slot]!;
    if (this.#state[slot] === LOST) this.#lostCount--;
    this.#state[slot] = FLYING;
    this.#sends[slot] = Math.min(255, this.#sends[slot]! + 1);
    this.#probe[slot] = probe;
    this.#sentAt[slot] = now;
    this.#order[slot] = ++this.#transmissions;
    this.inFlight += length;
    if (length > 0) this.#ring.copy(this.#offset[slot]!, length, out, at);
  }

  /** Takes the acks of a packet, whose `ackNr` was found to be plausible. */
  acknowledge(packet: UtpPacket, now: number, leastRoundTrip: number): void {
    this.ackedBytes = 0;
    this.isProgress = false;
    this.roundTrip = -1;
    this.probeArrived = 0;
    const last = this.first - 1 +
      seqDistance(packet.ackNr, (this.first - 1) & 0xffff);
    if (last >= this.first) {
      for (let n = this.first; n <= last; n++) {
        this.#ack(n & (this.#slots - 1), now, leastRoundTrip);
      }
      this.first = last + 1;
      this.isProgress = true;
      this.#ring.dropUntil(
        this.first === this.next
          ? this.#unsentAt
          : this.#offset[this.first & (this.#slots - 1)]!,
      );
    }
    const { data, sackOffset, sackLength } = packet;
    for (let i = 0; i < sackLength; i++) {
      const byte = data[sackOffset + i]!;
      if (byte === 0) continue;
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & 1 << bit) === 0) continue;
        const n = last + 2 + i * 8 + bit;
        if (n >= this.next) return;
        if (n > this.first) {
          this.#ack(n & (this.#slots - 1), now, leastRoundTrip);
        }
      }
    }
  }

  /** Finds a packet that three later ones have overtaken. Returns -1 for none. */
  findLost(): number {
    if (!this.#hasNews) return -1;
    const before = this.#latest[LATER_ACKS - 1]!;
    for (let n = this.first; n < this.next; n++) {
      const slot = n & (this.#slots - 1);
      if (this.#state[slot] !== FLYING) continue;
      if (this.#order[slot]! < before) return n;
      // All behind a packet that was sent once were sent later.
      if (this.#sends[slot] === 1) break;
    }
    this.#hasNews = false;
    return -1;
  }

  /** A packet is lost. Returns the bytes of the probe that it was, or 0. */
  lose(number: number): number {
    const slot = number & (this.#slots - 1);
    this.#lose(slot);
    return this.#probe[slot]!;
  }

  /** The oldest packet is lost; -1 if that was known. See `lose`. */
  loseFirst(): number {
    const slot = this.first & (this.#slots - 1);
    return this.#state[slot] === FLYING ? this.lose(this.first) : -1;
  }

  /** Everything is lost that is on the way. */
  loseAll(): void {
    for (let n = this.first; n < this.next; n++) {
      const slot = n & (this.#slots - 1);
      if (this.#state[slot] === FLYING) this.#lose(slot);
    }
  }

  #lose(slot: number): void {
    this.#state[slot] = LOST;
    this.#lostCount++;
    this.inFlight -= this.#length[slot]!;
  }

  #ack(slot: number, now: number, leastRoundTrip: number): void {
    const state = this.#state[slot]!;
    if (state === ACKED) return;
    const length = this.#length[slot]!;
    if (state === FLYING) this.inFlight -= length;
    else this.#lostCount--;
    this.#state[slot] = ACKED;
    this.unacked -= length;
    this.ackedBytes += length;
    this.isProgress = true;
    const age = now - this.#sentAt[slot]!;
    const isFirst = this.#sends[slot] === 1;
    if (isFirst) {
      this.roundTrip = age;
      if (this.#probe[slot]! > 0) this.probeArrived = this.#probe[slot]!;
    }
    // An ack that comes too soon after the second sending is that of the first.
    if (!isFirst && age < leastRoundTrip) return;
    const order = this.#order[slot]!;
    const latest = this.#latest;
    if (order > latest[0]) {
      latest[2] = latest[1];
      latest[1] = latest[0];
      latest[0] = order;
    } else if (order > latest[1]) {
      latest[2] = latest[1];
      latest[1] = order;
    } else if (order > latest[2]) latest[2] = order;
    else return;
    this.#hasNews = true;
  }

  #reserve(): void {
    const old = this.#slots;
    if (this.packets <= old) return;
    const size = Math.max(32, old * 2);
    const grow = <T extends Uint8Array | Int32Array | Float64Array>(
      from: T,
      to: T,
    ): T => {
      for (let n = this.first; n < this.next - 1; n++) {
        to[n & (size - 1)] = from[n & (old - 1)]!;
      }
      return to;
    };
    this.#state = grow(this.#state, new Uint8Array(size));
    this.#sends = grow(this.#sends, new Uint8Array(size));
    this.#offset = grow(this.#offset, new Float64Array(size));
    this.#length = grow(this.#length, new Int32Array(size));
    this.#sentAt = grow(this.#sentAt, new Float64Array(size));
    this.#order = grow(this.#order, new Float64Array(size));
    this.#probe = grow(this.#probe, new Int32Array(size));
    this.#slots = size;
  }
}
