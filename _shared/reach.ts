/**
 * Where the hosts are that URLs lead to.
 *
 * @module
 */
import { ipScope, tryParseIp } from "./address.ts";
import { isLocalHost } from "./tracker_rules.ts";

/** Where a host is. */
export interface HostPlace {
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
): Promise<HostPlace> {
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
