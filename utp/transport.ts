/**
 * uTP as a transport.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type {
  ByteConnection,
  ByteConnectOptions,
  ByteListener,
  ByteTransport,
} from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
} from "../_shared/datagram.ts";
import type { RandomSource } from "../_shared/random.ts";
import { UtpMultiplexer } from "./multiplexer.ts";

/** Options of {@linkcode UtpTransport}. */
export interface UtpTransportOptions {
  /** Opens sockets. @default real UDP sockets */
  readonly socket?:
    | ((options: DatagramOptions) => Promise<DatagramSocket>)
    | undefined;
  /** Connections at a time, both ways. @default {2000} */
  readonly maxConnections?: number | undefined;
  /** Clock to use. @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** Source of ids and sequence numbers. @default {systemRandom} */
  readonly random?: RandomSource | undefined;
}

/** Whether somebody else has a port, as `Deno.listenDatagram` says it. */
function isTaken(error: unknown): boolean {
  return error instanceof Error && error.name === "AddrInUse";
}

/**
 * Makes and accepts uTP connections (BEP 29). It has one UDP socket for each IP
 * version: that of {@linkcode UtpTransport.listen}, or one of its own from the
 * first connection on. Needs `--allow-net`.
 */
export class UtpTransport implements ByteTransport, Disposable {
  readonly name = "utp";
  readonly #options: UtpTransportOptions;
  readonly #open: (options: DatagramOptions) => Promise<DatagramSocket>;
  readonly #multiplexers = new Map<"ipv4" | "ipv6", UtpMultiplexer>();
  readonly #opening = new Map<"ipv4" | "ipv6", Promise<UtpMultiplexer>>();
  #isClosed = false;

  /**
   * Makes a transport without sockets.
   *
   * @param options See {@linkcode UtpTransportOptions}.
   */
  constructor(options: UtpTransportOptions = {}) {
    this.#options = options;
    this.#open = options.socket ?? openDatagramSocket;
  }

  /**
   * Connects.
   *
   * @param remote An IP address and a port.
   * @param options See {@linkcode ByteConnectOptions}.
   * @returns The open connection.
   * @throws {UtpError} If the peer refuses or does not answer.
   */
  async connect(
    remote: Endpoint,
    options: ByteConnectOptions = {},
  ): Promise<ByteConnection> {
    const multiplexer = await this.#for(
      remote.hostname.includes(":") ? "ipv6" : "ipv4",
    );
    return await multiplexer.connect(remote, options.signal);
  }

  /**
   * Listens. On `::` it listens on all addresses of both IP versions, where the
   * machine has both. A connection is given out once its peer has sent something
   * after its SYN, as that may be forged: who connects speaks first.
   *
   * @param local Where; port 0 picks a free one.
   * @returns The listener; closing it leaves connections open.
   */
  async listen(local: Endpoint): Promise<ByteListener> {
    const first = await this.#bind(local);
    const all = [first];
    if (local.hostname === "::") {
      const { port } = first.local;
      try {
        all.push(await this.#bind({ hostname: "0.0.0.0", port }));
      } catch (error) {
        if (error instanceof Error && error.name === "NotCapable") throw error;
        // On most systems the first has it: it takes both versions.
        if (isTaken(error)) {
          this.#multiplexers.get("ipv4")?.close();
          this.#multiplexers.set("ipv4", first);
        }
      }
    }
    let waiting: ((connection: ByteConnection | undefined) => void) | undefined;
    let isClosed = false;
    const next = (): ByteConnection | undefined => {
      for (const multiplexer of all) {
        const connection = multiplexer.takeAccepted();
        if (connection !== undefined) return connection;
      }
      return undefined;
    };
    const onAccepted = () => {
      if (waiting === undefined) return;
      const resolve = waiting;
      waiting = undefined;
      resolve(next());
    };
    for (const multiplexer of all) multiplexer.listen(onAccepted);
    const close = () => {
      if (isClosed) return;
      isClosed = true;
      waiting?.(undefined);
      for (const multiplexer of all) multiplexer.unlisten();
    };
    return {
      local: first.local,
      accept() {
        const isOver = isClosed || all.every((one) => one.isClosed);
        const connection = isOver ? undefined : next();
        if (connection !== undefined || isOver) {
          return Promise.resolve(connection);
        }
        return new Promise((resolve) => waiting = resolve);
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  /**
   * Gives other protocols their part of a port that is listened on, or else a
   * socket of their own. Fits `socket` of a DHT node.
   *
   * @param options Where.
   * @returns A socket; closing it leaves the port to uTP.
   */
  async share(options: DatagramOptions): Promise<DatagramSocket> {
    const family = options.hostname?.includes(":") ? "ipv6" : "ipv4";
    const multiplexer = this.#multiplexers.get(family);
    return multiplexer !== undefined && options.port !== undefined &&
        multiplexer.local.port === options.port
      ? multiplexer.others[family]
      : await this.#open(options);
  }

  /** Breaks every connection off and closes the sockets. Idempotent. */
  close(): void {
    this.#isClosed = true;
    for (const multiplexer of this.#multiplexers.values()) multiplexer.close();
    this.#multiplexers.clear();
  }

  /** Same as {@linkcode UtpTransport.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #for(family: "ipv4" | "ipv6"): Promise<UtpMultiplexer> {
    const open = this.#multiplexers.get(family);
    // Its socket may have died.
    if (open !== undefined && !open.isClosed) return open;
    let opening = this.#opening.get(family);
    if (opening === undefined) {
      const hostname = family === "ipv6" ? "::" : "0.0.0.0";
      opening = this.#bind({ hostname, port: 0 });
      this.#opening.set(family, opening);
      const done = () => this.#opening.delete(family);
      opening.then(done, done);
    }
    return await opening;
  }

  async #bind({ hostname, port }: Endpoint): Promise<UtpMultiplexer> {
    const socket = await this.#open({ hostname, port }).catch((error) => {
      if (!isTaken(error) || hostname !== "::" || port === 0) throw error;
      // By IPv4 perhaps.
      return this.#open({ hostname, port, ipv6Only: true });
    });
    if (this.#isClosed) {
      socket.close();
      throw new Error("The uTP transport is closed");
    }
    const family = hostname.includes(":") ? "ipv6" : "ipv4";
    this.#multiplexers.get(family)?.close();
    const { clock, random, maxConnections } = this.#options;
    const multiplexer = new UtpMultiplexer({
      socket,
      clock,
      random,
      maxConnections,
    });
    this.#multiplexers.set(family, multiplexer);
    return multiplexer;
  }
}
