/**
 * Which addresses are on our own networks.
 *
 * @module
 */
import {
  type IpFamily,
  ipScope,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";

/** One address of one of our network interfaces. */
export interface LocalNetwork {
  /** Name of the interface, such as `eth0`. */
  readonly name: string;
  /** IP version. */
  readonly family: IpFamily;
  /** Our address on it, without a zone. */
  readonly address: string;
  /** Leading bits that all hosts of the network share. */
  readonly prefixLength: number;
  /** Number of the interface, as IPv6 scopes on Windows need it. */
  readonly scopeId?: number | undefined;
}

/**
 * Whether a sender is on one of our networks, as those of an announce must be.
 *
 * @param hostname The sender's IP address.
 * @param networks Our networks, or `undefined` when they are not known: then
 * every address that is not routed on the internet will do.
 * @returns Whether to listen to it.
 */
export function isOnNetwork(
  hostname: string,
  networks: readonly LocalNetwork[] | undefined,
): boolean {
  let ip: Uint8Array | undefined = tryParseIp(hostname);
  if (ip === undefined) return false;
  if (isMappedIpv4(ip)) ip = ip.subarray(12);
  const scope = ipScope(ip);
  if (scope === "loopback" || scope === "link-local") return true;
  if (scope !== "private" && scope !== "global" && scope !== "reserved") {
    return false;
  }
  if (networks === undefined) return scope === "private";
  for (const { address, prefixLength } of networks) {
    const own = tryParseIp(address);
    if (own !== undefined && samePrefix(ip, own, prefixLength)) return true;
  }
  return false;
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}

/**
 * Parses the prefix length of `address/bits`.
 *
 * @param cidr The text, as the runtime gives it.
 * @param family IP version.
 * @returns The number of bits; all of them when the text has none.
 */
export function prefixLengthOf(cidr: string | null, family: IpFamily): number {
  const most = family === 4 ? 32 : 128;
  const bits = /\/(\d{1,3})$/.exec(cidr ?? "")?.[1];
  return bits === undefined ? most : Math.min(most, Number(bits));
}
