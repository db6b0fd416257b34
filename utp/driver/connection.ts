/**
 * A uTP connection as a byte connection.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import { UtpError } from "../error.ts";
import type { UtpPacket } from "../packet.ts";
import type { UtpSocketStats } from "../socket/options.ts";
import type { UtpSocketMachine } from "../socket_machine.ts";

/** What a connection asks of the socket that it shares. */
export interface UtpPort {
  /** The shared socket's address. */
  readonly local: Endpoint;
  /** The time in milliseconds. */
  now(): number;
  /** Calls back at a time; returns what calls that off. */
  schedule(at: number, callback: () => void): () => void;
  /** Where a datagram is made, valid until `send`. */
  readonly out: Uint8Array;
  /** Sends the first bytes of `out`. */
  send(length: number, connection: UtpConnection): void;
  /** Whether the system takes more; if not, `pump` is called when it does. */
  maySend(connection: UtpConnection): boolean;
  /** Told that it is closed here and waits for the other side. */
  closing(connection: UtpConnection): void;
  /** Told once that the connection has ended. */
  ended(connection: UtpConnection): void;
}

/** Drives one machine: bytes, packets, one timer. */
export class UtpConnection implements ByteConnection {
  readonly transport = "utp";
  readonly remote: Endpoint;
  readonly #machine: UtpSocketMachine;
  readonly #port: UtpPort;
  #reader: PromiseWithResolvers<void> | undefined;
  #writer: PromiseWithResolvers<void> | undefined;
  readonly #opened = Promise.withResolvers<void>();
  #timerAt = Infinity;
  #cancelTimer = () => {};
  #isOpen = false;
  #isClosed = false;
  #hasWritten = false;
  #isOver = false;

  /** Makes a connection; `pump` begins it. */
  constructor(machine: UtpSocketMachine, remote: Endpoint, port: UtpPort) {
    this.#machine = machine;
    this.remote = remote;
    this.#port = port;
    this.#opened.promise.catch(() => {});
  }

  /** Our end. */
  get local(): Endpoint {
    return this.#port.local;
  }

  /** Connection id of what is received. */
  get receiveId(): number {
    return this.#machine.receiveId;
  }

  /** Connection id of what is sent. */
  get sendId(): number {
    return this.#machine.sendId;
  }

  /** Resolves when the other side has answered; rejects when it does not. */
  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  /** Counters; a snapshot. */
  stats(): UtpSocketStats {
    return this.#machine.stats();
  }

  /** Takes a packet of this connection. */
  receive(packet: UtpPacket): void {
    this.#machine.receive(packet, this.#port.now());
  }

  /** Sends what is due, wakes who waits, arms the timer. */
  pump(): void {
    const machine = this.#machine;
    const port = this.#port;
    const now = port.now();
    while (port.maySend(this)) {
      const length = machine.poll(port.out, now);
      if (length === 0) break;
      port.send(length, this);
    }
    if (!this.#isOpen && machine.state === "connected") {
      this.#isOpen = true;
      this.#opened.resolve();
    }
    const isOver = machine.state === "closed";
    if (this.#reader !== undefined) {
      if (machine.readable > 0 || machine.isEnded || isOver) {
        this.#reader.resolve();
        this.#reader = undefined;
      }
    }
    if (this.#writer !== undefined && (machine.writable > 0 || isOver)) {
      this.#writer.resolve();
      this.#writer = undefined;
    }
    if (isOver) return this.#over();
    const { deadline } = machine;
    if (deadline === undefined || deadline >= this.#timerAt) return;
    // Timers move with every packet: one that fires too soon looks again.
    this.#cancelTimer();
    this.#timerAt = deadline;
    this.#cancelTimer = port.schedule(deadline, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#timerAt = Infinity;
    const now = this.#port.now();
    const { deadline } = this.#machine;
    if (deadline !== undefined && deadline <= now) {
      this.#machine.handleTimeout(now);
    }
    this.pump();
  };

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#opened.reject(this.#error());
    this.#port.ended(this);
  }

  #error(): UtpError {
    return this.#machine.error ??
      new UtpError("closed", "The uTP connection is closed");
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const machine = this.#machine;
    while (true) {
      if (this.#isClosed) throw this.#error();
      const count = machine.read(buffer, this.#port.now());
      if (count > 0) {
        this.pump();
        return count;
      }
      if (machine.isEnded) return null;
      if (machine.state === "closed") {
        if (machine.error === undefined) return null;
        throw machine.error;
      }
      this.#reader ??= Promise.withResolvers();
      await this.#reader.promise;
    }
  }

  async write(data: Uint8Array): Promise<number> {
    const machine = this.#machine;
    while (true) {
      if (this.#isClosed || machine.state === "closed") throw this.#error();
      const count = machine.write(data);
      this.#hasWritten ||= count > 0;
      if (count > 0 || data.length === 0) {
        this.pump();
        return count;
      }
      this.#writer ??= Promise.withResolvers();
      await this.#writer.promise;
    }
  }

  /** The system refused a datagram: without a way there is no connection. */
  sendFailed(error: Error): void {
    if (this.#machine.state !== "connecting") return;
    this.#machine.fail(
      new UtpError("unreachable", `Cannot send to the peer: ${error.message}`),
    );
    this.pump();
  }

  close(): void {
    if (this.#isClosed) return;
    // Nothing was said: there is nothing to be sure of either.
    const { bytesReceived } = this.#machine.stats();
    if (!this.#hasWritten && bytesReceived === 0) return this.abort();
    this.#isClosed = true;
    this.#machine.close(this.#port.now());
    this.#wakeAll();
    if (!this.#isOver) this.#port.closing(this);
    this.pump();
  }

  /** Breaks it off at once. */
  abort(): void {
    this.#isClosed = true;
    this.#machine.abort();
    this.#wakeAll();
    this.pump();
  }

  #wakeAll(): void {
    this.#reader?.resolve();
    this.#writer?.resolve();
    this.#reader = this.#writer = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
