/**
 * What is known of the addresses that datagrams come from.
 *
 * @module
 */
import {
  type IpFamily,
  type IpScope,
  ipScope,
  tryParseIp,
} from "../../_shared/address.ts";

/** Addresses whose parsed form is remembered. */
const MAX_HOSTS = 128;

/** What is known of an address that something came from. */
export interface Host {
  readonly hostname: string;
  readonly family: IpFamily;
  readonly ip: Uint8Array;
  /** Whether it is of a kind that we take part with. */
  readonly accepted: boolean;
}

/** Parses addresses, and remembers the last of them. */
export class Hosts {
  readonly #scopes: Set<IpScope>;
  readonly #hosts = new Map<string, Host>();
  #last: Host | undefined;

  /** Accepts addresses of these kinds. */
  constructor(scopes: Iterable<IpScope>) {
    this.#scopes = new Set(scopes);
  }

  /** Accepts addresses such as these, too. */
  widen(hostnames: Iterable<string>): void {
    for (const hostname of hostnames) {
      const ip = tryParseIp(hostname);
      if (ip !== undefined) this.#scopes.add(ipScope(ip));
    }
    this.#hosts.clear();
    this.#last = undefined;
  }

  /** What is known of an IP address; `undefined` if it is none. */
  lookUp(hostname: string): Host | undefined {
    if (hostname === this.#last?.hostname) return this.#last;
    let host = this.#hosts.get(hostname);
    if (host === undefined) {
      const ip = tryParseIp(hostname);
      if (ip === undefined) return undefined;
      const family = ip.length === 4 ? 4 : 6;
      const accepted = this.#scopes.has(ipScope(ip));
      host = { hostname, family, ip, accepted };
      if (this.#hosts.size >= MAX_HOSTS) this.#hosts.clear();
      this.#hosts.set(hostname, host);
    }
    return this.#last = host;
  }
}
