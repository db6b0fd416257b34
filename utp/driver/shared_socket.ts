/**
 * The part of a UDP socket that speaks other protocols.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { Datagram, DatagramSocket } from "../../_shared/datagram.ts";

/** Datagrams that may wait. */
const MAX_WAITING = 256;

/** Receives what it is given; closing it ends only its `receive`. */
export class SharedSocket implements DatagramSocket {
  readonly #socket: DatagramSocket;
  readonly local: Endpoint;
  readonly #waiting: Datagram[] = [];
  #receiver: ((datagram: Datagram | undefined) => void) | undefined;
  #isClosed = false;
  #isUsed = false;
  #dropped = 0;

  /** Stands before a socket that another reads. */
  constructor(socket: DatagramSocket, hostname = socket.local.hostname) {
    this.#socket = socket;
    this.local = { hostname, port: socket.local.port };
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** Takes a datagram, copied, if anybody receives here. */
  take(data: Uint8Array, from: Endpoint): void {
    if (this.#isClosed || !this.#isUsed) return;
    if (this.#receiver === undefined && this.#waiting.length >= MAX_WAITING) {
      this.#dropped++;
      return;
    }
    const datagram = { data: data.slice(), from: { ...from } };
    if (this.#receiver === undefined) this.#waiting.push(datagram);
    else {
      const receiver = this.#receiver;
      this.#receiver = undefined;
      receiver(datagram);
    }
  }

  receive(): Promise<Datagram | undefined> {
    this.#isUsed = true;
    const first = this.#waiting.shift();
    if (first !== undefined || this.#isClosed) return Promise.resolve(first);
    return new Promise((resolve) => this.#receiver = resolve);
  }

  send(data: Uint8Array, to: Endpoint): Promise<void> {
    return this.#isClosed
      ? Promise.reject(new Error("The socket is closed"))
      : this.#socket.send(data, to);
  }

  /** Ends receiving; the socket stays open, for another to receive. */
  close(): void {
    this.#waiting.length = 0;
    this.#isUsed = false;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }

  /** The socket itself is closed. */
  end(): void {
    this.#isClosed = true;
    this.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
