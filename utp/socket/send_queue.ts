/**
 * What waits to be sent and what waits to be acked.
 *
 * @module
 */
import { ByteRing } from "./byte_ring.ts";
import { seqDistance, type UtpPacket } from "../packet.ts";
import {
  ACKED,
  FLYING,
  LOST,
  type PacketList,
  PacketTable,
  ReorderWindow,
} from "./packet_table.ts";

/** Packets that may wait for their acks: what selective acks can name. */
const MAX_PACKETS = 2000;
/** How far a round trip by the other side's clock may be off, in ms. */
const ECHO_ERROR_MS = 1;

/**
 * Bytes in packets, numbered without wrap. A packet keeps its bytes once it was
 * sent.
 */
export class SendQueue {
  readonly #ring = new ByteRing();
  readonly #capacity: number;
  readonly #table = new PacketTable();
  readonly #flying: PacketList = { first: 0, last: 0 };
  readonly #lost: PacketList = { first: 0, last: 0 };
  /** Position of the first byte that is in no packet. */
  #unsentAt = 0;
  /** Number of the oldest packet without an ack. */
  first: number;
  /** Number of the next packet. */
  next: number;
  /** Transmissions so far. */
  #transmissions = 0;
  /** Number of the FIN. */
  #fin = Infinity;
  /** Numbers of the two newest packets shorter than a full one; -1 for none. */
  #short = -1;
  #shortBefore = -1;
  readonly #reorder = new ReorderWindow();
  /** Payload bytes on the way. */
  inFlight = 0;
  /** Payload bytes without an ack, on the way or lost. */
  unacked = 0;
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
  /** Whether it acked one for lost that was not. */
  isSpurious = false;
  /** Number of the newest packet that it acked and that was sent again; or -1. */
  repaired = -1;
  /** Last packet of which an ack said that it is missing, without naming any. */
  #missing = 0;
  /** Round trip of that ack in ms, and when it came. */
  #missingEcho = 0;
  #missingAt = 0;

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

  /** Whether two packets that were not full have no ack yet. */
  get hasShorts(): boolean {
    return this.#shortBefore >= this.first;
  }

  /** Whether the FIN was sent. */
  get hasFin(): boolean {
    return this.#fin !== Infinity;
  }

  /** Whether all up to the FIN has its ack. */
  get isComplete(): boolean {
    return this.first > this.#fin;
  }

  /** The packet to be sent again next, or 0. */
  get firstLost(): number {
    return this.#lost.first;
  }

  /** The packet on the way that was sent last, or 0. */
  get lastFlying(): number {
    return this.#flying.last;
  }

  /** Takes bytes, no more than `room`. Returns how many. */
  write(data: Uint8Array, room = this.room): number {
    const count = Math.min(data.length, room);
    if (count > 0) this.#ring.push(data, 0, count);
    return count;
  }

