import { seededRandom } from "../../_shared/random.ts";
import { createUtpPacket, tryDecodeUtpPacket } from "../../utp/packet.ts";
import { UtpSocketMachine } from "../../utp/socket_machine.ts";

/** One direction of a simulated link. */
export interface LinkOptions {
  /** Bytes a second. */
  readonly rate?: number;
  /** Bytes that may wait. */
  readonly queue?: number;
  /** One way, in ms. */
  readonly delayMs?: number;
  /** Up to this much more, in ms: overtaking. */
  readonly jitterMs?: number;
  /** Share of datagrams that are lost. */
  readonly loss?: number;
  /** Share that arrives twice. */
  readonly duplicate?: number;
  /** Longest datagram. */
  readonly mtu?: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** Two machines in virtual time; every byte that arrives is checked. */
export class UtpWorld {
  now = 1000;
  readonly a: UtpSocketMachine;
  b: UtpSocketMachine | undefined;
  readonly #links: readonly [LinkOptions, LinkOptions];
  readonly #random: ReturnType<typeof seededRandom>;
  readonly #events: Event[] = [];
  readonly #freeAt = [0, 0];
  readonly #skew: number;
  #order = 0;
  readonly #out = new Uint8Array(2048);
  readonly #buffer = new Uint8Array(65_536);
  /** Bytes read, by side. */
  readonly got: [number, number] = [0, 0];
  /** Bytes to be written, and written, by side. */
  readonly #wanted: [number, number] = [0, 0];
  readonly #written: [number, number] = [0, 0];
  readonly #ends: [boolean, boolean] = [false, false];
  /** Longest that a datagram waited in a queue, in ms. */
  longestWait = 0;
  reads = true;

  constructor(seed: number, ab: LinkOptions, ba: LinkOptions = ab, skew = 0) {
    this.#links = [ab, ba];
    this.#random = seededRandom(seed);
    this.#skew = skew;
    this.a = new UtpSocketMachine(
      { connectionId: 65_535, seqNr: 65_530 },
      this.now,
    );
  }

  #chance(): number {
    const bytes = this.#random(new Uint8Array(4));
    return new DataView(bytes.buffer).getUint32(0) / 2 ** 32;
  }

  #side(i: number): UtpSocketMachine | undefined {
    return i === 0 ? this.a : this.b;
  }

  /** Clocks of both sides differ, and b's runs faster by the skew. */
  #time(i: number): number {
    return i === 0 ? this.now : 4_000_000 + this.now * (1 + this.#skew);
  }

  /** Wants bytes to be sent by a side. */
  send(side: 0 | 1, bytes: number, end = false): void {
    this.#wanted[side] += bytes;
    this.#ends[side] = end;
  }

  #drive(i: 0 | 1): void {
    const machine = this.#side(i);
    if (machine === undefined) return;
    while (this.#written[i] < this.#wanted[i]) {
      const length = Math.min(16_384, this.#wanted[i] - this.#written[i]);
      const chunk = new Uint8Array(length);
      for (let k = 0; k < length; k++) chunk[k] = this.#written[i] + k;
      const taken = machine.write(chunk);
      if (taken === 0) break;
      this.#written[i] += taken;
    }
    if (this.#ends[i] && this.#written[i] === this.#wanted[i]) machine.end();
    while (this.reads) {
      const count = machine.read(this.#buffer, this.#time(i));
      if (count === 0) break;
      for (let k = 0; k < count; k++) {
        if (this.#buffer[k] !== ((this.got[i] + k) & 255)) {
          throw new Error(`Byte ${this.got[i] + k} is wrong`);
        }
      }
      this.got[i] += count;
    }
    while (true) {
      const length = machine.poll(this.#out, this.#time(i));
      if (length === 0) break;
      this.#transmit(i, this.#out.slice(0, length));
    }
  }

  #transmit(i: 0 | 1, data: Uint8Array): void {
    const link = this.#links[i];
    if (data.length > (link.mtu ?? Infinity)) return;
    if (this.#chance() < (link.loss ?? 0)) return;
    const copies = this.#chance() < (link.duplicate ?? 0) ? 2 : 1;
    for (let n = 0; n < copies; n++) {
      const rate = link.rate ?? Infinity;
      const start = Math.max(this.now, this.#freeAt[i]!);
      if ((start - this.now) * rate / 1000 > (link.queue ?? Infinity)) continue;
      this.longestWait = Math.max(this.longestWait, start - this.now);
      this.#freeAt[i] = start + (data.length + 28) * 1000 / rate;
      const jitter = (link.jitterMs ?? 0) * this.#chance();
      const at = this.#freeAt[i]! + (link.delayMs ?? 1) + jitter;
      this.#events.push({
        at,
        order: this.#order++,
        run: () => this.#arrive((1 - i) as 0 | 1, data),
      });
    }
  }

  #arrive(i: 0 | 1, data: Uint8Array): void {
    const packet = tryDecodeUtpPacket(data, createUtpPacket())!;
    if (i === 1 && this.b === undefined) {
      if (packet.type !== "syn") return;
      this.b = new UtpSocketMachine({
        connectionId: packet.connectionId,
        seqNr: 3,
        syn: packet,
      }, this.#time(1));
    } else this.#side(i)!.receive(packet, this.#time(i));
    this.#drive(i);
  }

  /** Runs until something holds or the time is over; returns the ms it took. */
  run(ms: number, until: () => boolean = () => false): number {
    const start = this.now;
    this.#drive(0);
    this.#drive(1);
    while (!until()) {
      let first = this.#events[0];
      for (const event of this.#events) {
        if (
          event.at < first!.at ||
          (event.at === first!.at && event.order < first!.order)
        ) first = event;
      }
      let at = first?.at ?? Infinity;
      for (const i of [0, 1] as const) {
        const deadline = this.#side(i)?.deadline;
        if (deadline === undefined) continue;
        const real = i === 0
          ? deadline
          : (deadline - 4_000_000) / (1 + this.#skew);
        at = Math.min(at, Math.max(this.now, real));
      }
      if (at > start + ms) {
        this.now = start + ms;
        break;
      }
      this.now = Math.max(this.now, at);
      if (first !== undefined && first.at <= this.now) {
        this.#events.splice(this.#events.indexOf(first), 1);
        first.run();
      }
      for (const i of [0, 1] as const) {
        const machine = this.#side(i);
        const deadline = machine?.deadline;
        if (deadline !== undefined && deadline <= this.#time(i) + 1e-6) {
          machine!.handleTimeout(this.#time(i) + 1e-6);
          this.#drive(i);
        }
      }
    }
    return this.now - start;
  }
}
