/**
 * Connections and datagrams through a proxy.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  normalizeHostname,
} from "../_shared/address.ts";
import {
  type ByteConnection,
  type ByteTransport,
  writeAll,
} from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import type {
  Datagram,
  DatagramOptions,
  DatagramSocket,
} from "../_shared/datagram.ts";
import { EncryptedConnection } from "./encryption/encrypted_connection.ts";
import { ProxyMachine } from "./proxy/proxy_machine.ts";
import {
  encodeSocksDatagram,
  type SocksCommand,
  tryDecodeSocksDatagram,
} from "./proxy/socks5.ts";
import { type Proxy, ProxyError } from "./proxy.ts";

/** Bytes that are read of an answer at a time. */
const READ_BYTES = 1024;
/** Datagrams kept for a receiver that is late. */
const MAX_QUEUE = 256;
/** After a failure, how long datagrams are refused at once, in milliseconds. */
const PENALTY_MS = 5000;

interface Negotiated {
  readonly connection: ByteConnection;
  readonly bound: Endpoint | undefined;
  readonly rest: Uint8Array;
}

async function negotiate(
  proxy: Proxy,
  inner: ByteTransport,
  command: SocksCommand,
  to: Endpoint,
  signal: AbortSignal | undefined,
): Promise<Negotiated> {
  const machine = new ProxyMachine(proxy, command, to);
  let connection: ByteConnection;
  try {
    connection = await inner.connect(proxy.address, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    if ((cause as Error).name === "NotCapable") throw cause;
    throw new ProxyError(
      "proxy-unreachable",
      `Cannot reach the proxy ${formatEndpoint(proxy.address)}`,
      { cause },
    );
  }
  const close = () => connection.close();
  signal?.addEventListener("abort", close, { once: true });
  try {
    const buffer = new Uint8Array(READ_BYTES);
    while (true) {
      for (let out = machine.poll(); out; out = machine.poll()) {
        if (out.type === "failed") throw out.error;
        if (out.type === "connected") {
          signal?.throwIfAborted();
          return { connection, bound: out.bound, rest: out.rest };
        }
        await writeAll(connection, out.data);
      }
      const count = await connection.read(buffer);
      machine.handle(count === null ? undefined : buffer.subarray(0, count));
    }
  } catch (cause) {
    connection.close();
    signal?.throwIfAborted();
    if (cause instanceof ProxyError) throw cause;
    throw new ProxyError("bad-answer", "The proxy hung up", { cause });
  } finally {
    signal?.removeEventListener("abort", close);
  }
}

/**
 * Dials through a proxy, which also resolves names: nothing goes to a peer
 * directly. Listening stays as it is.
 *
 * @param proxy The proxy.
 * @param inner How the proxy itself is reached, such as `tcpTransport`.
 * @returns A transport of the same name. `connect` rejects with a
 * {@linkcode ProxyError} where the proxy does not connect.
 */
export function proxyTransport(
  proxy: Proxy,
  inner: ByteTransport,
): ByteTransport {
  return {
    name: inner.name,
    async connect(remote, { signal } = {}) {
      const { connection, rest } = await negotiate(
        proxy,
        inner,
        "connect",
        remote,
        signal,
      );
      // The answer may have brought the first bytes along.
      return new EncryptedConnection(connection, undefined, rest.slice(), {
        remote,
        transport: inner.name,
      });
    },
    listen: (local) => inner.listen(local),
  };
}

/** How {@linkcode proxyDatagrams} reaches the proxy. */
export interface ProxyDatagramOptions {
  /** Makes the connection on which the proxy is asked. */
  readonly transport: ByteTransport;
  /** Opens the socket that speaks to the proxy. */
  readonly openSocket: (options: DatagramOptions) => Promise<DatagramSocket>;
  /** Clock to use. */
  readonly clock: Clock;
}

/** A relay that the proxy keeps while the connection is open. */
interface Association {
  readonly control: ByteConnection;
  readonly socket: DatagramSocket;
  readonly relay: Endpoint;
}

class ProxiedSocket implements DatagramSocket {
  readonly #proxy: Proxy;
  readonly #options: ProxyDatagramOptions;
  readonly #closing = new AbortController();
  readonly #queue: Datagram[] = [];
  readonly #hostname: string;
  #waiting: ((datagram: Datagram | undefined) => void) | undefined;
  #association: Promise<Association> | undefined;
  #quietUntil = -Infinity;
  dropped = 0;

  constructor(proxy: Proxy, hostname: string, options: ProxyDatagramOptions) {
    this.#proxy = proxy;
    this.#hostname = hostname;
    this.#options = options;
  }

  /** No port of ours is reached from outside. */
  get local(): Endpoint {
    return { hostname: this.#hostname, port: 0 };
  }

  receive(): Promise<Datagram | undefined> {
    const datagram = this.#queue.shift();
    if (datagram !== undefined || this.#closing.signal.aborted) {
      return Promise.resolve(datagram);
    }
    return new Promise((resolve) => this.#waiting = resolve);
  }

  async send(data: Uint8Array, to: Endpoint): Promise<void> {
    const packet = encodeSocksDatagram(data, to);
    const { socket, relay } = await this.#associated();
    await socket.send(packet, relay);
  }

  close(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort(new Error("The socket is closed"));
    this.#association?.then(end, () => {});
    this.#waiting?.(undefined);
    this.#waiting = undefined;
  }
  [Symbol.dispose](): void {
    this.close();
  }

  #associated(): Promise<Association> {
    if (this.#association !== undefined) return this.#association;
    const made = this.#association = this.#associate();
    made.catch(() => {
      if (this.#association === made) this.#association = undefined;
    });
    return made;
  }

  async #associate(): Promise<Association> {
    const { clock, transport, openSocket } = this.#options;
    const { signal } = this.#closing;
    signal.throwIfAborted();
    if (clock.now() < this.#quietUntil) {
      throw new ProxyError(
        "proxy-unreachable",
        "The proxy provides no UDP relay",
      );
    }
    this.#quietUntil = clock.now() + PENALTY_MS;
    const any = { hostname: "0.0.0.0", port: 0 };
    const { connection: control, bound } = await negotiate(
      this.#proxy,
      transport,
      "associate",
      any,
      signal,
    );
    // The proxy's own address, whatever it says: it cannot aim us elsewhere.
    const hostname = normalizeHostname(control.remote.hostname);
    const relay = { hostname, port: bound?.port ?? 0 };
    let socket: DatagramSocket;
    try {
      if (relay.port === 0) {
        throw new ProxyError(
          "bad-answer",
          "The proxy did not say where its UDP relay is",
        );
      }
      const isIpv6 = hostname.includes(":");
      socket = await openSocket({ hostname: isIpv6 ? "::" : "0.0.0.0" });
    } catch (error) {
      control.close();
      throw error;
    }
    const association = { control, socket, relay };
    if (signal.aborted) end(association);
    void this.#pump(association);
    void this.#watch(association);
    return association;
  }

  /** Hands on what the relay brings, and what others send to us not. */
  async #pump({ socket, relay }: Association): Promise<void> {
    while (true) {
      const packet = await socket.receive();
      if (packet === undefined) return;
      const { hostname, port } = packet.from;
      if (port !== relay.port) continue;
      if (normalizeHostname(hostname) !== relay.hostname) continue;
      const datagram = tryDecodeSocksDatagram(packet.data);
      if (datagram === undefined) continue;
      const kept = { data: datagram.data.slice(), from: datagram.from };
      if (this.#waiting !== undefined) {
        const resolve = this.#waiting;
        this.#waiting = undefined;
        resolve(kept);
      } else if (this.#queue.length < MAX_QUEUE) this.#queue.push(kept);
      else this.dropped++;
    }
  }

  /** The relay ends with the connection; the next datagram asks for another. */
  async #watch(association: Association): Promise<void> {
    const buffer = new Uint8Array(64);
    try {
      // Whatever it says now means nothing.
      while (await association.control.read(buffer) !== null);
    } catch {
      // It broke.
    }
    this.#association = undefined;
    end(association);
  }
}

function end({ control, socket }: Association): void {
  control.close();
  socket.close();
}

/**
 * Datagrams through a SOCKS 5 proxy (UDP ASSOCIATE): nothing goes out directly.
 * They may be sent to DNS names, which the proxy resolves. The proxy is asked
 * for a relay with the first datagram, and again after it ended.
 *
 * @param proxy The proxy.
 * @param options See {@linkcode ProxyDatagramOptions}.
 * @returns Opens sockets; `send` rejects with a {@linkcode ProxyError} where
 * the proxy gives no relay.
 */
export function proxyDatagrams(
  proxy: Proxy,
  options: ProxyDatagramOptions,
): (options: DatagramOptions) => Promise<DatagramSocket> {
  return ({ hostname = "0.0.0.0" }) =>
    Promise.resolve(new ProxiedSocket(proxy, hostname, options));
}
