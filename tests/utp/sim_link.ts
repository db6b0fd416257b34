/** Two uTP machines and the path between them, in virtual time. */
import {
  randomInt,
  type RandomSource,
  seededRandom,
} from "../../_shared/random.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { UtpAcceptor } from "../../utp/acceptor.ts";
import {
  createUtpPacket,
  tryDecodeUtpPacket,
  type UtpPacket,
} from "../../utp/packet.ts";
import { UtpSocketMachine } from "../../utp/socket_machine.ts";
import type { UtpSocketMachineOptions } from "../../utp/socket/options.ts";

/** Bytes of IP and UDP headers. */
const HEADERS = 28;
/** Where each is for the other. */
const ADDRESS = { hostname: "192.0.2.1", port: 1 };

/** One direction of a path. */
export interface WayOptions {
  /** One-way delay in ms. */
  readonly delayMs?: number;
  /** Bytes a second. */
  readonly rate?: number;
  /** Bytes that wait, besides what is being sent; what is more is dropped. */
  readonly buffer?: number;
  /** Share of datagrams that vanish. */
  readonly loss?: number;
  /** Share of datagrams that come twice. */
  readonly duplicates?: number;
  /** Further delay, drawn for each, in ms: they overtake each other. */
  readonly jitterMs?: number;
  /** Bytes of the longest IP packet. */
  readonly mtu?: number;
}

/** A queue in front of a wire. */
export class Way {
  readonly #clock: SimClock;
  readonly #random: RandomSource;
  readonly #options: WayOptions;
  #freeAt = 0;
  /** Bytes that wait or are being sent. */
  queued = 0;
  /** Of these, by who sent them. */
  readonly queuedBy = new Map<string, number>();
  dropped = 0;
  carried = 0;
  tooLong = 0;
  /** Swallows what it says true to. */
  filter: (data: Uint8Array) => boolean = () => false;
  readonly delaysMs: number[] = [];
  /** Further delay of all that is sent from now on, in ms. */
  addedMs = 0;
  /** Told whenever a datagram has left the queue. */
  onRoom: () => void = () => {};

  constructor(clock: SimClock, random: RandomSource, options: WayOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  send(data: Uint8Array, arrive: (data: Uint8Array) => void, who = ""): void {
    const { delayMs = 0, rate = Infinity, buffer = Infinity } = this.#options;
    const { loss = 0, duplicates = 0, jitterMs = 0 } = this.#options;
    const size = data.length + HEADERS;
    if (size > (this.#options.mtu ?? 1500)) {
      this.tooLong++;
      return;
    }
    if (this.filter(data) || this.#chance(loss)) {
      this.dropped++;
      return;
    }
    const now = this.#clock.now();
    if (this.queued > 0 && this.queued + size > buffer) {
      this.dropped++;
      return;
    }
    const copy = data.slice();
    this.queued += size;
    this.queuedBy.set(who, (this.queuedBy.get(who) ?? 0) + size);
    this.#freeAt = Math.max(now, this.#freeAt) + size * 1000 / rate;
    this.delaysMs.push(this.#freeAt - now);
    this.#clock.schedule(this.#freeAt, () => {
      this.queued -= size;
      this.queuedBy.set(who, this.queuedBy.get(who)! - size);
      this.carried += size;
      this.onRoom();
      const copies = this.#chance(duplicates) ? 2 : 1;
      for (let i = 0; i < copies; i++) {
        const extra = jitterMs === 0
          ? 0
          : randomInt(this.#random, Math.round(jitterMs * 1000)) / 1000;
        this.#clock.schedule(
          this.#clock.now() + delayMs + this.addedMs + extra,
          () => arrive(copy),
        );
      }
    });
  }

  #chance(share: number): boolean {
    return share > 0 && randomInt(this.#random, 1e6) < share * 1e6;
  }
}

/** One end: a machine with its clock, and what its application does. */
export class End {
  readonly name: string;
  readonly #clock: SimClock;
  readonly #out: Way;
  readonly #buffer = new Uint8Array(65536);
  readonly #packet = createUtpPacket();
  readonly #scratch = new Uint8Array(65536);
  #armedAt = Infinity;
  #isQueued = false;
  machine: UtpSocketMachine | undefined;
  peer: End | undefined;
  /** What this end's clock shows more than the simulation's, in ms. */
  skewMs = 0;
  /** How much faster it runs, as a share. */
  drift = 0;
  /** Bytes still to be written; a pattern that can be checked. */
  toWrite = 0;
  written = 0;
  received = 0;
  /** Whether the application reads. */
  reads = true;
  /** Whether it ends after what it writes. */
  ends = false;
  /** Whether it closes when the other side has ended. */
  closes = true;
  isCorrupt = false;
  /** Bytes that the system takes before it wants to be asked again. */
  sendBuffer = Infinity;
  /** Packets sent, decoded. */
  readonly sent: UtpPacket[] = [];
  records = false;
  /** Answers SYNs, and knows what follows them: the machine is made then. */
  acceptor: UtpAcceptor | undefined;
  options: Partial<UtpSocketMachineOptions> = {};

  constructor(name: string, clock: SimClock, out: Way) {
    this.name = name;
    this.#clock = clock;
    this.#out = out;
  }

  get now(): number {
    return this.#clock.now() * (1 + this.drift) + this.skewMs;
  }

