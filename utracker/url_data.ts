/**
 * The URLs of UDP trackers, and the options behind announces that tell their path
 * and query (BEP 41).
 *
 * @module
 */
import { toByteString } from "../_shared/bytes.ts";
import type { Endpoint } from "../_shared/address.ts";
import { TrackerError } from "../_shared/announce.ts";

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

const END_OF_OPTIONS = 0;
const NOP = 1;
const URL_DATA = 2;
/** Longest data of one option. */
const MAX_CHUNK = 255;
/** Longest path and query that are sent; keeps announces in one packet. */
const MAX_URL_DATA = 1020;

function bounded(urlData: string): number {
  if (urlData.length > MAX_URL_DATA) {
    throw new RangeError(
      `Cannot send URL data of ${urlData.length} bytes: at most ${MAX_URL_DATA} fit`,
    );
  }
  return urlData.length;
}

/** How many bytes the options take. */
export function urlDataLength(urlData: string | undefined): number {
  if (urlData === undefined) return 0;
  const length = bounded(urlData);
  return length + 2 * Math.max(1, Math.ceil(length / MAX_CHUNK));
}

/** Writes the options. */
export function writeUrlData(
  bytes: Uint8Array,
  offset: number,
  urlData: string | undefined,
): void {
  if (urlData === undefined) return;
  let at = 0;
  do {
    const length = Math.min(MAX_CHUNK, urlData.length - at);
    bytes[offset++] = URL_DATA;
    bytes[offset++] = length;
    for (const end = at + length; at < end; at++) {
      const code = urlData.charCodeAt(at);
      if (code > 0xff) {
        throw new RangeError(
          `Cannot send character U+${
            code.toString(16)
          } in URL data: expected a percent-encoded URL`,
        );
      }
      bytes[offset++] = code;
    }
  } while (at < urlData.length);
}

/**
 * Reads the options; unknown ones are skipped, and an option that reaches
 * beyond the packet ends the reading. Source: BEP 41. Returns path and query,
 * one character a byte; `undefined` when there is no such option.
 */
export function tryDecodeUrlData(
  bytes: Uint8Array,
  offset: number,
): string | undefined {
  let text: string | undefined;
  while (offset < bytes.length) {
    const type = bytes[offset++]!;
    if (type === END_OF_OPTIONS) break;
    if (type === NOP) continue;
    if (offset >= bytes.length) break;
    const length = bytes[offset++]!;
    if (offset + length > bytes.length) break;
    if (type === URL_DATA) {
      text = (text ?? "") +
        toByteString(bytes.subarray(offset, offset + length));
    }
    offset += length;
  }
  return text;
}
