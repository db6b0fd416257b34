/**
 * What `--proxy`, `--bind` and `--anonymous` lead to.
 *
 * @module
 */
import { tcpTransport } from "../../_shared/byte_conn.ts";
import { sendsHost } from "../../_shared/http/checked_fetch.ts";
import { BoundNetwork } from "../../client/bound_network.ts";
import {
  HttpFetch,
  ORDINARY_AGENT,
  refuseToResolve,
} from "../../_shared/http/http_fetch.ts";
import type { ProxyPurpose } from "../../client/types.ts";
import { parseProxyUrl, type Proxy } from "../../handshake/proxy.ts";
import { proxyTransport } from "../../handshake/proxy_transport.ts";
import type { Arguments } from "../command.ts";
import { UsageError } from "../error.ts";
import type { WebAccess } from "../torrent/fetch_torrent.ts";
import type { ListenNames, PrivacyPlan } from "./proxy.ts";

const PURPOSES: readonly ProxyPurpose[] = ["peers", "trackers", "dht", "web"];

function proxyOf(text: string): Proxy {
  try {
    return parseProxyUrl(text);
  } catch (error) {
    // The text may hold a password.
    throw new UsageError(`--proxy: ${(error as Error).message}`);
  }
}

function purposesOf(text: string): ProxyPurpose[] {
  return text.split(",").map((part) => {
    const found = PURPOSES.find((purpose) => purpose === part.trim());
    if (found !== undefined) return found;
    throw new UsageError(
      `--proxy-for must be a list of ${PURPOSES.join(",")}, not ${
        JSON.stringify(text)
      }`,
    );
  });
}

/** Fetches from an address, through a proxy; or as the runtime does. */
function fetchFrom(
  bind: string | undefined,
  proxy?: Proxy,
): WebAccess["fetch"] {
  if (bind === undefined && proxy === undefined) return undefined;
  const fetch: typeof globalThis.fetch = (input, init) => {
    // Looked up anew each time, and not watched: it is one request.
    using bound = bind === undefined ? undefined : boundTo(bind);
    const tcp = bound?.tcp ?? tcpTransport;
    const http = new HttpFetch(proxy ? proxyTransport(proxy, tcp) : tcp);
    return http.fetch(input, init);
  };
  return proxy === undefined ? sendsHost(fetch) : fetch;
}

function boundTo(bind: string): BoundNetwork {
  try {
    return new BoundNetwork(bind);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UsageError(`--bind: ${error.message}`);
  }
}

/** Reads the options, see `planPrivacy`. */
export function privacyPlan(
  args: Arguments,
  names: ListenNames,
): PrivacyPlan {
  const url = args.get("proxy");
  const list = args.get("proxy-for");
  const anonymous = args.has("anonymous");
  const userAgent = anonymous ? ORDINARY_AGENT : undefined;
  const bind = args.get("bind");
  args.exclude(["bind", names.listen]);
  if (bind !== undefined) boundTo(bind).close();
  if (url === undefined) {
    if (list !== undefined) throw new UsageError("--proxy-for needs --proxy");
    return {
      options: { anonymous, bind },
      hidesPeers: false,
      allowsDht: true,
      note: undefined,
      web: { userAgent, fetch: fetchFrom(bind) },
    };
  }
  const proxy = proxyOf(url);
  const proxyFor = list === undefined ? PURPOSES : purposesOf(list);
  const covers = (purpose: ProxyPurpose) => proxyFor.includes(purpose);
  const isHttp = proxy.type === "http";
  const allowsDht = !(isHttp && covers("dht"));
  const lost = [
    ...(covers("peers") ? ["local discovery"] : []),
    ...(allowsDht ? [] : ["DHT"]),
    ...(isHttp && covers("trackers") ? ["UDP trackers"] : []),
  ];
  const listens = args.has(names.listen) || args.has(names.port);
  if (covers("peers")) {
    lost.push(listens ? "announcing where we listen" : "listening");
  }
  return {
    options: { anonymous, proxy, proxyFor, bind },
    hidesPeers: covers("peers"),
    allowsDht,
    note: lost.length === 0
      ? undefined
      : `With this proxy there is no ${lost.join(", no ")}`,
    web: covers("web")
      ? { userAgent, fetch: fetchFrom(bind, proxy), resolve: refuseToResolve }
      : { userAgent, fetch: fetchFrom(bind) },
  };
}
