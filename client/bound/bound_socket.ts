/**
 * A datagram socket that comes back with its address.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { Datagram, DatagramSocket } from "../../_shared/datagram.ts";

/** What a socket needs of the network. */
export interface SocketNetwork {
  /** Our address of its IP version, while there is one. */
  address(): string | undefined;
  /** Calls back when addresses come or go; the result ends that. */
  watch(onChange: () => void): () => void;
  /** Calls back a little later, once. */
  later(retry: () => void): void;
}

/** Hears and sends nothing while its address is gone. */
export class BoundSocket implements DatagramSocket {
  readonly #open: (port: number) => Promise<DatagramSocket>;
  readonly #network: SocketNetwork;
  readonly #unwatch: () => void;
  #inner: DatagramSocket | undefined;
  #hostname: string | undefined;
  #isClosed = false;
  #changed = Promise.withResolvers<void>();
  #local: Endpoint;
  #dropped = 0;

  constructor(
    inner: DatagramSocket,
    open: (port: number) => Promise<DatagramSocket>,
    network: SocketNetwork,
  ) {
    this.#inner = inner;
    this.#local = inner.local;
    this.#hostname = network.address();
    this.#open = open;
    this.#network = network;
    this.#unwatch = network.watch(() => void this.#refresh());
  }

  get local(): Endpoint {
    return this.#local;
  }
  get dropped(): number {
    return this.#dropped + (this.#inner?.dropped ?? 0);
  }

  async receive(): Promise<Datagram | undefined> {
    while (!this.#isClosed) {
      const inner = this.#inner;
      if (inner === undefined) {
        await this.#changed.promise;
        continue;
      }
      const datagram = await inner.receive();
      if (datagram !== undefined) return datagram;
      // The system closed it: then it is over.
      if (inner === this.#inner) this.close();
    }
    return undefined;
  }

  send(data: Uint8Array, to: Endpoint): Promise<void> {
    return this.#inner?.send(data, to) ??
      Promise.reject(new Error("The address we send from is gone"));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch();
    this.#inner?.close();
    this.#changed.resolve();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  async #refresh(): Promise<void> {
    if (this.#isClosed) return;
    const hostname = this.#network.address();
    if (hostname === this.#hostname) return;
    this.#hostname = hostname;
    const old = this.#inner;
    this.#inner = undefined;
    this.#dropped += old?.dropped ?? 0;
    old?.close();
    if (hostname !== undefined) {
      const { port } = this.#local;
      const inner = await this.#open(port).catch(() => this.#open(0))
        .catch(() => undefined);
      if (this.#isClosed || hostname !== this.#hostname) return inner?.close();
      this.#inner = inner;
      this.#local = inner?.local ?? this.#local;
      if (inner === undefined) {
        // An address may be there for a while before it can be used (RFC 4862).
        this.#hostname = undefined;
        this.#network.later(() => void this.#refresh());
      }
    }
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
