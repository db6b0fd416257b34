/**
 * Options of verbs that write torrent files.
 *
 * @module
 */
import { type Endpoint, tryParseEndpoint } from "../../_shared/address.ts";
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

function parseNode(text: string): Endpoint {
  const endpoint = tryParseEndpoint(text);
  if (endpoint === undefined || endpoint.port === 0) {
    throw new UsageError(
      `--node must be HOST:PORT, not ${JSON.stringify(text)}`,
    );
  }
  return endpoint;
}

function checkUrl(text: string, option: string): string {
  if (URL.canParse(text)) return text;
  throw new UsageError(`${option} must be a URL, not ${JSON.stringify(text)}`);
}

/** Splits `URL,URL` at commas that a new URL follows. */
function parseTier(text: string): string[] {
  return text.split(/,(?=[a-z][a-z0-9+.-]*:\/\/)/i)
    .map((url) => checkUrl(url.trim(), "--tracker"));
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
 * @returns What they say; empty lists where they say nothing.
 * @throws {UsageError} If one is no URL or no HOST:PORT.
 */
export function readSources(args: Arguments): GivenSources {
  return {
    trackers: args.all("tracker").map(parseTier),
    webSeeds: args.all("web-seed").map((url) => checkUrl(url, "--web-seed")),
    nodes: args.all("node").map(parseNode),
  };
}
