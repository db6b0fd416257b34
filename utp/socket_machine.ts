/**
 * One uTP connection, without sockets or timers (BEP 29).
 *
 * @module
 */
import { UtpError } from "./error.ts";
import {
  seqDistance,
  toMicroseconds,
  UTP_EXTENSION_SACK,
  UTP_HEADER_LENGTH,
  type UtpHeader,
  type UtpPacket,
  type UtpPacketType,
  writeUtpHeader,
} from "./packet.ts";
import { AckSchedule, WindowTuner } from "./socket/ack_schedule.ts";
import { DelayMeter, INITIAL_TIMEOUT_MS } from "./socket/delay_meter.ts";
import type {
  UtpSocketMachineOptions,
  UtpSocketStats,
} from "./socket/options.ts";
import { ReceiveBuffer } from "./socket/receive_buffer.ts";
import { createCounters, Sender } from "./socket/sender.ts";

/** State of a {@linkcode UtpSocketMachine}. */
export type UtpState = "connecting" | "connected" | "closed";

/** Waits for the answers to SYNs in ms; after the last one it is given up. */
const SYN_WAITS_MS = [1000, 1500, 2000];
const KEEP_ALIVE_MS = 29_000;
/** Acks this far behind are still looked at. */
const OLD_ACKS = 3;
/** Acks in a row that cannot be, which end a connection: somebody guesses. */
const MAX_WRONG_ACKS = 64;
/** Acks up to so far behind may have been overtaken on another path. */
const LATE_ACKS = 1024;
/** Time to send what was written, after a close. */
const CLOSE_MS = 30_000;
/** Time for the other side to end, after ours has. */
const OTHER_END_MS = 3000;

/**
 * One connection. Bytes go in by {@linkcode UtpSocketMachine.write} and
 * {@linkcode UtpSocketMachine.receive}, and come out by
 * {@linkcode UtpSocketMachine.read} and {@linkcode UtpSocketMachine.poll}. The
 * latter is to be called until it returns 0, after everything else: once for
 * all datagrams that are there, so that acks are few.
 */
