/**
 * Connections in memory.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  normalizeHostname,
} from "../_shared/address.ts";
import type {
  ByteConnection,
  ByteListener,
  ByteTransport,
} from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";

/** Options of {@linkcode MemoryNetwork}. */
export interface MemoryNetworkOptions {
  /** Clock by which data travels. */
  readonly clock: Clock;
  /**
   * One-way delay of connecting and of every chunk, in milliseconds.
   *
   * @default {0}
   */
  readonly latencyMs?: number;
  /**
   * Bytes that a sender may have unread on the other side.
   *
   * @default {65536}
   */
  readonly windowBytes?: number;
  /**
   * Things arrive at multiples of it only, in milliseconds: large swarms go
   * through fewer moments. 0 for when they do.
   *
   * @default {0}
   */
  readonly tickMs?: number;
}

/** How fast a host of a {@linkcode MemoryNetwork} is, in bytes per second. */
export interface HostLink {
  /** What it can send. @default {Infinity} */
  readonly upload?: number | undefined;
  /** What it can receive. @default {Infinity} */
  readonly download?: number | undefined;
}

/** Chunks up to this size are not kept waiting by what is being sent. */
const SHORT_CHUNK = 1024;

/** One direction of a host's link: chunks go through it in turn. */
class Lane {
  readonly #bytesPerMs: number;
  #freeAt = 0;

  constructor(bytesPerSecond = Infinity) {
    this.#bytesPerMs = bytesPerSecond / 1000;
  }

  /** Takes a chunk that is to be sent now; returns when it is through. */
  send(now: number, length: number): number {
    const ms = length / this.#bytesPerMs;
    this.#freeAt = Math.max(now, this.#freeAt) + ms;
    return length <= SHORT_CHUNK ? now + ms : this.#freeAt;
  }

  /**
   * Takes a chunk whose end is there now; returns when it is through: at once
   * unless others came meanwhile.
   */
  receive(now: number, length: number): number {
    const ms = length / this.#bytesPerMs;
    this.#freeAt = Math.max(now - ms, this.#freeAt) + ms;
    return length <= SHORT_CHUNK ? now : this.#freeAt;
  }
}

/** What all connections of a host go through. */
class Link {
  readonly up: Lane;
  readonly down: Lane;

  constructor({ upload, download }: HostLink = {}) {
    this.up = new Lane(upload);
    this.down = new Lane(download);
  }
}

interface Waiter {
  resolve: () => void;
}

/** One direction of a connection. */
class Pipe {
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #window: number;
  readonly #chunks: Uint8Array[] = [];
  readonly #timers = new Set<() => void>();
  readonly #up: Lane;
  readonly #down: Lane;
  readonly #tickMs: number;
  #sentAt = 0;
  #receivedAt = 0;
  #unread = 0;
  #ended = false;
  #broken = false;
  #reader: Waiter | undefined;
  #writer: Waiter | undefined;

  constructor(
    { clock, latencyMs = 0, windowBytes = 65_536, tickMs = 0 }:
      MemoryNetworkOptions,
    from: Link,
    to: Link,
  ) {
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#window = windowBytes;
    this.#tickMs = tickMs;
    this.#up = from.up;
    this.#down = to.down;
  }

