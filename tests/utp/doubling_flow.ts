/**
 * A sender as it is widespread: one cut of the window for all losses in it, 3000
 * bytes more in a round trip, slow start until packets are lost (BEP 29); and a
 * receiver that acks each packet.
 */
import type { SimClock } from "../../testing/sim_clock.ts";
import {
  createUtpPacket,
  encodeUtpPacket,
  seqDistance,
  toMicroseconds,
  tryDecodeUtpPacket,
  type UtpHeader,
  type UtpPacket,
} from "../../utp/packet.ts";
import type { Way } from "./sim_link.ts";

const PAYLOAD = 1452;
const CAPACITY = 1_048_576;
const GAIN = 3000;
const TARGET_US = 100_000;
const LATER = 3;
const CUT_INTERVAL_MS = 100;
const TIMEOUT_MS = 500;

/** Both ends' part of a header. */
function makeHeader(connectionId: number): UtpHeader {
  return {
    type: "state",
    connectionId,
    timestamp: 0,
    timestampDifference: 0,
    windowSize: CAPACITY,
    seqNr: 1,
    ackNr: 0,
  };
}

/** Sends without end, doubling until packets are lost. */
export class DoublingFlow {
  readonly #clock: SimClock;
  readonly #way: Way;
  readonly #arrive: (data: Uint8Array) => void;
  readonly #header: UtpHeader;
  readonly #packet = createUtpPacket();
  readonly #payload = new Uint8Array(PAYLOAD);
  /** Packets on the way, by number without wrap. */
  readonly #flying = new Set<number>();
  /** Packets that timed out, in order. */
  readonly #lost = new Set<number>();
  readonly #samples = [Infinity, Infinity, Infinity];
  #base = Infinity;
  #next: number;
  #oldest: number;
  #resent: number;
  #lossEnd = 0;
  #cutAt = -Infinity;
  #isSlowStart = true;
  #threshold = Infinity;
  #peerWindow = PAYLOAD;
  #heardAt = 0;
  #isStopped = false;
  #window = 1500;

  constructor(
    clock: SimClock,
    way: Way,
    connectionId: number,
    [seqNr, ackNr]: readonly [number, number],
    arrive: (data: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#way = way;
    this.#arrive = arrive;
    this.#header = makeHeader(connectionId);
    this.#header.ackNr = ackNr;
    this.#next = this.#oldest = this.#resent = 0x10000 + seqNr;
    this.#tick();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Takes an ack, or sends first. */
  receive(data?: Uint8Array): void {
    if (data !== undefined) this.#acknowledge(data);
    while (
      this.#inFlight + PAYLOAD <= Math.min(this.#window, this.#peerWindow)
    ) this.#send(this.#lost.values().next().value ?? this.#next++);
  }

  get #inFlight(): number {
    return this.#flying.size * PAYLOAD;
  }

  #send(number: number): void {
    const now = this.#clock.now();
    const header = this.#header;
    header.type = "data";
    header.timestamp = toMicroseconds(now);
    header.seqNr = number & 0xffff;
    this.#flying.add(number);
    this.#lost.delete(number);
    this.#way.send(encodeUtpPacket(header, this.#payload), this.#arrive);
  }

