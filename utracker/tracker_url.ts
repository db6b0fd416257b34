/**
 * The URLs of UDP trackers.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import { TrackerError } from "../_shared/announce.ts";
import { urlDataLength } from "./url_data.ts";

/** Where a UDP tracker is, and what it wants to be told of its URL. */
export interface UdpTrackerUrl {
  /** Host, an IP address or a name, and port. */
  readonly address: Endpoint;
  /** Path and query, for BEP 41; `undefined` when there is none. */
  readonly urlData: string | undefined;
}

/**
 * Parses the URL of a UDP tracker. Source: BEP 15, BEP 41.
 *
 * @param url Such as `udp://tracker.example:6969/announce`.
 * @returns Host, port, path and query.
 * @throws {TrackerError} `unsupported` if the scheme is not udp, `invalid-url`
 * if there is no host or no port, or path and query are beyond 1020 bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseUdpTrackerUrl } from "@bip/bip/utracker";
 *
 * assertEquals(parseUdpTrackerUrl("udp://[::1]:80/a?b=c"), {
 *   address: { hostname: "::1", port: 80 },
 *   urlData: "/a?b=c",
 * });
 * ```
 */
export function parseUdpTrackerUrl(url: string): UdpTrackerUrl {
  const parsed = URL.parse(url);
  if (parsed !== null && parsed.protocol !== "udp:") {
    throw new TrackerError(
      "unsupported",
      `Cannot use tracker ${parsed.protocol}//${parsed.host} over UDP: expected udp`,
      { retryInMs: Infinity },
    );
  }
  const hostname = parsed?.hostname.replace(/^\[|\]$/g, "").toLowerCase() ?? "";
  const port = Number(parsed?.port || 0);
  if (parsed === null || hostname === "" || port === 0) {
    throw new TrackerError(
      "invalid-url",
      "Cannot use the tracker as its URL is invalid: expected udp://HOST:PORT",
      { retryInMs: Infinity },
    );
  }
  const text = parsed.pathname + parsed.search;
  try {
    urlDataLength(text);
  } catch (cause) {
    throw new TrackerError(
      "invalid-url",
      `Cannot use tracker udp://${parsed.host}: path and query of its URL are too long`,
      { cause, retryInMs: Infinity },
    );
  }
  return {
    address: { hostname, port },
    urlData: text === "" ? undefined : text,
  };
}