export class UtpSocketMachine {
  /** Connection id of what is received. */
  readonly receiveId: number;
  /** Connection id of what is sent. */
  readonly sendId: number;
  readonly #counters = createCounters();
  readonly #synSeqNr: number;
  readonly #maxReceiveBuffer: number;
  readonly #sender: Sender;
  readonly #acks: AckSchedule;
  readonly #delays = new DelayMeter();
  readonly #tuner = new WindowTuner();
  #buffer: ReceiveBuffer;
  #state: UtpState;
  #error: UtpError | undefined;
  #mustSyn: boolean;
  #syns = 0;
  #wrongAcks = 0;
  #mustReset = false;
  #mustKeepAlive = false;
  #heardAt: number;
  #synAt = Infinity;
  #synSentAt = 0;
  #keepAliveAt: number;
  #endAt = Infinity;
  readonly #header: UtpHeader = {
    type: "state",
    connectionId: 0,
    timestamp: 0,
    timestampDifference: 0,
    windowSize: 0,
    seqNr: 0,
    ackNr: 0,
  };

  /**
   * Makes a connection that is about to send a SYN or has answered one.
   *
   * @param options See {@linkcode UtpSocketMachineOptions}.
   * @param now The time in milliseconds.
   */
  constructor(options: UtpSocketMachineOptions, now: number) {
    const { connectionId, seqNr, synSeqNr } = options;
    const other = (connectionId + 1) & 0xffff;
    const isInitiator = synSeqNr === undefined;
    this.receiveId = isInitiator ? connectionId : other;
    this.sendId = isInitiator ? other : connectionId;
    this.#state = isInitiator ? "connecting" : "connected";
    this.#synSeqNr = synSeqNr ?? seqNr;
    this.#maxReceiveBuffer = options.maxReceiveBuffer ?? 1_048_576;
    this.#acks = new AckSchedule(this.#maxReceiveBuffer);
    const first = isInitiator ? (seqNr + 1) & 0xffff : seqNr;
    this.#sender = new Sender(options, first, this.#counters);
    this.#buffer = new ReceiveBuffer(this.#synSeqNr, this.#maxReceiveBuffer);
    this.#mustSyn = isInitiator;
    this.#heardAt = now;
    this.#keepAliveAt = now + KEEP_ALIVE_MS;
  }

  /** Where it is between connecting and closed. */
  get state(): UtpState {
    return this.#state;
  }

  /** Why it closed, when it did not end well. */
  get error(): UtpError | undefined {
    return this.#error;
  }

  /** Bytes that can be read. */
  get readable(): number {
    return this.#buffer.readable;
  }

  /** Bytes that can be written. */
  get writable(): number {
    return this.#state === "closed" ? 0 : Math.floor(this.#sender.room);
  }

  /** Whether everything up to the other side's end was read. */
  get isEnded(): boolean {
    return this.#buffer.isComplete && this.#buffer.readable === 0;
  }

  /** Bytes of a full datagram. */
  get mtu(): number {
    return this.#sender.mtu.size;
  }

  /** Bytes that may be on the way. */
  get congestionWindow(): number {
    return this.#sender.window.size;
  }

  /** Payload bytes on the way. */
  get inFlight(): number {
    return this.#sender.queue.inFlight;
  }

  /** Mean round trip in ms, 0 while it is not known. */
  get roundTripMs(): number {
    return this.#sender.roundTrip.mean;
  }

  /**
   * Counts what happened.
   *
   * @returns A snapshot.
   */
  stats(): UtpSocketStats {
    return { ...this.#counters };
  }

  /** When {@linkcode UtpSocketMachine.handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    if (this.#state === "closed") return undefined;
    return Math.min(
      this.#sender.deadline,
      this.#acks.at,
      this.#synAt,
      this.#keepAliveAt,
      this.#endAt,
    );
  }

  /**
   * Takes bytes to be sent.
   *
   * @param data The bytes, copied.
   * @returns How many were taken; 0 when there is no room.
   */
  write(data: Uint8Array): number {
    return this.#sender.queue.write(data, this.writable);
  }

  /**
   * Gives bytes that arrived.
   *
   * @param into Where they go.
   * @param now The time in milliseconds.
   * @returns How many; 0 when there are none now.
   */
  read(into: Uint8Array, now: number): number {
    const count = this.#buffer.read(into);
    if (count > 0) {
      const { fullSize } = this.#sender;
      this.#acks.windowGrew(this.#window, fullSize, now);
    }
    return count;
  }

  /** Bytes that the other side may have on the way. */
  get #window(): number {
    return Math.min(this.#buffer.window, this.#tuner.size) >>> 0;
  }

  /** Ends the sending side: what was written is sent, then a FIN. */
  end(): void {
    this.#sender.end();
  }

  /**
   * Ends both sides: what was written is sent, what arrives is dropped. A peer
   * that does not answer is given up in bounded time.
   *
   * @param now The time in milliseconds.
   */
  close(now: number): void {
    if (this.#state === "closed" || this.#buffer.isDiscarding) return;
    this.end();
    this.#buffer.discard();
    if (this.#state === "connecting") return this.#finish(undefined);
    this.#endAt = Math.min(this.#endAt, now + CLOSE_MS);
    this.#checkEnd(now);
  }

  /** Ends it for a reason of its driver's; nothing more is sent. */
  fail(error: UtpError): void {
    if (this.#state !== "closed") this.#finish(error);
  }

  /** Breaks the connection off with a RESET, unless it is still connecting. */
  abort(): void {
    if (this.#state === "closed") return;
    this.#mustReset = this.#state !== "connecting";
    this.#finish(new UtpError("closed", "We closed the connection"));
  }

  /**
   * Takes a packet of this connection.
   *
   * @param packet The packet; nothing of it is kept.
   * @param now The time in milliseconds.
   */
  receive(packet: UtpPacket, now: number): void {
    if (this.#state === "closed") return;
    const { type } = packet;
    // One that comes again is answered by who answered the first.
    if (
      type === "syn" ||
      (this.#state === "connecting" && !this.#answersSyn(packet))
    ) return this.#drop();
    const { queue } = this.#sender;
    const ahead = seqDistance(packet.ackNr, (queue.first - 1) & 0xffff);
    // It may have been overtaken by as many as were ever on the way.
    const oldest = OLD_ACKS + (type === "reset" ? 0 : queue.peak);
    if (ahead > queue.packets || ahead < -oldest) {
      const isLate = ahead < 0 && ahead >= -LATE_ACKS && type !== "reset";
      if (!isLate && ++this.#wrongAcks > MAX_WRONG_ACKS) this.#giveUp();
      return this.#drop();
    }
    this.#wrongAcks = 0;
    if (type === "reset") {
      return this.#finish(
        this.#state === "connecting"
          ? new UtpError("refused", "The peer refused the uTP connection")
          : new UtpError("reset", "The peer reset the uTP connection"),
      );
    }
    if (this.#state === "connecting") this.#connected(packet, now);
    this.#counters.packetsReceived++;
    this.#heardAt = now;
    const delay = this.#delays.measure(packet, now);
    this.#sender.acknowledge(packet, ahead, delay, this.#delays.echo, now);
    if (type === "data" || type === "fin") this.#receivePayload(packet, now);
    if (this.#sender.wantsEnd) this.#checkEnd(now);
  }

  /**
   * Makes the next packet to be sent.
   *
   * @param out Where it goes; at least as long as the MTU's ceiling.
   * @param now The time in milliseconds.
   * @returns Its bytes, 0 when there is nothing to be sent now.
   */
  poll(out: Uint8Array, now: number): number {
    const { queue } = this.#sender;
    if (this.#state === "closed") {
      if (!this.#mustReset) return 0;
      this.#mustReset = false;
      return this.#writeHeader("reset", queue.next, out, now);
    }
    if (this.#state === "connecting") {
      if (!this.#mustSyn) return 0;
      this.#mustSyn = false;
      this.#synAt = now + SYN_WAITS_MS[this.#syns++]!;
      this.#synSentAt = now;
      return this.#writeHeader("syn", this.#synSeqNr, out, now);
    }
    const { hasGap } = this.#buffer;
    // Data tells of no gap, so what does goes first.
    if (this.#acks.isDue && hasGap) return this.#writeAck(out, now);
    const number = this.#sender.next(now);
    if (number > 0) {
      const type = queue.isFin(number) ? "fin" : "data";
      this.#writeHeader(type, number, out, now);
      if (!hasGap) this.#acks.acked();
      return this.#sender.write(number, out, now);
    }
    if (!this.#acks.isDue && !this.#mustKeepAlive) return 0;
    return this.#writeAck(out, now);
  }

  /**
   * Lets every timer that is due fire.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void {
    if (this.#state === "closed") return;
    this.#acks.tick(now);
    if (now >= this.#keepAliveAt) {
      this.#keepAliveAt = now + KEEP_ALIVE_MS;
      this.#mustKeepAlive = true;
    }
    if (now >= this.#endAt) return this.#endIsDue();
    if (now >= this.#synAt) {
      this.#synAt = Infinity;
      if (this.#syns >= SYN_WAITS_MS.length) return this.#giveUp();
      this.#mustSyn = true;
    }
    if (this.#sender.tick(now, this.#heardAt)) this.#giveUp();
  }

  #endIsDue(): void {
    // Both sides know that all has arrived, or enough was tried.
    this.#mustReset = !this.#sender.queue.isComplete ||
      !this.#buffer.isComplete;
    this.#finish(undefined);
  }

  #giveUp(): void {
    this.#finish(new UtpError("timed-out", "The uTP peer does not answer"));
  }

  #finish(error: UtpError | undefined): void {
    this.#state = "closed";
    this.#error = error;
  }

  #drop(): void {
    this.#counters.dropped++;
  }

  #answersSyn({ type, ackNr }: UtpPacket): boolean {
    return ackNr === this.#synSeqNr && (type === "state" || type === "reset");
  }

  #connected(packet: UtpPacket, now: number): void {
    this.#state = "connected";
    this.#synAt = Infinity;
    if (this.#syns === 1) this.#sender.roundTrip.add(now - this.#synSentAt);
    // The answer to a SYN bears the number of the packet that comes next.
    this.#buffer = new ReceiveBuffer(
      (packet.seqNr - 1) & 0xffff,
      this.#maxReceiveBuffer,
    );
    // Data says that we are here, or else an ack does in good time.
    this.#acks.later(now);
  }

  #receivePayload(packet: UtpPacket, now: number): void {
    const buffer = this.#buffer;
    const hadGap = buffer.hasGap;
    const { data, payloadOffset, seqNr, type } = packet;
    const length = data.length - payloadOffset;
    this.#tuner.received(length, this.#delays.echo, now);
    const result = buffer.receive(
      seqNr,
      type === "fin",
      data,
      payloadOffset,
      this.#tuner.size,
    );
    if (result === "duplicate") this.#counters.duplicates++;
    else if (result === "dropped") this.#drop();
    else this.#counters.bytesReceived += length;
    if (result !== "next" || hadGap || buffer.isComplete) {
      this.#acks.isDue = true;
    } else this.#acks.packet(now);
  }

  /** Looks whether both sides have ended. */
  #checkEnd(now: number): void {
    if (!this.#sender.queue.isComplete) return;
    // Their FIN may come again, if our ack of it is lost; late, if they know of
    // no round trip.
    const wait = this.#buffer.isComplete
      ? INITIAL_TIMEOUT_MS + this.#sender.roundTrip.timeout(0)
      : this.#buffer.isDiscarding
      ? OTHER_END_MS
      : Infinity;
    this.#endAt = Math.min(this.#endAt, now + wait);
  }

  #writeAck(out: Uint8Array, now: number): number {
    this.#writeHeader("state", this.#sender.queue.next, out, now);
    this.#acks.acked();
    const at = UTP_HEADER_LENGTH + 2;
    const length = this.#buffer.writeSack(out, at);
    if (length === 0) return UTP_HEADER_LENGTH;
    out[1] = UTP_EXTENSION_SACK;
    out[at - 2] = 0;
    out[at - 1] = length;
    return at + length;
  }

  #writeHeader(
    type: UtpPacketType,
    number: number,
    out: Uint8Array,
    now: number,
  ): number {
    const header = this.#header;
    header.type = type;
    header.connectionId = type === "syn" ? this.receiveId : this.sendId;
    header.timestamp = toMicroseconds(now);
    header.timestampDifference = this.#delays.difference;
    header.windowSize = this.#acks.advertised = this.#window;
    header.seqNr = number & 0xffff;
    header.ackNr = this.#buffer.ackNr;
    writeUtpHeader(header, out);
    this.#counters.packetsSent++;
    this.#mustKeepAlive = false;
    this.#keepAliveAt = now + KEEP_ALIVE_MS;
    return UTP_HEADER_LENGTH;
  }
}
