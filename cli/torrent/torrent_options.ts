/**
 * Options of verbs that write torrent files.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { addressesOf } from "../address_options.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { UsageError } from "../error.ts";

/** Trackers, web seeds and nodes. */
export const SOURCE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "tracker",
    short: "t",
    value: "URL",
    repeat: true,
    summary: "Tracker; each is a tier of its own",
  },
  { name: "web-seed", value: "URL", repeat: true, summary: "Web seed" },
  {
    name: "node",
    value: "HOST:PORT",
    repeat: true,
    summary: "DHT node to bootstrap from",
  },
];

/** Schemes that clients know: WebSockets are WebTorrent's. */
const TRACKER_REGEXP = /^(?:https?|udp|wss?):/i;
const WEB_SEED_REGEXP = /^(?:https?|ftp):/i;

function checkUrl(text: string, option: string, schemes: RegExp): string {
  if (!URL.canParse(text)) {
    throw new UsageError(
      `${option} must be a URL, not ${JSON.stringify(text)}`,
    );
  }
  if (schemes.test(text)) return text;
  throw new UsageError(
    `${option} cannot be ${
      JSON.stringify(text)
    }: clients would not know what to do with ${text.split(":", 1)[0]}:`,
  );
}

/** Splits `URL,URL` at commas that a new URL or nothing follows. */
function parseTier(text: string): string[] {
  const urls = text.split(/[,\s]+(?=[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((url) => url.replace(/[,\s]+$/, "").trim());
  return urls.map((url) => checkUrl(url, "--tracker", TRACKER_REGEXP));
}

/** What {@linkcode SOURCE_OPTIONS} say. */
export interface GivenSources {
  /** Tracker URLs in tiers. */
  readonly trackers: readonly (readonly string[])[];
  /** Web seed URLs. */
  readonly webSeeds: readonly string[];
  /** DHT nodes. */
  readonly nodes: readonly Endpoint[];
}

/**
 * Reads {@linkcode SOURCE_OPTIONS}.
 *
 * @param args What the person typed.
 * @returns What they say, each URL once; empty lists where they say nothing.
 * @throws {UsageError} If one is no URL or no HOST:PORT.
 */
export function readSources(args: Arguments): GivenSources {
  const webSeeds = args.all("web-seed")
    .map((url) => checkUrl(url.trim(), "--web-seed", WEB_SEED_REGEXP));
  const seen = new Set<string>();
  const trackers = args.all("tracker").map((text) =>
    parseTier(text).filter((url) => seen.size < seen.add(url).size)
  );
  return {
    trackers: trackers.filter((tier) => tier.length > 0),
    webSeeds: [...new Set(webSeeds)],
    nodes: addressesOf(args, "node"),
  };
}