  /** Makes a packet of the next bytes, or the FIN of none. Returns its number. */
  add(length: number, isShort: boolean): number {
    const table = this.#table;
    const number = this.next;
    table.reserve(this.first, number);
    this.next++;
    this.peak = Math.max(this.peak, this.packets);
    const slot = table.slot(number);
    table.state[slot] = LOST;
    table.append(this.#lost, number);
    table.sends[slot] = 0;
    table.probe[slot] = 0;
    table.offset[slot] = this.#unsentAt;
    table.length[slot] = length;
    this.#unsentAt += length;
    this.unacked += length;
    if (length === 0) this.#fin = number;
    else if (isShort) {
      this.#shortBefore = this.#short;
      this.#short = number;
    }
    return number;
  }

  /** Whether a packet is the FIN. */
  isFin(number: number): boolean {
    return number === this.#fin;
  }

  /** Whether a packet was never sent. */
  isUnsent(number: number): boolean {
    return this.#table.sends[this.#table.slot(number)] === 0;
  }

  /** Payload bytes of a packet. */
  lengthOf(number: number): number {
    return this.#table.length[this.#table.slot(number)]!;
  }

  /** Writes the payload of a packet that goes out, perhaps as a probe. */
  send(
    number: number,
    out: Uint8Array,
    at: number,
    probe: number,
    now: number,
  ): void {
    const table = this.#table;
    const slot = table.slot(number);
    const length = table.length[slot]!;
    table.remove(this.#lost, number);
    table.append(this.#flying, number);
    table.state[slot] = FLYING;
    if (table.sends[slot] === 0) {
      table.firstSentAt[slot] = now;
      table.probe[slot] = probe;
    }
    table.sends[slot] = Math.min(255, table.sends[slot]! + 1);
    table.sentAt[slot] = now;
    table.order[slot] = ++this.#transmissions;
    this.inFlight += length;
    if (length > 0) this.#ring.copy(table.offset[slot]!, length, out, at);
  }

  /**
   * Takes the acks of a packet, whose `ackNr` was found to be plausible; it may
   * be older than what was acked before. `echo` is the round trip in ms of the
   * packet that the other side has received last, 0 when that is not known.
   */
  acknowledge(
    packet: UtpPacket,
    now: number,
    leastRoundTrip: number,
    echo: number,
  ): void {
    this.ackedBytes = 0;
    this.isProgress = this.isSpurious = false;
    this.roundTrip = this.repaired = -1;
    this.probeArrived = 0;
    const last = this.first - 1 +
      seqDistance(packet.ackNr, (this.first - 1) & 0xffff);
    if (last >= this.first) {
      for (let n = this.first; n <= last; n++) {
        this.#ack(n, now, leastRoundTrip, echo);
      }
      this.first = last + 1;
      this.isProgress = true;
      this.#ring.dropUntil(
        this.first === this.next
          ? this.#unsentAt
          : this.#table.offset[this.#table.slot(this.first)]!,
      );
    }
    const { data, sackOffset, sackLength } = packet;
    let isNamed = sackLength === 0 || echo === 0;
    for (let i = 0; i < sackLength; i++) {
      const byte = data[sackOffset + i]!;
      if (byte === 0) continue;
      isNamed = true;
      for (let bit = 0; bit < 8; bit++) {
        if ((byte & 1 << bit) === 0) continue;
        const n = last + 2 + i * 8 + bit;
        if (n >= this.next) return;
        if (n > this.first) this.#ack(n, now, leastRoundTrip, echo);
      }
    }
    if (isNamed) return;
    // libtorrent's is as long as what it has beyond the gap, but begins at the
    // gap: behind a long one it ends too soon, and tells only what is missing.
    this.#missing = last + 1 + 8 * sackLength;
    this.#missingEcho = echo;
    this.#missingAt = now;
  }

  /**
   * Finds a packet that others have overtaken for too long. Returns 0 for none,
   * and then `checkAt` is when to look again.
   */
  findLost(now: number, least: number, mean: number): number {
    const number = this.#flying.first;
    this.checkAt = Infinity;
    if (number === 0) return 0;
    const slot = this.#table.slot(number);
    const order = this.#table.order[slot]!;
    const sentAt = this.#table.sentAt[slot]!;
    let at = this.#reorder.lostAt(order, sentAt, least, mean);
    if (
      at === Infinity && number <= this.#missing &&
      sentAt + this.#missingEcho < this.#missingAt
    ) at = sentAt + Math.max(this.#missingEcho, least) + least / 4;
    if (at <= now) return number;
    this.checkAt = at;
    return 0;
  }

  /** When {@linkcode SendQueue.findLost} may find more. */
  checkAt = Infinity;

  /** A packet is lost. Returns the bytes of the probe that it was, or 0. */
  lose(number: number): number {
    const table = this.#table;
    const slot = table.slot(number);
    table.remove(this.#flying, number);
    table.append(this.#lost, number);
    table.state[slot] = LOST;
    this.inFlight -= table.length[slot]!;
    return table.sends[slot] === 1 ? table.probe[slot]! : 0;
  }

  /** The oldest packet is lost; -1 if that was known. See `lose`. */
  loseFirst(): number {
    const { state } = this.#table;
    return state[this.#table.slot(this.first)] === FLYING
      ? this.lose(this.first)
      : -1;
  }

  /** Everything is lost that is on the way, the oldest first. */
  loseAll(): void {
    const table = this.#table;
    for (let n = this.first; n < this.next; n++) {
      const state = table.state[table.slot(n)];
      if (state === FLYING) this.lose(n);
      else if (state === LOST) {
        // What was lost before is not sent before what the other side needs first.
        table.remove(this.#lost, n);
        table.append(this.#lost, n);
      }
    }
  }

  #ack(
    number: number,
    now: number,
    leastRoundTrip: number,
    echo: number,
  ): void {
    const table = this.#table;
    const slot = table.slot(number);
    const state = table.state[slot]!;
    if (state === ACKED) return;
    const length = table.length[slot]!;
    const sends = table.sends[slot]!;
    if (state === FLYING) {
      this.inFlight -= length;
      table.remove(this.#flying, number);
    } else table.remove(this.#lost, number);
    table.state[slot] = ACKED;
    this.unacked -= length;
    this.ackedBytes += length;
    this.isProgress = true;
    const age = now - table.sentAt[slot]!;
    // An ack that comes too soon after the second sending is that of the first,
    // and so is one that was caused by what was sent before.
    const isEarly = sends > 1 &&
      (age < leastRoundTrip || echo > age + ECHO_ERROR_MS);
    if (sends === 1) {
      if (state === FLYING) this.roundTrip = age;
      else this.isSpurious = true;
      this.#reorder.arrived(table.order[slot]!, age);
    } else if (isEarly) {
      this.isSpurious = true;
      if (echo > 0) this.roundTrip = echo;
      this.#reorder.arrived(0, now - table.firstSentAt[slot]!);
    } else {
      this.repaired = number;
      this.#reorder.arrived(table.order[slot]!, age);
    }
    if ((sends === 1 || isEarly) && table.probe[slot]! > 0) {
      this.probeArrived = table.probe[slot]!;
    }
  }
}
