/**
 * Names resolved to one address a family, remembered for a while.
 *
 * @module
 */
import {
  type Endpoint,
  type IpFamily,
  normalizeHostname,
  tryParseIp,
} from "../_shared/address.ts";

/** How long a resolved name is remembered, in milliseconds. */
const NAME_LIFE_MS = 60_000;
/** Most names remembered. */
const MAX_NAMES = 1024;

/** Resolves names; thousands of announces to one name ask once. */
export class NameCache {
  readonly #resolve:
    | ((hostname: string) => Promise<readonly string[]>)
    | false;
  readonly #names = new Map<
    string,
    { readonly at: number; readonly found: Promise<readonly string[]> }
  >();

  /** Makes an empty cache. */
  constructor(
    resolve: ((hostname: string) => Promise<readonly string[]>) | false,
  ) {
    this.#resolve = resolve;
  }

  /** Finds out where to send. */
  async targets(to: Endpoint, now: number): Promise<Endpoint[]> {
    const { hostname, port } = to;
    if (tryParseIp(hostname) !== undefined) {
      return [{ hostname: normalizeHostname(hostname), port }];
    }
    const resolve = this.#resolve;
    if (resolve === false) return [{ hostname: hostname.toLowerCase(), port }];
    const targets = new Map<IpFamily, Endpoint>();
    for (const address of await this.#lookup(hostname, now, resolve)) {
      if (tryParseIp(address) === undefined) continue;
      const ip = normalizeHostname(address);
      const family = ip.includes(":") ? 6 : 4;
      if (!targets.has(family)) targets.set(family, { hostname: ip, port });
    }
    if (targets.size === 0) throw new Error("The name has no address");
    return [...targets.values()];
  }

  #lookup(
    hostname: string,
    now: number,
    resolve: (hostname: string) => Promise<readonly string[]>,
  ): Promise<readonly string[]> {
    const known = this.#names.get(hostname);
    if (known !== undefined && now - known.at < NAME_LIFE_MS) {
      return known.found;
    }
    const found = resolve(hostname);
    found.catch(() => {
      if (this.#names.get(hostname)?.found === found) {
        this.#names.delete(hostname);
      }
    });
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(hostname, { at: now, found });
    return found;
  }
}
