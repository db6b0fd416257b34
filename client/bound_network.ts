/**
 * A network that is used from one address or interface only, and not at all
 * while that is gone.
 *
 * @module
 */
import {
  type Endpoint,
  ipScope,
  normalizeHostname,
  tryParseIp,
} from "../_shared/address.ts";
import {
  type ByteConnection,
  type ByteListener,
  type ByteTransport,
  tcpTransport,
} from "../_shared/byte_conn.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
  systemResolve,
} from "../_shared/datagram.ts";
import { HandshakeError } from "../handshake/error.ts";
import { connectFrom } from "./bound/bound_connection.ts";
import { BoundListener } from "./bound/bound_listener.ts";
import { BoundSocket } from "./bound/bound_socket.ts";
import { systemAddresses } from "./bound/system_addresses.ts";

/** How often it is looked whether the address is there, in milliseconds. */
const LOOK_MS = 1000;

/** An address of an interface that is up. */
export interface InterfaceAddress {
  /** Name of the interface. */
  readonly name: string;
  /** Its IP address. */
  readonly address: string;
}

/** Options of {@linkcode BoundNetwork}. */
export interface BoundNetworkOptions {
  /** Lists what there is. @default the system's; asks for the permission */
  readonly addresses?: (() => readonly InterfaceAddress[]) | undefined;
  /** Clock to use. @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/** Connections and sockets from one address or interface. */
export class BoundNetwork implements Disposable {
  readonly #bind: string;
  readonly #clock: Clock;
  readonly #list: () => readonly InterfaceAddress[];
  readonly #users = new Set<() => void>();
  /** What is tried with the next look. */
  readonly #again = new Set<() => void>();
  #addresses: readonly string[];
  #cancel: () => void;

  /**
   * Looks the address up, and again every second.
   *
   * @param bind An IP address or the name of an interface.
   * @param options See {@linkcode BoundNetworkOptions}.
   * @throws {RangeError} If there is no such thing.
   */
  constructor(bind: string, options: BoundNetworkOptions = {}) {
    const { clock = systemClock, addresses = systemAddresses } = options;
    this.#bind = tryParseIp(bind) ? normalizeHostname(bind) : bind;
    this.#clock = clock;
    this.#list = addresses;
    this.#addresses = this.#find();
    if (this.#addresses.length === 0) {
      throw new RangeError(
        `Cannot bind to ${
          JSON.stringify(bind)
        }: this machine has no such address, and no such interface that is up and has one`,
      );
    }
    this.#cancel = this.#plan();
  }

  /** Our addresses, at most one of each IP version; none while it is gone. */
  get addresses(): readonly string[] {
    return this.#addresses;
  }

  /** TCP from there. Names are resolved by the system. */
  readonly tcp: ByteTransport = {
    name: tcpTransport.name,
    connect: (remote, { signal } = {}) => this.#connect(remote, signal),
    listen: (local) => this.#listen(local),
  };

