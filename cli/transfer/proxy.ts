/**
 * `--proxy` and `--anonymous`: what others get to know of us.
 *
 * @module
 */
import { tcpTransport } from "../../_shared/byte_conn.ts";
import { HttpFetch } from "../../client/http_fetch.ts";
import type { ProxyPurpose, SessionOptions } from "../../client/types.ts";
import { parseProxyUrl, type Proxy } from "../../handshake/proxy.ts";
import { proxyTransport } from "../../handshake/proxy_transport.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { UsageError } from "../error.ts";

const PURPOSES: readonly ProxyPurpose[] = ["peers", "trackers", "dht", "web"];

/** The options themselves. */
export const PRIVACY_OPTIONS: readonly OptionSpec[] = [
  {
    name: "proxy",
    value: "URL",
    summary:
      "Go through socks5://[USER:PASSWORD@]HOST:PORT or http://...; nothing goes round it",
  },
  {
    name: "proxy-for",
    value: "LIST",
    summary: "What goes through it, of peers,trackers,dht,web (all)",
  },
  {
    name: "anonymous",
    summary: "Tell nobody client and version, and nothing to the local network",
  },
];

/** What the person chose, and what it costs. */
export interface PrivacyPlan {
  /** For the session. */
  readonly options: Pick<SessionOptions, "proxy" | "proxyFor" | "anonymous">;
  /** Whether peers are dialled through the proxy. */
  readonly hidesPeers: boolean;
  /** Whether a DHT node can be had, as far as the proxy goes. */
  readonly allowsDht: boolean;
  /** What is left out, in one line. */
  readonly note: string | undefined;
  /** Fetches what the person names by URL. */
  readonly fetch: typeof globalThis.fetch | undefined;
}

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

/**
 * Reads the options.
 *
 * @param args What the person typed.
 * @returns What follows from them.
 * @throws {UsageError} If one makes no sense.
 */
export function planPrivacy(args: Arguments): PrivacyPlan {
  const url = args.get("proxy");
  const list = args.get("proxy-for");
  const anonymous = args.has("anonymous");
  if (url === undefined) {
    if (list !== undefined) throw new UsageError("--proxy-for needs --proxy");
    return {
      options: { anonymous },
      hidesPeers: false,
      allowsDht: true,
      note: undefined,
      fetch: undefined,
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
  const listens = args.get("listen") !== undefined ||
    args.get("port") !== undefined;
  if (covers("peers")) {
    lost.push(listens ? "announcing where we listen" : "listening");
  }
  return {
    options: { anonymous, proxy, proxyFor },
    hidesPeers: covers("peers"),
    allowsDht,
    note: lost.length === 0
      ? undefined
      : `With this proxy there is no ${lost.join(", no ")}`,
    fetch: covers("web")
      ? new HttpFetch(proxyTransport(proxy, tcpTransport)).fetch
      : undefined,
  };
}
