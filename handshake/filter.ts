/**
 * Filters: who may shake hands with us.
 *
 * @module
 */
import { type Endpoint, tryParseIp } from "../_shared/address.ts";
import { toByteString, toHex } from "../_shared/bytes.ts";
import type { ExtensionBits, ExtensionName } from "./extension_bits.ts";
import type { IpSet } from "./ip_set.ts";

/** Who opened the connection: they (`inbound`) or we (`outbound`). */
export type HandshakeDirection = "inbound" | "outbound";

/**
 * A filter's opinion: `allow` and `block` are clear, `pass` is none, and
 * `need-data` asks to be called again when more is known.
 */
export type FilterDecision = "allow" | "block" | "pass" | "need-data";

/** What is known about a handshake so far; the rest is `undefined`. */
export interface HandshakeFacts {
  /** Who opened the connection. */
  readonly direction: HandshakeDirection;
  /** The other side. Outbound, before connecting, it may be a DNS name. */
  readonly address: Endpoint;
  /** Protocol string, one character a byte. */
  readonly protocol?: string | undefined;
  /** 20-byte info-hash as on the wire. */
  readonly infoHash?: Uint8Array | undefined;
  /** The other side's reserved bytes. */
  readonly extensions?: ExtensionBits | undefined;
  /** The other side's 20-byte peer id. */
  readonly peerId?: Uint8Array | undefined;
}

/**
 * Judges a handshake. Called when the address is known, again when protocol,
 * info-hash and extensions are known, and once more when everything is. Must
 * not throw.
 */
export type HandshakeFilter = (facts: HandshakeFacts) => FilterDecision;

/** Options of {@linkcode HandshakeFilters}. */
export interface HandshakeFiltersOptions {
  /** Filters to start with. @default {[]} */
  readonly filters?: Iterable<HandshakeFilter> | undefined;
  /**
   * Which opinion wins when filters disagree. With `block` nothing that one
   * filter blocks gets in; with `allow` one filter that allows is enough.
   *
   * @default {"block"}
   */
  readonly precedence?: "block" | "allow" | undefined;
  /**
   * What happens to those about whom no filter has an opinion.
   *
   * @default {"allow"}
   */
  readonly otherwise?: "allow" | "block" | undefined;
}

/** Options of the ready-made filters. */
export interface FilterRuleOptions {
  /** The opinion about those that match. @default {"block"} */
  readonly match?: FilterDecision | undefined;
  /** The opinion about those that do not. @default {"pass"} */
  readonly miss?: FilterDecision | undefined;
}

/**
 * A set of filters that can be changed at any time; a change counts from the
 * next decision on.
 *
 * @example Ban a network, whatever else is allowed
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { addressFilter, HandshakeFilters, IpSet } from "@bip/bip/handshake";
 *
 * const filters = new HandshakeFilters();
 * filters.add(addressFilter(new IpSet(["192.0.2.0/24"])));
 * filters.add(() => "allow");
 * const address = { hostname: "192.0.2.9", port: 6881 };
 * assertEquals(filters.decide({ direction: "inbound", address }), "block");
 * ```
 */
export class HandshakeFilters {
  readonly #filters: Set<HandshakeFilter>;
  /** Which opinion wins when filters disagree. */
  precedence: "block" | "allow";
  /** What happens to those about whom no filter has an opinion. */
  otherwise: "allow" | "block";

  /**
   * Makes a set.
   *
   * @param options See {@linkcode HandshakeFiltersOptions}.
   */
  constructor(options: HandshakeFiltersOptions = {}) {
    this.#filters = new Set(options.filters ?? []);
    this.precedence = options.precedence ?? "block";
    this.otherwise = options.otherwise ?? "allow";
  }

  /**
   * Adds a filter; adding it twice changes nothing.
   *
   * @param filter The filter; keep it to remove it later.
   * @returns This set.
   */
  add(filter: HandshakeFilter): this {
    this.#filters.add(filter);
    return this;
  }