  /** Opens datagram sockets there; they come back when the address does. */
  readonly openSocket = async (
    options: DatagramOptions = {},
  ): Promise<DatagramSocket> => {
    const isV6 = options.hostname?.includes(":") ?? false;
    const open = (port = options.port) =>
      openDatagramSocket({ ...options, port, hostname: this.#own(isV6) });
    const socket = new BoundSocket(await open(), open, {
      address: () => this.#addressOf(isV6),
      watch: (onChange) => this.watch(onChange),
      later: (retry) => void this.#again.add(retry),
    });
    return socket;
  };

  /** A transport over our sockets whose connections end with the address. */
  guard(transport: ByteTransport): ByteTransport {
    return {
      name: transport.name,
      dials: transport.dials,
      connect: async (remote, options) => {
        // What waits for an address that is gone would wait in vain.
        const { hostname } = remote;
        if (tryParseIp(hostname)) this.#own(hostname.includes(":"));
        return this.#guard(await transport.connect(remote, options));
      },
      listen: async (local) => {
        const listener = await transport.listen(local);
        return {
          local: listener.local,
          accept: async () => {
            const connection = await listener.accept();
            return connection && this.#guard(connection);
          },
          close: () => listener.close(),
          [Symbol.dispose]: () => listener.close(),
        };
      },
    };
  }

  /** Calls back when addresses come or go; the result ends that. */
  watch(onChange: () => void): () => void {
    this.#users.add(onChange);
    return () => this.#users.delete(onChange);
  }

  /** Looks no more. What is open is its owner's to close. Idempotent. */
  close(): void {
    this.#cancel();
    this.#cancel = () => {};
    this.#users.clear();
    this.#again.clear();
  }
  [Symbol.dispose](): void {
    this.close();
  }

  #plan(): () => void {
    return this.#clock.schedule(this.#clock.now() + LOOK_MS, () => {
      this.#cancel = this.#plan();
      const again = [...this.#again];
      this.#again.clear();
      for (const retry of again) retry();
      const found = this.#find();
      if (found.join() === this.#addresses.join()) return;
      this.#addresses = found;
      for (const user of [...this.#users]) user();
    });
  }

  #find(): string[] {
    const all = this.#list().filter(({ name, address }) =>
      name === this.#bind || normalizeHostname(address) === this.#bind
    ).map(({ address }) => normalizeHostname(address));
    const usable = all.filter((address) => {
      const ip = tryParseIp(address);
      return ip !== undefined && ipScope(ip) !== "link-local";
    });
    return [false, true].flatMap((isV6) =>
      usable.filter((address) => address.includes(":") === isV6).slice(0, 1)
    );
  }

  #addressOf(isV6: boolean): string | undefined {
    return this.#addresses.find((address) => address.includes(":") === isV6);
  }

  /** The address to use; throws while there is none. */
  #own(isV6: boolean): string {
    const address = this.#addressOf(isV6);
    if (address !== undefined) return address;
    throw new HandshakeError(
      this.#addresses.length > 0 ? "connect-failed" : "no-local-address",
      `${this.#bind} has no ${isV6 ? "IPv6" : "IPv4"} address now`,
    );
  }

  async #connect(
    remote: Endpoint,
    signal: AbortSignal | undefined,
  ): Promise<ByteConnection> {
    let { hostname } = remote;
    if (tryParseIp(hostname) === undefined) {
      // Nobody is asked for names while nothing may go out.
      if (this.#addresses.length === 0) this.#own(false);
      const found = await systemResolve(hostname);
      hostname = found.find((ip) => this.#addressOf(ip.includes(":"))) ??
        found[0] ?? hostname;
    }
    const own = this.#own(hostname.includes(":"));
    const to = { hostname, port: remote.port };
    const connection = await connectFrom(to, own, signal);
    if (this.#addresses.includes(own)) return this.#guard(connection);
    connection.close();
    return this.#connect(remote, signal);
  }

  /** Closes a connection when the address goes that it was made from. */
  #guard(
    connection: ByteConnection & { reset?(): void },
  ): ByteConnection {
    const isV6 = connection.remote.hostname.includes(":");
    const own = this.#addressOf(isV6);
    let gone: HandshakeError | undefined;
    const tell = (error: unknown): never => {
      throw gone ?? error;
    };
    const unwatch = this.watch(() => {
      if (this.#addressOf(isV6) === own) return;
      gone = new HandshakeError(
        "no-local-address",
        `${this.#bind} lost its address`,
      );
      // A system that closes in an orderly way would say so again and again.
      connection.reset?.();
      guarded.close();
    });
    const guarded: ByteConnection = {
      local: connection.local,
      remote: connection.remote,
      ...(connection.transport ? { transport: connection.transport } : {}),
      read: (buffer) => connection.read(buffer).catch(tell),
      write: (data) => connection.write(data).catch(tell),
      close: () => {
        unwatch();
        connection.close();
      },
      [Symbol.dispose]: () => guarded.close(),
    };
    return guarded;
  }

  async #listen({ hostname, port }: Endpoint): Promise<ByteListener> {
    const versions = hostname === "::" ? [true, false] : [
      hostname.includes(":"),
    ];
    const listener = new BoundListener(versions, {
      addressOf: (isV6) => this.#addressOf(isV6),
      watch: (onChange) => this.watch(onChange),
      later: (retry) => void this.#again.add(retry),
      guard: (connection) => this.#guard(connection),
    });
    this.#own(versions[0]!);
    await listener.open(port);
    return listener;
  }
}
