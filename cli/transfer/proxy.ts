/**
 * `--proxy`, `--bind` and `--anonymous`: what others get to know of us, and by
 * which way.
 *
 * @module
 */
import type { SessionOptions } from "../../client/types.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import type { WebAccess } from "../torrent/fetch_torrent.ts";

/** The options themselves. */
export const PRIVACY_OPTIONS: readonly OptionSpec[] = [
  {
    name: "proxy",
    value: "URL",
    summary:
      "Use socks5://[USER:PASSWORD@]HOST:PORT or http://... and nothing but it",
  },
  {
    name: "proxy-for",
    value: "LIST",
    summary: "What to proxy, of peers,trackers,dht,web (all)",
    complete: ["peers", "trackers", "dht", "web"],
  },
  {
    name: "bind",
    value: "ADDR|INTERFACE",
    summary:
      "Use only this address or interface, and no network while it is down (needs --allow-sys)",
  },
  {
    name: "anonymous",
    summary:
      "Do not reveal client and version, and stay silent on the local network",
  },
];

/** What the options for where peers connect to are called. */
export type ListenNames = Readonly<Record<"listen" | "port", string>>;

/** What the person chose, and what it costs. */
export interface PrivacyPlan {
  /** For the session. */
  readonly options: Pick<
    SessionOptions,
    "proxy" | "proxyFor" | "anonymous" | "bind"
  >;
  /** Whether peers are dialled through the proxy. */
  readonly hidesPeers: boolean;
  /** Whether a DHT node can be had, as far as the proxy goes. */
  readonly allowsDht: boolean;
  /** What is left out, in one line. */
  readonly note: string | undefined;
  /** How is asked what the person names by URL. */
  readonly web: WebAccess;
}

/**
 * Reads the options.
 *
 * @param args What the person typed.
 * @param names What `listen` and `port` are called.
 * @returns What follows from them.
 * @throws {UsageError} If one makes no sense.
 */
export async function planPrivacy(
  args: Arguments,
  names: ListenNames,
): Promise<PrivacyPlan> {
  if (PRIVACY_OPTIONS.some(({ name }) => args.has(name))) {
    return (await import("./privacy_plan.ts")).privacyPlan(args, names);
  }
  return {
    options: {},
    hidesPeers: false,
    allowsDht: true,
    note: undefined,
    web: {},
  };
}
