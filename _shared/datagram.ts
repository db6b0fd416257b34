/**
 * Datagram sockets as a port, with two adapters: `Deno.listenDatagram` where
 * the runtime offers it (`--unstable-net`), else `node:dgram`.
 *
 * @module
 */
import type { Socket } from "node:dgram";
import {
  type Endpoint,
  formatEndpoint,
  type IpFamily,
  normalizeHostname,
} from "./address.ts";

/** A received datagram, valid only until the next `receive()`. */
export interface Datagram {
  /** The payload. */
  readonly data: Uint8Array;
  /** Who sent it. */
  readonly from: Endpoint;
}

/** A bound UDP socket. */
export interface DatagramSocket extends Disposable {
  /** The bound address. */
  readonly local: Endpoint;
  /** Datagrams lost here because nobody received them in time. */
  readonly dropped: number;
  /**
   * Waits for a datagram.
   *
   * @returns The datagram, or `undefined` once the socket is closed.
   */
  receive(): Promise<Datagram | undefined>;
  /**
   * Sends a datagram. The data may be reused once the call returns a settled
   * promise.
   *
   * @param data The payload.
   * @param to An IP address (not a name) and a port.
   * @returns A promise that resolves when the datagram was handed over, and
   * rejects when the system refused it.
   */
  send(data: Uint8Array, to: Endpoint): Promise<void>;
  /**
   * Answers several datagrams at a time, where the adapter can: to wait for one
   * after the other leaves a fifth of the throughput unused. Not to be used
   * beside {@linkcode DatagramSocket.receive}; see
   * {@linkcode serveDatagrams}.
   *
   * @param answer Answers a datagram.
   * @param options Lengths, and who is told of what was sent.
   * @returns A promise that resolves once the socket is closed.
   */
  serve?(answer: DatagramAnswerer, options: ServeOptions): Promise<void>;
  /** Closes; a pending receive resolves to `undefined`. Idempotent. */
  close(): void;
}

/**
 * Answers one datagram into a buffer.
 *
 * @param data The payload; not kept.
 * @param from Who sent it.
 * @param out Where the answer goes.
 * @returns Bytes to send back, 0 for none.
 */
export type DatagramAnswerer = (
  data: Uint8Array,
  from: Endpoint,
  out: Uint8Array,
) => number;

/** How {@linkcode serveDatagrams} serves. */
export interface ServeOptions {
  /** Bytes that are read of a datagram; the rest is cut off. */
  readonly maxRequest: number;
  /** Bytes that an answer can have. */
  readonly maxAnswer: number;
  /**
   * Told of each answer that was handed over, and of each that was not.
   *
   * @param error Why it was not.
   */
  readonly onSent: (error?: unknown) => void;
}

/** Options of {@linkcode openDatagramSocket}. */
export interface DatagramOptions {
  /** IP address to bind. @default {"0.0.0.0"} */
  readonly hostname?: string | undefined;
  /** Port to bind; 0 picks a free one. @default {0} */
  readonly port?: number | undefined;
  /** Lets several sockets share the port, as multicast needs. @default {false} */
  readonly reuseAddress?: boolean | undefined;
  /**
   * Keeps IPv4 out of an IPv6 socket, so that both versions can have the same
   * port; forces the `node:dgram` adapter. @default {false}
   */
  readonly ipv6Only?: boolean | undefined;
  /** Multicast membership; forces the `node:dgram` adapter. */
  readonly multicast?: MulticastOptions | undefined;
}

/** How to take part in a multicast group. */
export interface MulticastOptions {
  /** The group's address. */
  readonly group: string;
  /** Address (IPv4) or `%name` scope (IPv6, such as `"::%eth0"`) of the interface. */
  readonly interface?: string | undefined;
  /** Time to live of what we send. @default {1} */
  readonly ttl?: number | undefined;
  /** Whether we hear ourselves on this host. @default {true} */
  readonly loopback?: boolean | undefined;
}

/** Datagrams kept for a receiver that is late. */
const MAX_QUEUE = 1024;
/** Errors in a row that a receiver passes over without a pause. */
const MAX_ERRORS = 64;
/** Pause of a receiver after each further error, in milliseconds. */
const ERROR_PAUSE_MS = 100;
/** Largest UDP payload. */
const MAX_DATAGRAM = 65536;
/** Datagrams of one socket that are answered at a time. */
const LOOPS = 4;
/** Answers that may be on their way by a socket that does not serve itself. */
const MAX_SENDING = 256;
/** How IPv4 addresses begin on a socket that takes both versions. */
const MAPPED = "::ffff:";
/** Bytes that the system may keep for a socket of `node:dgram`, which is slow. */
const NODE_BUFFER = 4 << 20;
/** What a closed socket receives. */
const END: Promise<undefined> = Promise.resolve(undefined);