  #acknowledge(data: Uint8Array): void {
    const now = this.#clock.now();
    const packet = tryDecodeUtpPacket(data, this.#packet)!;
    this.#header.timestampDifference =
      (toMicroseconds(now) - packet.timestamp) >>> 0;
    const acked = this.#oldest - 1 +
      seqDistance(packet.ackNr, (this.#oldest - 1) & 0xffff);
    if (acked < this.#oldest - 1 || acked >= this.#next) return;
    this.#peerWindow = packet.windowSize;
    this.#heardAt = now;
    const before = this.#inFlight;
    let count = 0;
    for (; this.#oldest <= acked; this.#oldest++) {
      if (this.#take(this.#oldest)) count++;
    }
    if (packet.sackLength > 0) count = this.#selective(packet, acked, now);
    const sample = packet.timestampDifference;
    this.#base = Math.min(this.#base, sample);
    this.#samples.push(sample - this.#base);
    this.#samples.shift();
    if (count > 0) this.#grow(count * PAYLOAD, before);
  }

  #take(number: number): boolean {
    return this.#flying.delete(number) || this.#lost.delete(number);
  }

  /** What is named; it alone counts, as libtorrent has it. */
  #selective(packet: UtpPacket, acked: number, now: number): number {
    let count = 0;
    const named: number[] = [];
    for (let bit = 0; bit < packet.sackLength * 8; bit++) {
      const byte = packet.data[packet.sackOffset + (bit >> 3)]!;
      if ((byte >> (bit & 7) & 1) === 0) continue;
      named.push(acked + 2 + bit);
      if (this.#take(acked + 2 + bit)) count++;
    }
    const lostUntil = named.at(-1 - LATER) ?? 0;
    let isFirst = true;
    const start = Math.max(this.#resent, acked + 1);
    for (let number = start, i = 0; number < lostUntil && i < 5; number++) {
      if (!this.#flying.has(number)) continue;
      if (isFirst) this.#cut(number, now);
      isFirst = false;
      this.#send(number);
      this.#resent = number + 1;
      i++;
    }
    return count;
  }

  #cut(number: number, now: number): void {
    if (number < this.#lossEnd || now - this.#cutAt < CUT_INTERVAL_MS) return;
    this.#lossEnd = this.#next;
    this.#cutAt = now;
    this.#window = Math.max(PAYLOAD, this.#window / 2);
    if (this.#isSlowStart) this.#threshold = this.#window;
    this.#isSlowStart = false;
  }

  #grow(bytes: number, before: number): void {
    if (this.#inFlight + bytes + PAYLOAD <= this.#window) return;
    const delay = Math.min(...this.#samples);
    if (delay >= TARGET_US) this.#isSlowStart = false;
    if (this.#window + bytes > this.#threshold) this.#isSlowStart = false;
    this.#window += this.#isSlowStart
      ? bytes
      : GAIN * (bytes / before) * (TARGET_US - delay) / TARGET_US;
    this.#window = Math.max(PAYLOAD, this.#window);
  }

  #tick(): void {
    if (this.#isStopped) return;
    const now = this.#clock.now();
    if (this.#flying.size > 0 && now - this.#heardAt > TIMEOUT_MS) {
      this.#heardAt = now;
      this.#isSlowStart = true;
      this.#resent = this.#lossEnd = this.#next;
      for (const number of this.#flying) this.#lost.add(number);
      this.#flying.clear();
      this.#window = PAYLOAD;
      this.#send(this.#oldest);
    }
    this.#clock.schedule(now + 100, () => this.#tick());
  }
}

/** Acks each packet at once, with all that it has. */
export class EagerReceiver {
  readonly #clock: SimClock;
  readonly #send: (data: Uint8Array) => void;
  readonly #header: UtpHeader;
  readonly #packet = createUtpPacket();
  readonly #ahead = new Set<number>();
  #last: number;
  received = 0;

  constructor(
    clock: SimClock,
    connectionId: number,
    last: number,
    send: (data: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#send = send;
    this.#header = makeHeader(connectionId);
    this.#last = 0x10000 + last;
  }

  receive(data: Uint8Array): void {
    const now = toMicroseconds(this.#clock.now());
    const packet = tryDecodeUtpPacket(data, this.#packet)!;
    const distance = seqDistance(packet.seqNr, this.#last & 0xffff);
    if (distance > 0 && !this.#ahead.has(this.#last + distance)) {
      this.#ahead.add(this.#last + distance);
      this.received += data.length - packet.payloadOffset;
    }
    while (this.#ahead.delete(this.#last + 1)) this.#last++;
    const header = this.#header;
    header.timestamp = now;
    header.timestampDifference = (now - packet.timestamp) >>> 0;
    header.ackNr = this.#last & 0xffff;
    // What it keeps beyond a gap takes of its room, as with anybody.
    header.windowSize = CAPACITY - this.#ahead.size * PAYLOAD;
    this.#send(encodeUtpPacket(header, undefined, this.#names()));
  }

  #names(): Uint8Array | undefined {
    if (this.#ahead.size === 0) return undefined;
    const bits = Math.max(...this.#ahead) - this.#last - 1;
    const bytes = new Uint8Array(Math.min(252, Math.ceil(bits / 32) * 4));
    for (const number of this.#ahead) {
      const bit = number - this.#last - 2;
      if (bit < bytes.length * 8) bytes[bit >> 3]! |= 1 << (bit & 7);
    }
    return bytes;
  }
}
