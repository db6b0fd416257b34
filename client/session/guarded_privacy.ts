/**
 * The privacy of a session that goes through a proxy, from one address only, or
 * is anonymous.
 *
 * @module
 */
import { tcpTransport } from "../../_shared/byte_conn.ts";
import { type Clock, systemClock } from "../../_shared/clock.ts";
import { openDatagramSocket } from "../../_shared/datagram.ts";
import { sendsHost } from "../../_shared/http/checked_fetch.ts";
import {
  HttpFetch,
  ORDINARY_AGENT,
  refuseToResolve,
} from "../../_shared/http/http_fetch.ts";
import { randomBytes, systemRandom } from "../../_shared/random.ts";
import type { Proxy } from "../../handshake/proxy.ts";
import {
  proxyDatagrams,
  proxyTransport,
} from "../../handshake/proxy_transport.ts";
import { BoundNetwork } from "../bound_network.ts";
import {
  Blocklist,
  type OpenSocket,
  type PeerNetwork,
  type Privacy,
  UNRESOLVED,
} from "./privacy.ts";
import type { ProxyPurpose, SessionOptions } from "../types.ts";

/** How a session keeps to itself what it was told to. */
export class GuardedPrivacy implements Privacy {
  readonly options: SessionOptions;
  readonly blocklist: Blocklist;
  readonly bound: BoundNetwork | undefined;
  readonly direct: Privacy["direct"];
  readonly peers: PeerNetwork;
  readonly tellsPort: boolean;
  readonly resolveWeb: (() => Promise<readonly string[]>) | undefined;
  readonly userAgent: string | undefined;
  readonly #proxy: Proxy | undefined;
  readonly #purposes: readonly ProxyPurpose[];
  readonly #fetches: HttpFetch[] = [];
  readonly #clock: Clock;

  /** Throws a `RangeError` if there is nothing that `bind` could mean. */
  constructor(chosen: SessionOptions) {
    const { proxy, proxyFor, anonymous = false, bind, clock = systemClock } =
      chosen;
    this.blocklist = new Blocklist(chosen.blocklist);
    this.#clock = clock;
    this.#proxy = proxy;
    this.#purposes = proxyFor ?? ["peers", "trackers", "dht", "web"];
    this.bound = bind === undefined
      ? undefined
      : new BoundNetwork(bind, { clock });
    this.direct = this.bound ??
      { tcp: tcpTransport, openSocket: openDatagramSocket };
    let options = chosen;
    this.tellsPort = !this.#covers("peers");
    this.peers = this.direct;
    if (proxy && this.#covers("peers")) {
      const { transports, listen = false } = options;
      this.peers = {
        tcp: proxyTransport(proxy, this.direct.tcp),
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
    this.resolveWeb = this.#covers("web") && options.fetch === undefined
      ? () => Promise.resolve([UNRESOLVED])
      : undefined;
    options = { ...options, fetch: options.fetch ?? this.#fetchFor("web") };
    if (anonymous) {
      const { random = systemRandom, dht = false } = options;
      options = {
        ...options,
        lpd: false,
        // The gateway keeps a description of what it maps.
        portMap: false,
        clientVersion: "",
        peerId: options.peerId ?? randomBytes(random, 20),
        dht: dht && { ...dht, version: new Uint8Array() },
      };
    }
    this.userAgent = anonymous ? ORDINARY_AGENT : undefined;
    this.options = options;
  }

  httpTrackers(): ReturnType<Privacy["httpTrackers"]> {
    return {
      userAgent: this.userAgent,
      fetch: this.#fetchFor("trackers"),
      resolve: this.#covers("trackers") ? refuseToResolve : undefined,
    };
  }

  udpTrackers(): ReturnType<Privacy["udpTrackers"]> {
    if (!this.#covers("trackers")) {
      const { bound } = this;
      return bound === undefined ? {} : {
        openSocket: (family) =>
          bound.openSocket({ hostname: family === 6 ? "::" : "0.0.0.0" }),
      };
    }
    const open = this.#sockets();
    return {
      resolve: false,
      openSocket: () =>
        this.#proxy?.type === "socks5"
          ? open({})
          : Promise.reject(new Error("an HTTP proxy carries no datagrams")),
    };
  }

  close(): void {
    for (const one of this.#fetches) one.close();
    this.bound?.close();
  }

  #covers(purpose: ProxyPurpose): boolean {
    return this.#proxy !== undefined && this.#purposes.includes(purpose);
  }

  /** What asks web servers, if not the runtime. */
  #fetchFor(purpose: ProxyPurpose): typeof globalThis.fetch | undefined {
    const isProxied = this.#covers(purpose);
    if (!isProxied && this.bound === undefined) return undefined;
    const { tcp } = this.direct;
    const made = new HttpFetch(
      isProxied ? proxyTransport(this.#proxy!, tcp) : tcp,
      { clock: this.#clock },
    );
    this.#fetches.push(made);
    return isProxied ? made.fetch : sendsHost(made.fetch);
  }

  #sockets(): OpenSocket {
    return proxyDatagrams(this.#proxy!, {
      transport: this.direct.tcp,
      openSocket: this.direct.openSocket,
      clock: this.#clock,
    });
  }
}