type ListenDatagram = (options: {
  transport: "udp";
  hostname: string;
  port: number;
  reuseAddress?: boolean;
}) => Deno.DatagramConn;

/** Opens a UDP socket. Needs `--allow-net`. */
export async function openDatagramSocket(
  options: DatagramOptions = {},
): Promise<DatagramSocket> {
  const listen =
    (Deno as unknown as { listenDatagram?: ListenDatagram }).listenDatagram;
  if (
    listen !== undefined && options.multicast === undefined &&
    options.ipv6Only !== true
  ) {
    const conn = listen({
      transport: "udp",
      hostname: options.hostname ?? "0.0.0.0",
      port: options.port ?? 0,
      ...(options.reuseAddress ? { reuseAddress: true } : {}),
    });
    return wrapDatagramConn(conn);
  }
  return await openNodeSocket(options);
}

/**
 * Answers datagrams until the socket is closed. Resolves once the socket is
 * closed; it rejects only if `answer` throws.
 */
export async function serveDatagrams(
  socket: DatagramSocket,
  answer: DatagramAnswerer,
  options: ServeOptions,
): Promise<void> {
  if (socket.serve !== undefined) return await socket.serve(answer, options);
  const { maxAnswer, onSent } = options;
  const out = new Uint8Array(maxAnswer);
  let sending = 0;
  const onEnd = (error?: unknown) => {
    sending--;
    onSent(error);
  };
  while (true) {
    const datagram = await socket.receive();
    if (datagram === undefined) return;
    const length = answer(datagram.data, datagram.from, out);
    if (length === 0) continue;
    if (sending >= MAX_SENDING) {
      onSent(new Error("Too many responses are being sent"));
      continue;
    }
    sending++;
    // Nothing says that sending ends: the next datagram does not wait for it.
    socket.send(out.slice(0, length), datagram.from).then(() => onEnd(), onEnd);
  }
}