  /** Hands a datagram to the machine; it answers when all are there. */
  arrive(data: Uint8Array): void {
    const packet = tryDecodeUtpPacket(data, this.#packet);
    if (packet === undefined) throw new Error("A machine sent junk");
    if (this.machine === undefined) this.#meet(packet);
    this.machine?.receive(packet, this.now);
    this.wake();
  }

  #meet(packet: UtpPacket): void {
    const { acceptor, now } = this;
    if (acceptor === undefined) return;
    if (packet.type === "syn") {
      this.#post(acceptor.answer(packet, ADDRESS, this.#buffer, now));
      return;
    }
    const options = acceptor.accept(packet, ADDRESS, now);
    if (options === undefined) return;
    this.machine = new UtpSocketMachine({ ...options, ...this.options }, now);
  }

  #post(length: number): void {
    const data = this.#buffer.subarray(0, length);
    if (this.records) this.sent.push(tryDecodeUtpPacket(data.slice())!);
    this.#out.send(data, (d) => this.peer?.arrive(d), this.name);
  }

  /** Runs the application and polls, once all of this moment has arrived. */
  wake(): void {
    if (this.#isQueued) return;
    this.#isQueued = true;
    this.#clock.schedule(this.#clock.now(), () => {
      this.#isQueued = false;
      this.flush();
    });
  }

  flush(): void {
    const { machine } = this;
    if (machine === undefined) return;
    this.#use(machine);
    for (let i = 0;; i++) {
      if (i > 5000) throw new Error("Endless packets");
      if (this.#out.queued >= this.sendBuffer) {
        this.#out.onRoom = () => this.wake();
        break;
      }
      const length = machine.poll(this.#buffer, this.now);
      if (length === 0) break;
      this.#post(length);
    }
    const { deadline } = machine;
    if (deadline === undefined) return;
    const isSame = this.skewMs === 0 && this.drift === 0;
    const at = Math.max(
      this.#clock.now(),
      isSame ? deadline : (deadline - this.skewMs) / (1 + this.drift) + 1e-6,
    );
    if (at >= this.#armedAt) return;
    this.#armedAt = at;
    this.#clock.schedule(at, () => {
      if (this.#armedAt !== at) return;
      this.#armedAt = Infinity;
      machine.handleTimeout(this.now);
      this.flush();
    });
  }

  #use(machine: UtpSocketMachine): void {
    while (this.toWrite > 0 && machine.writable > 0) {
      const count = Math.min(this.toWrite, machine.writable, 16_384);
      for (let i = 0; i < count; i++) {
        this.#scratch[i] = pattern(this.written + i);
      }
      const taken = machine.write(this.#scratch.subarray(0, count));
      this.written += taken;
      this.toWrite -= taken;
    }
    if (this.toWrite === 0 && this.ends) machine.end();
    if (!this.reads) return;
    while (true) {
      const count = machine.read(this.#scratch, this.now);
      if (count === 0) break;
      for (let i = 0; i < count; i++) {
        if (this.#scratch[i] !== pattern(this.received + i)) {
          this.isCorrupt = true;
        }
      }
      this.received += count;
    }
    if (machine.isEnded && this.closes && this.toWrite === 0) machine.end();
  }
}

function pattern(at: number): number {
  return (at ^ (at >> 8) ^ (at >> 15)) & 255;
}

/** Options of {@linkcode SimPath}. */
export interface SimPathOptions {
  readonly seed?: number;
  readonly there?: WayOptions;
  readonly back?: WayOptions;
  readonly machine?: Partial<UtpSocketMachineOptions>;
  readonly peer?: Partial<UtpSocketMachineOptions>;
  /** Bytes that the system of `a` takes at a time. */
  readonly sendBuffer?: number;
}

/** A connection from `a` to `b` over a path. */
export class SimPath {
  readonly clock = new SimClock();
  readonly random: RandomSource;
  readonly there: Way;
  readonly back: Way;
  readonly a: End;
  readonly b: End;

  constructor(options: SimPathOptions = {}) {
    const random = seededRandom(options.seed ?? 1);
    this.random = random;
    this.there = new Way(this.clock, random, options.there ?? {});
    this.back = new Way(this.clock, random, options.back ?? {});
    this.a = new End("a", this.clock, this.there);
    this.b = new End("b", this.clock, this.back);
    this.a.sendBuffer = options.sendBuffer ?? Infinity;
    this.a.peer = this.b;
    this.b.peer = this.a;
    this.b.acceptor = new UtpAcceptor(random, this.b.now);
    this.b.options = options.peer ?? {};
    this.#options = options;
  }
  readonly #options: SimPathOptions;

  /** Sends the SYN. */
  connect(): this {
    this.a.machine = new UtpSocketMachine({
      connectionId: randomInt(this.random, 65536),
      seqNr: randomInt(this.random, 65536),
      ...this.#options.machine,
    }, this.a.now);
    this.a.wake();
    return this;
  }

  /** Lets time pass until a condition is met. Returns whether it was. */
  run(ms: number, condition: () => boolean = () => false): boolean {
    return this.clock.runSync(this.clock.now() + ms, condition);
  }

  /** Sends bytes from `a` to `b`. Returns the ms that it took. */
  transfer(bytes: number, limitMs = 3_600_000): number {
    const start = this.clock.now();
    const end = this.b.received + bytes;
    this.a.toWrite += bytes;
    this.a.wake();
    if (!this.run(limitMs, () => this.b.received >= end)) {
      throw new Error(
        `${this.b.received} of ${end} after ${limitMs} ms: ${
          JSON.stringify(this.a.machine!.stats())
        } ${this.a.machine!.state} ${
          this.a.machine!.error
        } ${this.b.machine?.state}`,
      );
    }
    if (this.b.isCorrupt) throw new Error("The bytes differ");
    return this.clock.now() - start;
  }
}
