/**
 * What a proxy and anonymity mean for the parts of a session.
 *
 * @module
 */
import { type ByteTransport, tcpTransport } from "../../_shared/byte_conn.ts";
import { systemClock } from "../../_shared/clock.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
} from "../../_shared/datagram.ts";
import { randomBytes, systemRandom } from "../../_shared/random.ts";
import type { Proxy } from "../../handshake/proxy.ts";
import {
  proxyDatagrams,
  proxyTransport,
} from "../../handshake/proxy_transport.ts";
import { HttpFetch } from "../http_fetch.ts";
import { Blocklist, UNRESOLVED } from "./blocklist.ts";
import type { ProxyPurpose, SessionOptions } from "../types.ts";

/** What the most ordinary program calls itself to web servers. */
const ORDINARY_AGENT = "curl/8.5.0";

/** Names of hosts are the proxy's to resolve: nobody here asks for them. */
function refuseToResolve(): Promise<never> {
  return Promise.reject(new Error("The proxy resolves names"));
}

/** How peers are reached. */
export interface PeerNetwork {
  /** Makes and accepts connections. */
  readonly tcp: ByteTransport;
  /** Opens the sockets of uTP; without it there is none. */
  readonly openSocket:
    | ((options: DatagramOptions) => Promise<DatagramSocket>)
    | undefined;
}

/** How a session keeps to itself what it was told to. */
export class Privacy {
  /** The options, changed where the proxy or anonymity demand it. */
  readonly options: SessionOptions;
  /** Whom we have nothing to do with. */
  readonly blocklist: Blocklist;
  /** How peers are reached, unless by `transports` of the options. */
  readonly peers: PeerNetwork;
  /** Whether others are told where we listen. */
  readonly tellsPort: boolean;
  /** How web seeds' names are resolved, if not by the system. */
  readonly resolveWeb: (() => Promise<readonly string[]>) | undefined;
  /** What we call ourselves to web servers, if not as usual. */
  readonly userAgent: string | undefined;
  readonly #proxy: Proxy | undefined;
  readonly #purposes: readonly ProxyPurpose[];
  readonly #fetch: HttpFetch | undefined;

  constructor(chosen: SessionOptions) {
    const { proxy, proxyFor, anonymous = false } = chosen;
    this.blocklist = new Blocklist(chosen.blocklist);
    this.#proxy = proxy;
    this.#purposes = proxyFor ?? ["peers", "trackers", "dht", "web"];
    this.#fetch = proxy &&
      new HttpFetch(proxyTransport(proxy, tcpTransport), chosen.clock);
    let options = chosen;
    this.tellsPort = !this.#covers("peers");
    this.peers = { tcp: tcpTransport, openSocket: openDatagramSocket };
    if (proxy && this.#covers("peers")) {
      const { transports, listen = false } = options;
      this.peers = {
        tcp: proxyTransport(proxy, tcpTransport),
        // A relay leads nobody to us, so there is nothing to listen with.
        openSocket: proxy.type === "socks5" && listen === false
          ? this.#sockets()
          : undefined,
      };
      options = {
        ...options,
        listen,
        transports: transports?.map((inner) => proxyTransport(proxy, inner)),
        lpd: false,
      };
    }
    if (options.dht && this.#covers("dht")) {
      const { dht } = options;
      options = {
        ...options,
        // Nobody reaches us there, so nobody is told to ask.
        dht: proxy?.type === "socks5" && {
          ...dht,
          readOnly: true,
          socket: this.#sockets(),
          resolve: refuseToResolve,
        },
      };
    }
    const coversWeb = this.#covers("web") && options.fetch === undefined;
    if (coversWeb) options = { ...options, fetch: this.#fetch!.fetch };
    this.resolveWeb = coversWeb
      ? () => Promise.resolve([UNRESOLVED])
      : undefined;
    if (anonymous) {
      const { random = systemRandom, dht = false } = options;
      options = {
        ...options,
        lpd: false,
        clientVersion: "",
        peerId: options.peerId ?? randomBytes(random, 20),
        dht: dht && { ...dht, version: new Uint8Array() },
      };
    }
    this.userAgent = anonymous ? ORDINARY_AGENT : undefined;
    this.options = options;
  }

  /** Options of the client of HTTP trackers. */
  httpTrackers(): {
    readonly userAgent?: string | undefined;
    readonly fetch?: typeof globalThis.fetch | undefined;
    readonly resolve?: (() => Promise<never>) | undefined;
  } {
    const { userAgent } = this;
    return this.#covers("trackers")
      ? { userAgent, fetch: this.#fetch!.fetch, resolve: refuseToResolve }
      : { userAgent };
  }

  /** Options of the client of UDP trackers. */
  udpTrackers(): {
    readonly openSocket?: (() => Promise<DatagramSocket>) | undefined;
    readonly resolve?: false | undefined;
  } {
    if (!this.#covers("trackers")) return {};
    const open = this.#sockets();
    return {
      resolve: false,
      openSocket: () =>
        this.#proxy?.type === "socks5"
          ? open({})
          : Promise.reject(new Error("an HTTP proxy carries no datagrams")),
    };
  }

  /** Closes what HTTP requests left open. */
  close(): void {
    this.#fetch?.close();
  }

  #covers(purpose: ProxyPurpose): boolean {
    return this.#proxy !== undefined && this.#purposes.includes(purpose);
  }

  #sockets(): ReturnType<typeof proxyDatagrams> {
    return proxyDatagrams(this.#proxy!, {
      transport: tcpTransport,
      openSocket: openDatagramSocket,
      clock: systemClock,
    });
  }
}