/** Wraps a socket of `Deno.listenDatagram`. */
export function wrapDatagramConn(conn: Deno.DatagramConn): DatagramSocket {
  const buffer = new Uint8Array(MAX_DATAGRAM);
  const own = conn.addr as Deno.NetAddr;
  let closed = false;
  let errors = 0;
  let wake = () => {};
  // Many datagrams in a row go to one peer, whose endpoint nobody changes.
  let lastTo: Endpoint | undefined;
  let address: Deno.NetAddr;
  // Where it takes IPv4, too, that has addresses of another form there.
  const isDual = own.hostname === "::";
  const addressOf = ({ hostname, port }: Endpoint): Deno.NetAddr => ({
    transport: "udp",
    hostname: isDual && !hostname.includes(":") ? MAPPED + hostname : hostname,
    port,
  });
  const senderOf = (address: Deno.Addr): Deno.NetAddr => {
    const from = address as Deno.NetAddr;
    if (isDual && from.hostname.startsWith(MAPPED)) {
      from.hostname = from.hostname.slice(MAPPED.length);
    }
    return from;
  };
  const close = () => {
    if (closed) return;
    closed = true;
    conn.close();
    wake();
  };
  const pause = () =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ERROR_PAUSE_MS);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  // Thousands of datagrams a second: no function, object or promise more than
  // the runtime makes anyway.
  const datagram: { data: Uint8Array; from: Endpoint } = {
    data: buffer,
    from: { hostname: "", port: 0 },
  };
  const onReceived = (received: [Uint8Array, Deno.Addr]): Datagram => {
    errors = 0;
    datagram.data = received[0];
    datagram.from = senderOf(received[1]);
    return datagram;
  };
  // An ICMP error of an earlier send (ECONNREFUSED on Windows and some BSDs)
  // says nothing about this socket. What fails again and again, as with an
  // interface that is down, must not spin.
  const mustPause = (error: unknown): boolean => {
    if (error instanceof Deno.errors.BadResource) close();
    return !closed && ++errors > MAX_ERRORS;
  };
  const onError = (error: unknown): Promise<Datagram | undefined> =>
    mustPause(error) ? pause().then(receive) : receive();
  const receive = (): Promise<Datagram | undefined> =>
    closed ? END : conn.receive(buffer).then(onReceived, onError);
  const loop = async (answer: DatagramAnswerer, options: ServeOptions) => {
    const { maxRequest, maxAnswer, onSent } = options;
    const request = new Uint8Array(maxRequest);
    const out = new Uint8Array(maxAnswer);
    // Many answers have the same length.
    let view = out;
    while (!closed) {
      let received: [Uint8Array, Deno.Addr];
      try {
        received = await conn.receive(request);
      } catch (error) {
        if (mustPause(error)) await pause();
        continue;
      }
      errors = 0;
      const from = senderOf(received[1]);
      const length = answer(received[0], from, out);
      if (length === 0) continue;
      if (view.length !== length) view = out.subarray(0, length);
      try {
        await conn.send(view, isDual ? addressOf(from) : from);
      } catch (error) {
        onSent(error);
        continue;
      }
      onSent();
    }
  };
  return {
    local: { hostname: own.hostname, port: own.port },
    dropped: 0,
    receive,
    send(data, to) {
      if (to !== lastTo) {
        lastTo = to;
        address = addressOf(to);
      }
      return conn.send(data, address) as Promise<unknown> as Promise<void>;
    },
    async serve(answer, options) {
      await Promise.all(
        Array.from({ length: LOOPS }, () => loop(answer, options)),
      );
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** Resolves a name to all of its IP addresses. Needs `--allow-net`. */
export async function systemResolve(hostname: string): Promise<string[]> {
  const { lookup } = await import("node:dns/promises");
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}

/** The error of a missing permission, as the runtime words it. */
function notCapable(host: string): Error {
  return new Deno.errors.NotCapable(
    `Requires net access to "${host}", run again with the --allow-net flag`,
  );
}

/** What node:dgram calls unknown may be a missing permission. */
function sendError(error: Error, to: Endpoint): Error {
  const { code } = error as { readonly code?: unknown };
  if (code !== "UNKNOWN") return error;
  const host = formatEndpoint(to);
  const { state } = Deno.permissions.querySync({ name: "net", host });
  return state === "granted" ? error : notCapable(host);
}

async function openNodeSocket(
  options: DatagramOptions,
): Promise<DatagramSocket> {
  const { createSocket } = await import("node:dgram");
  const hostname = options.hostname ?? "0.0.0.0";
  const host = formatEndpoint({ hostname, port: options.port ?? 0 });
  // Asked here, as node:dgram would throw where nobody can catch it.
  if (Deno.permissions.requestSync({ name: "net", host }).state !== "granted") {
    throw notCapable(host);
  }
  const family: IpFamily = hostname.includes(":") ? 6 : 4;
  const socket: Socket = createSocket({
    type: family === 4 ? "udp4" : "udp6",
    reuseAddr: options.reuseAddress ?? false,
    ...(family === 6 ? { ipv6Only: true } : {}),
    // All hosts are addresses; node:dns takes 8 ms to load, and asks each time.
    lookup: (hostname, _options, callback) => callback(null, hostname, family),
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(options.port ?? 0, hostname, () => {
      socket.off("error", reject);
      resolve();
    });
  });
  const { multicast } = options;
  if (multicast === undefined) {
    try {
      socket.setRecvBufferSize(NODE_BUFFER);
      socket.setSendBufferSize(NODE_BUFFER);
    } catch {
      // It is only asked for.
    }
  }
  try {
    if (multicast !== undefined) {
      socket.setMulticastTTL(multicast.ttl ?? 1);
      socket.setMulticastLoopback(multicast.loopback ?? true);
      if (multicast.interface !== undefined) {
        socket.setMulticastInterface(multicast.interface);
      }
      socket.addMembership(multicast.group, multicast.interface);
    }
  } catch (error) {
    socket.close();
    throw error;
  }
  const local = socket.address();
  const queue: Datagram[] = [];
  let waiting: ((datagram: Datagram | undefined) => void) | undefined;
  let closed = false;
  let dropped = 0;
  socket.on("error", () => {
    // Errors of single sends are reported by send(); the socket lives on.
  });
  socket.on("message", (data: Uint8Array, from) => {
    const datagram: Datagram = {
      data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      from: { hostname: normalizeHostname(from.address), port: from.port },
    };
    if (waiting !== undefined) {
      const resolve = waiting;
      waiting = undefined;
      resolve(datagram);
    } else if (queue.length < MAX_QUEUE) queue.push(datagram);
    else dropped++;
  });
  const close = () => {
    if (closed) return;
    closed = true;
    socket.close();
    waiting?.(undefined);
    waiting = undefined;
  };
  return {
    local: { hostname: local.address, port: local.port },
    get dropped() {
      return dropped;
    },
    receive() {
      const datagram = queue.shift();
      if (datagram !== undefined || closed) return Promise.resolve(datagram);
      return new Promise((resolve) => waiting = resolve);
    },
    send(data, to) {
      return new Promise((resolve, reject) => {
        if (closed) {
          return reject(new Error("Cannot send: the socket is closed"));
        }
        socket.send(data, to.port, to.hostname, (error) => {
          if (error) reject(sendError(error, to));
          else resolve();
        });
      });
    },
    close,
    [Symbol.dispose]: close,
  };
}