  /**
   * Removes a filter.
   *
   * @param filter The same function that was added.
   * @returns Whether it was there.
   */
  remove(filter: HandshakeFilter): boolean {
    return this.#filters.delete(filter);
  }

  /**
   * Asks all filters.
   *
   * @param facts What is known.
   * @returns `need-data` when the decision must wait, else `allow` or `block`.
   * Once the peer id is known there is nothing to wait for: `need-data` then
   * counts as `pass`.
   */
  decide(facts: HandshakeFacts): "allow" | "block" | "need-data" {
    let allow = false;
    let block = false;
    let wait = false;
    for (const filter of this.#filters) {
      const decision = filter(facts);
      if (decision === "allow") allow = true;
      else if (decision === "block") block = true;
      else if (decision === "need-data") wait = true;
    }
    const complete = facts.peerId !== undefined;
    const first = this.precedence;
    if (first === "block" ? block : allow) return first;
    if (wait && !complete) return "need-data";
    if (first === "block" ? allow : block) return allow ? "allow" : "block";
    // No filter has an opinion yet, but one may get one with more facts.
    return this.otherwise === "block" && !complete && this.#filters.size > 0
      ? "need-data"
      : this.otherwise;
  }
}

function rule<T>(
  options: FilterRuleOptions,
  pick: (facts: HandshakeFacts) => T | undefined,
  matches: (value: T) => boolean,
): HandshakeFilter {
  const { match = "block", miss = "pass" } = options;
  return (facts) => {
    const value = pick(facts);
    if (value === undefined) return "need-data";
    return matches(value) ? match : miss;
  };
}

/**
 * A filter on the other side's IP address.
 *
 * @param ips The addresses that match.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter; it waits while only a DNS name is known.
 */
export function addressFilter(
  ips: IpSet,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  return rule(
    options,
    ({ address: { hostname } }) =>
      tryParseIp(hostname) === undefined ? undefined : hostname,
    (hostname) => ips.has(hostname),
  );
}

/**
 * A filter on the protocol string.
 *
 * @param protocols The protocol strings that match.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter.
 */
export function protocolFilter(
  protocols: Iterable<string>,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  const set = new Set(protocols);
  return rule(options, (facts) => facts.protocol, (value) => set.has(value));
}

/**
 * A filter on the info-hash.
 *
 * @param infoHashes The 20-byte hashes that match.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter.
 */
export function infoHashFilter(
  infoHashes: Iterable<Uint8Array>,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  const set = new Set(Array.from(infoHashes, toHex));
  return rule(
    options,
    (facts) => facts.infoHash,
    (value) => set.has(toHex(value)),
  );
}

/**
 * A filter on how the peer id begins.
 *
 * @param prefixes The beginnings that match, one character a byte, such as
 * `"-XL"`; a whole id is fine as well.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter.
 */
export function peerIdFilter(
  prefixes: Iterable<string>,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  const list = [...prefixes];
  return rule(options, (facts) => facts.peerId, (value) => {
    const text = toByteString(value);
    return list.some((prefix) => text.startsWith(prefix));
  });
}

/**
 * A filter on the extensions of the other side.
 *
 * @param names All of these must be there to match.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter.
 */
export function extensionFilter(
  names: Iterable<ExtensionName>,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  const list = [...names];
  return rule(
    options,
    (facts) => facts.extensions,
    (value) => list.every((name) => value.has(name)),
  );
}

/**
 * A filter on who opened the connection.
 *
 * @param direction The direction that matches.
 * @param options See {@linkcode FilterRuleOptions}.
 * @returns The filter.
 */
export function directionFilter(
  direction: HandshakeDirection,
  options: FilterRuleOptions = {},
): HandshakeFilter {
  return rule(
    options,
    (facts) => facts.direction,
    (value) => value === direction,
  );
}
