/**
 * The sockets of a node, and what its machine is to know of them.
 *
 * @module
 */
import {
  type Endpoint,
  type IpFamily,
  type IpScope,
  ipScope,
  normalizeHostname,
  tryParseIp,
} from "../../_shared/address.ts";
import {
  type DatagramSocket,
  openDatagramSocket,
} from "../../_shared/datagram.ts";
import { familyOf } from "../compact_node.ts";
import type { MainlineDhtOptions } from "../mainline_options.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { DhtNodeMachineOptions } from "../node_options.ts";
import type { DhtState } from "../routing_state.ts";

/** Client and version that we tell: "BP" and 0.1 (BEP 5). */
const VERSION = Uint8Array.of(0x42, 0x50, 0, 1);

/** The options, and what follows from the sockets and the state of before. */
export function machineOptions(
  options: MainlineDhtOptions,
  sockets: ReadonlyMap<IpFamily, DatagramSocket>,
  saved: DhtState | undefined,
  random: RandomSource,
  startedAt: number,
): DhtNodeMachineOptions {
  const scopes = scopesOf(options, [...sockets.values()]);
  const onLoopback = scopes.includes("loopback");
  const { version, restrictAddresses, limits } = options;
  return {
    ...options,
    version: version?.length === 0 ? undefined : version ?? VERSION,
    restrictAddresses: restrictAddresses ?? !onLoopback,
    savedIds: { 4: saved?.id, 6: saved?.id6 },
    limits: {
      ...limits,
      limitLoopback: limits?.limitLoopback ?? !onLoopback,
    },
    scopes,
    families: [...sockets.keys()],
    random,
    startedAt,
  };
}

/** Opens what was asked for; without a wish, what can be opened. */
export async function openSockets(
  options: MainlineDhtOptions,
): Promise<Map<IpFamily, DatagramSocket>> {
  const { hostname, port = 0, socket: open = openDatagramSocket } = options;
  const ip = hostname === undefined ? undefined : tryParseIp(hostname);
  if (hostname !== undefined && ip === undefined) {
    throw new RangeError(
      `Cannot listen at ${hostname}: it must be an IP address`,
    );
  }
  const own: IpFamily | undefined = ip && (ip.length === 4 ? 4 : 6);
  const families = options.families ?? (own === undefined ? [4, 6] : [own]);
  const sockets = new Map<IpFamily, DatagramSocket>();
  for (const family of [...new Set(families)].sort()) {
    const wildcard = family === 4 ? "0.0.0.0" : "::";
    const host = family === own ? hostname! : wildcard;
    const shared = sockets.get(4)?.local.port;
    const ipv6Only = family === 6 && host === "::";
    const at = (port: number) => open({ hostname: host, port, ipv6Only });
    try {
      sockets.set(
        family,
        await at(shared ?? port).catch((error) => {
          if (shared === undefined || port !== 0) throw error;
          return at(0);
        }),
      );
    } catch (error) {
      // Many machines have no IPv6.
      if (options.families === undefined && sockets.size > 0) continue;
      for (const socket of sockets.values()) socket.close();
      throw error;
    }
  }
  return sockets;
}

/** Addresses of these kinds are never those of a node. */
const NEVER: readonly IpScope[] = ["unspecified", "multicast", "reserved"];

/** Kinds of addresses we take part among: the internet, and where we are. */
export function scopesOf(
  options: MainlineDhtOptions,
  sockets: readonly DatagramSocket[],
): IpScope[] {
  const { scopes, bootstrap = [], nodes = [] } = options;
  if (scopes !== undefined) return [...scopes];
  const found = new Set<IpScope>(["global"]);
  const own = sockets.map(({ local }) => local);
  for (const { hostname } of [...own, ...bootstrap, ...nodes]) {
    const ip = tryParseIp(hostname === "localhost" ? "127.0.0.1" : hostname);
    if (ip !== undefined) found.add(ipScope(ip));
  }
  return [...found].filter((scope) => !NEVER.includes(scope));
}

/** Addresses of one name that are of use. */
const MAX_ADDRESSES = 8;

/** Never rejects: a name that is not found has no addresses. */
export async function resolveEndpoint(
  { hostname, port }: Endpoint,
  families: readonly IpFamily[],
  resolve: (hostname: string) => Promise<readonly string[]>,
): Promise<Endpoint[]> {
  if (tryParseIp(hostname) !== undefined) {
    return [{ hostname: normalizeHostname(hostname), port }];
  }
  try {
    const addresses = await resolve(hostname);
    return addresses
      .filter((address) => tryParseIp(address) !== undefined)
      .slice(0, MAX_ADDRESSES)
      .map((address) => ({ hostname: normalizeHostname(address), port }))
      .filter((address) => families.includes(familyOf(address)));
  } catch {
    return [];
  }
}