  /** Does something when so many bytes, sent now, are on the other side. */
  #later(length: number, action: () => void): void {
    const sent = this.#up.send(this.#clock.now(), length) + this.#latencyMs;
    this.#sentAt = Math.max(sent, this.#sentAt);
    // Only what is there takes room of the other side's link.
    this.#at(this.#sentAt, () => {
      const received = this.#down.receive(this.#clock.now(), length);
      this.#receivedAt = Math.max(received, this.#receivedAt);
      this.#at(this.#receivedAt, action);
    });
  }

  /** Does something at a time, at once if it is now. */
  #at(time: number, action: () => void): void {
    let at = time;
    if (this.#tickMs > 0) at = Math.ceil(at / this.#tickMs) * this.#tickMs;
    if (at <= this.#clock.now()) return action();
    const cancel = this.#clock.schedule(at, () => {
      this.#timers.delete(cancel);
      action();
    });
    this.#timers.add(cancel);
  }

  #wake(): void {
    this.#reader?.resolve();
    this.#writer?.resolve();
    this.#reader = this.#writer = undefined;
  }

  async write(data: Uint8Array, closed: () => boolean): Promise<number> {
    while (!closed() && !this.#broken && this.#unread >= this.#window) {
      await new Promise<void>((resolve) => this.#writer = { resolve });
    }
    if (closed()) throw new Deno.errors.BadResource("Closed");
    if (this.#broken) throw new Deno.errors.BrokenPipe("Broken pipe");
    const chunk = data.slice(0, this.#window - this.#unread);
    this.#unread += chunk.length;
    this.#later(chunk.length, () => {
      this.#chunks.push(chunk);
      this.#wake();
    });
    return chunk.length;
  }

  async read(
    buffer: Uint8Array,
    closed: () => boolean,
  ): Promise<number | null> {
    while (!closed() && this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => this.#reader = { resolve });
    }
    if (closed()) throw new Deno.errors.Interrupted("Closed");
    const chunk = this.#chunks[0];
    if (chunk === undefined) return null;
    const length = Math.min(chunk.length, buffer.length);
    buffer.set(chunk.subarray(0, length));
    if (length === chunk.length) this.#chunks.shift();
    else this.#chunks[0] = chunk.subarray(length);
    this.#unread -= length;
    this.#wake();
    return length;
  }

  /** The writing side closed: what is on its way arrives, then the end. */
  end(): void {
    this.#later(0, () => {
      this.#ended = true;
      this.#wake();
    });
    this.#wake();
  }

  /** The reading side closed: nothing can be written any more. */
  break(): void {
    this.#broken = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#wake();
  }
}

class MemoryConnection implements ByteConnection {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #closed = false;
  readonly #isClosed = () => this.#closed;

