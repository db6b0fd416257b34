/**
 * Where the hosts are that trackers' URLs lead to, and which of them may be
 * asked.
 *
 * @module
 */
import { ipScope, tryParseIp } from "../_shared/address.ts";
import { TrackerError } from "../_shared/announce.ts";
import { isLocalHost } from "../_shared/tracker_rules.ts";
import { trackerOrigin } from "./announce_url.ts";

/** Which trackers on loopback and private networks may be asked. */
export type LocalTrackerPolicy =
  /** Only by a path that ends as announce URLs do, as other services' do not. */
  | "announce-path"
  /** All. */
  | "allow"
  /** None. */
  | "refuse";

/** Where a host is. */
export interface TrackerHost {
  /** How near: 0 internet, 1 private network, 2 this link, 3 this machine. */
  readonly reach: number;
  /** Its address, where it is known. */
  readonly address: string | undefined;
}

/** Tells the addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly string[]>;

function reachOf(hostname: string): number {
  const ip = tryParseIp(hostname);
  if (ip === undefined) {
    return /(^|\.)localhost\.?$/i.test(hostname)
      ? 3
      : isLocalHost(hostname)
      ? 1
      : 0;
  }
  switch (ipScope(ip)) {
    case "global":
      return 0;
    case "private":
    case "reserved":
      return 1;
    case "link-local":
    case "multicast":
      return 2;
    default:
      return 3;
  }
}

/**
 * Tells where a host is: by its text, or by what its name resolves to. Returns
 * the host; one whose name cannot be resolved counts as far away.
 */
export async function findHost(
  url: URL,
  resolve: Resolve,
): Promise<TrackerHost> {
  const name = url.hostname.replace(/^\[|\]$/g, "");
  const isAddress = tryParseIp(name) !== undefined;
  if (isAddress || isLocalHost(name)) {
    return { reach: reachOf(name), address: isAddress ? name : undefined };
  }
  try {
    const found = await resolve(name);
    const hosts = found.map((address) => ({ reach: reachOf(address), address }))
      .sort((a, b) => a.reach - b.reach);
    // A name with several is trusted as the farthest, and refused as the nearest.
    return { reach: hosts.at(-1)?.reach ?? 0, address: hosts[0]?.address };
  } catch {
    // The connection will say what is wrong with the name.
    return { reach: 0, address: undefined };
  }
}

/** Refuses what may be no tracker but another service of a private network. */
export function checkTarget(
  url: URL,
  { reach }: TrackerHost,
  policy: LocalTrackerPolicy = "announce-path",
): void {
  const last = url.pathname.slice(url.pathname.lastIndexOf("/") + 1);
  if (
    reach === 0 || policy === "allow" ||
    (policy === "announce-path" && /^(announce|scrape)/.test(last))
  ) return;
  throw new TrackerError(
    "forbidden-target",
    `Cannot use tracker ${trackerOrigin(url.href)}: it is on a private network${
      policy === "refuse"
        ? ""
        : ' and the path of its URL does not end in "announce"'
    }`,
    { retryInMs: Infinity },
  );
}
