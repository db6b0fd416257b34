/**
 * How a session keeps to itself what it was told to, and with whom it has
 * nothing to do.
 *
 * @module
 */
import type { IpFamily } from "../../_shared/address.ts";
import { type ByteTransport, tcpTransport } from "../../_shared/byte_conn.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
  serveDatagrams,
} from "../../_shared/datagram.ts";
import type { BoundNetwork } from "../bound_network.ts";
import type { SessionOptions } from "../types.ts";
import { HandshakeFilters } from "../../handshake/filter.ts";
import type { IpSet } from "../../handshake/ip_set.ts";

/** A far address that names stand for where only the proxy knows better. */
export const UNRESOLVED = "192.0.2.0";

/** The block list of a session; another one counts from the next look-up on. */
export class Blocklist {
  /** The ranges, if there are any. */
  ips: IpSet | undefined;

  constructor(ips: IpSet | undefined) {
    this.ips = ips;
  }

  /** Whether an address is blocked; a name is not. */
  readonly has = (hostname: string): boolean =>
    hostname !== UNRESOLVED && (this.ips?.has(hostname) ?? false);

  /** Who may shake hands: nobody on the list, whatever other filters say. */
  filters(chosen: HandshakeFilters | undefined): HandshakeFilters {
    const filters = new HandshakeFilters({
      filters: [({ address }) => this.has(address.hostname) ? "block" : "pass"],
    });
    return chosen === undefined
      ? filters
      : filters.add((facts) => chosen.decide(facts));
  }

  /** Sockets that neither hear nor speak to those on the list. */
  sockets(
    open: (options: DatagramOptions) => Promise<DatagramSocket>,
  ): (options: DatagramOptions) => Promise<DatagramSocket> {
    const { has } = this;
    return async (options) => {
      const socket = await open(options);
      return {
        local: socket.local,
        get dropped() {
          return socket.dropped;
        },
        async receive() {
          while (true) {
            const datagram = await socket.receive();
            if (datagram === undefined || !has(datagram.from.hostname)) {
              return datagram;
            }
          }
        },
        serve: (answer, options) =>
          serveDatagrams(
            socket,
            (data, from, out) =>
              has(from.hostname) ? 0 : answer(data, from, out),
            options,
          ),
        send: (data, to) =>
          has(to.hostname) ? Promise.resolve() : socket.send(data, to),
        close: () => socket.close(),
        [Symbol.dispose]: () => socket.close(),
      };
    };
  }
}

/** Opens sockets of UDP. */
export type OpenSocket = (options: DatagramOptions) => Promise<DatagramSocket>;

/** How peers are reached. */
export interface PeerNetwork {
  /** Makes and accepts connections. */
  readonly tcp: ByteTransport;
  /** Opens the sockets of uTP; without it there is none. */
  readonly openSocket: OpenSocket | undefined;
}

/** What a proxy, an address and anonymity mean for the parts of a session. */
export interface Privacy {
  /** The options, changed where the proxy or anonymity demand it. */
  readonly options: SessionOptions;
  /** Whom we have nothing to do with. */
  readonly blocklist: Blocklist;
  /** The only address or interface that is used, if one was chosen. */
  readonly bound?: BoundNetwork | undefined;
  /** What does not go through a proxy. */
  readonly direct: {
    readonly tcp: ByteTransport;
    readonly openSocket: OpenSocket;
  };
  /** How peers are reached, unless by `transports` of the options. */
  readonly peers: PeerNetwork;
  /** Whether others are told where we listen. */
  readonly tellsPort: boolean;
  /** How web seeds' names are resolved, if not by the system. */
  readonly resolveWeb?: (() => Promise<readonly string[]>) | undefined;
  /** What we call ourselves to web servers, if not as usual. */
  readonly userAgent?: string | undefined;
  /** Options of the client of HTTP trackers. */
  httpTrackers(): {
    readonly userAgent?: string | undefined;
    readonly fetch?: typeof globalThis.fetch | undefined;
    readonly resolve?: (() => Promise<never>) | undefined;
  };
  /** Options of the client of UDP trackers. */
  udpTrackers(): {
    readonly openSocket?:
      | ((family: IpFamily) => Promise<DatagramSocket>)
      | undefined;
    readonly resolve?: false | undefined;
  };
  /** Closes what HTTP requests left open, and looks for addresses no more. */
  close(): void;
}

/** The ways of the system itself, which everybody takes who hides nothing. */
const DIRECT = { tcp: tcpTransport, openSocket: openDatagramSocket };

/** Throws a `RangeError` if there is nothing that `bind` could mean. */
export async function openPrivacy(chosen: SessionOptions): Promise<Privacy> {
  const { proxy, bind, anonymous = false } = chosen;
  if (proxy !== undefined || bind !== undefined || anonymous) {
    const { GuardedPrivacy } = await import("./guarded_privacy.ts");
    return new GuardedPrivacy(chosen);
  }
  return {
    options: chosen,
    blocklist: new Blocklist(chosen.blocklist),
    direct: DIRECT,
    peers: DIRECT,
    tellsPort: true,
    httpTrackers: () => ({}),
    udpTrackers: () => ({}),
    close() {},
  };
}
