/**
 * Which hosts are banned. Who holds an IPv6 network has any number of
 * addresses, so bans there are of networks, and widen with every offence.
 *
 * @module
 */
import {
  isMappedIpv4,
  normalizeHostname,
  tryParseIp,
} from "../../_shared/address.ts";

/** IPv6 networks that bans widen over: bytes of prefix, offences it takes. */
const NETWORKS = [
  { bytes: 8, offences: 1 },
  { bytes: 7, offences: 3 },
  { bytes: 6, offences: 6 },
] as const;

/** Banned hosts and IPv6 networks of one torrent. */
export class BanList {
  readonly #banned = new Set<string>();
  /** Offences in each network. */
  readonly #offences = new Map<string, number>();

  /**
   * Bans a host; of IPv6 its /64, with the third offence in a /56 all of that,
   * with the sixth in a /48 all of that.
   */
  ban(hostname: string): void {
    if (this.has(hostname)) return;
    for (const [i, key] of keysOf(hostname).entries()) {
      const count = (this.#offences.get(key) ?? 0) + 1;
      if (count >= NETWORKS[i]!.offences) this.#banned.add(key);
      else this.#offences.set(key, count);
    }
  }

  /** Whether a host is banned. */
  has(hostname: string): boolean {
    return this.#banned.size > 0 &&
      keysOf(hostname).some((key) => this.#banned.has(key));
  }
}

/** The host, or the networks that it is in, the narrowest first. */
function keysOf(hostname: string): string[] {
  const ip = tryParseIp(hostname);
  if (ip === undefined || ip.length === 4 || isMappedIpv4(ip)) {
    return [normalizeHostname(hostname)];
  }
  return NETWORKS.map(({ bytes }) => `${ip.subarray(0, bytes).join(".")}/`);
}