  constructor(
    local: Endpoint,
    remote: Endpoint,
    incoming: Pipe,
    outgoing: Pipe,
  ) {
    this.local = local;
    this.remote = remote;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  get closed(): boolean {
    return this.#closed;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#incoming.read(buffer, this.#isClosed);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#outgoing.write(data, this.#isClosed);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outgoing.end();
    this.#incoming.break();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

class MemoryListener implements ByteListener {
  readonly local: Endpoint;
  readonly #onClose: () => void;
  readonly #waiting: ByteConnection[] = [];
  readonly #faults: Error[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(local: Endpoint, onClose: () => void) {
    this.local = local;
    this.#onClose = onClose;
  }

  deliver(connection: ByteConnection): void {
    this.#waiting.push(connection);
    this.#wake?.();
  }

  /** Makes the next accept reject. */
  failNext(error: Error): void {
    this.#faults.push(error);
    this.#wake?.();
  }

  async accept(): Promise<ByteConnection | undefined> {
    while (!this.#closed) {
      const fault = this.#faults.shift();
      if (fault !== undefined) throw fault;
      const connection = this.#waiting.shift();
      if (connection !== undefined) return connection;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return undefined;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const connection of this.#waiting.splice(0)) connection.close();
    this.#onClose();
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/**
 * A network in memory: any number of hosts, TCP-like connections with latency
 * on the given clock, and addresses that never answer. Its transports go where
 * a `Session` or a `Handshaker` takes `transports`.
 *
 * @example
 * ```ts
 * import { MemoryNetwork, SimClock } from "@bip/bip/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new SimClock();
 * const network = new MemoryNetwork({ clock, latencyMs: 20 });
 * using listener = await network.transport("10.0.0.1")
 *   .listen({ hostname: "10.0.0.1", port: 6881 });
 * const dialled = network.transport("10.0.0.2")
 *   .connect({ hostname: "10.0.0.1", port: 6881 });
 * await clock.advance(40);
 * using near = await dialled;
 * using far = await listener.accept();
 * await near.write(Uint8Array.of(1, 2, 3));
 * await clock.advance(20);
 * assertEquals(await far!.read(new Uint8Array(10)), 3);
 * ```
 */
export class MemoryNetwork {
  readonly #clock: Clock;
  readonly #latencyMs: number;
  readonly #options: MemoryNetworkOptions;
  readonly #links = new Map<string, Link>();
  readonly #listeners = new Map<string, MemoryListener>();
  readonly #blackholes = new Set<string>();
  readonly #names = new Map<string, string>();
  #nextPort = 40_000;
  /** Connections asked for so far, whatever became of them. */
  attempts = 0;

  /**
   * Makes a network without hosts.
   *
   * @param options See {@linkcode MemoryNetworkOptions}.
   */
  constructor(options: MemoryNetworkOptions) {
    this.#clock = options.clock;
    this.#latencyMs = options.latencyMs ?? 0;
    this.#options = options;
  }

  #linkOf(hostname: string): Link {
    let link = this.#links.get(hostname);
    if (link === undefined) this.#links.set(hostname, link = new Link());
    return link;
  }

  /**
   * Makes a host as slow as its link, for connections that are yet to come.
   *
   * @param hostname Its IP address.
   * @param link How fast it is.
   */
  link(hostname: string, link: HostLink): void {
    this.#links.set(hostname, new Link(link));
  }

  /**
   * Makes connecting to an address never end by itself.
   *
   * @param address IP address and port.
   */
  blackhole(address: Endpoint): void {
    this.#blackholes.add(formatEndpoint(address));
  }

  /**
   * Gives a name to a host.
   *
   * @param name Name that can be dialled.
   * @param hostname IP address of the host.
   */
  name(name: string, hostname: string): void {
    this.#names.set(name, hostname);
  }

  /**
   * Makes the next accept on a listener reject.
   *
   * @param address Where it listens.
   * @param error What it rejects with.
   */
  failAccept(address: Endpoint, error: Error): void {
    this.#listeners.get(formatEndpoint(address))!.failNext(error);
  }

  /**
   * Ends a listener under its owner.
   *
   * @param address Where it listens.
   */
  endListener(address: Endpoint): void {
    this.#listeners.get(formatEndpoint(address))!.close();
  }

  /**
   * Makes a connection without dialling.
   *
   * @param a Address of the first end.
   * @param b Address of the second end.
   * @returns Both ends.
   */
  pair(a: Endpoint, b: Endpoint): [ByteConnection, ByteConnection] {
    const near = this.#linkOf(a.hostname);
    const far = this.#linkOf(b.hostname);
    const there = new Pipe(this.#options, near, far);
    const back = new Pipe(this.#options, far, near);
    return [
      new MemoryConnection(a, b, back, there),
      new MemoryConnection(b, a, there, back),
    ];
  }

  /**
   * Makes the transport of a host.
   *
   * @param hostname Its IP address.
   * @returns A transport that dials and listens from there.
   */
  transport(hostname: string): ByteTransport {
    return {
      name: "memory",
      connect: (remote, options = {}) =>
        this.#connect(hostname, remote, options.signal),
      // deno-lint-ignore require-await
      listen: async (local) => {
        const address = {
          hostname: local.hostname === "0.0.0.0" ? hostname : local.hostname,
          port: local.port || this.#nextPort++,
        };
        const key = formatEndpoint(address);
        if (this.#listeners.has(key)) {
          throw new Deno.errors.AddrInUse(`Address in use: ${key}`);
        }
        const listener = new MemoryListener(
          address,
          () => this.#listeners.delete(key),
        );
        this.#listeners.set(key, listener);
        return listener;
      },
    };
  }

  async #connect(
    hostname: string,
    remote: Endpoint,
    signal: AbortSignal | undefined,
  ): Promise<ByteConnection> {
    this.attempts++;
    signal?.throwIfAborted();
    const target = {
      hostname: normalizeHostname(
        this.#names.get(remote.hostname) ?? remote.hostname,
      ),
      port: remote.port,
    };
    const key = formatEndpoint(target);
    await new Promise<void>((resolve, reject) => {
      const delay = this.#blackholes.has(key) ? undefined : 2 * this.#latencyMs;
      if (delay === 0) return resolve();
      const cancel = delay === undefined
        ? () => {}
        : this.#clock.schedule(this.#clock.now() + delay, () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        });
      const onAbort = () => {
        cancel();
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
    });
    const listener = this.#listeners.get(key);
    if (listener === undefined) {
      throw new Deno.errors.ConnectionRefused(`Connection refused: ${key}`);
    }
    const local = { hostname, port: this.#nextPort++ };
    const [near, far] = this.pair(local, target);
    listener.deliver(far);
    return near;
  }
}
