/**
 * The query strings of announces and scrapes (BEP 3, BEP 48), and which trackers
 * they may be sent to.
 *
 * @module
 */
import { type AnnounceRequest, TrackerError } from "../_shared/announce.ts";
import type { HostPlace } from "../_shared/reach.ts";

/** Which trackers on loopback and private networks may be asked. */
export type LocalTrackerPolicy =
  /** Only by a path that ends as announce URLs do, as other services' do not. */
  | "announce-path"
  /** All. */
  | "allow"
  /** None. */
  | "refuse";

/** Refuses what may be no tracker but another service of a private network. */
export function checkTarget(
  url: URL,
  { reach }: Pick<HostPlace, "reach">,
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

/** Length of info-hashes and peer ids. */
const ID_LENGTH = 20;

/** Percent-encoded form of each byte; unreserved characters stay (RFC 3986). */
const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte);
  return /[0-9A-Za-z\-._~]/.test(char)
    ? char
    : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
});

/**
 * Percent-encodes a byte string for a query.
 *
 * @param bytes Any bytes.
 * @returns Unreserved characters as they are, all others as `%XX`.
 */
export function percentEncodeBytes(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += ENCODED[byte]!;
  return text;
}

/**
 * Names a tracker without what may be a passkey.
 *
 * @param url An announce URL.
 * @returns Scheme and host only.
 */
export function trackerOrigin(url: string): string {
  const parsed = URL.parse(url);
  return parsed === null
    ? "(invalid URL)"
    : `${parsed.protocol}//${parsed.host}`;
}

/**
 * Checks the URL of an HTTP tracker.
 *
 * @param url An announce URL.
 * @returns The URL, without a fragment.
 * @throws {TrackerError} `invalid-url` if it is none, `unsupported` if its
 * scheme is neither http nor https.
 */
export function parseTrackerUrl(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed === null) {
    throw new TrackerError(
      "invalid-url",
      "Cannot use the tracker as its URL is invalid: expected http or https with a host",
      { retryInMs: Infinity },
    );
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") {
    throw new TrackerError(
      "unsupported",
      `Cannot use tracker ${parsed.protocol}//${parsed.host} over HTTP: expected http or https`,
      { retryInMs: Infinity },
    );
  }
  parsed.hash = "";
  return parsed;
}

function withQuery(url: URL, query: string): string {
  const base = url.search.replace(/&+$/, "");
  url.search = base.length > 1 ? `${base}&${query}` : query;
  return url.href;
}

function checkId(bytes: Uint8Array, what: string): void {
  if (bytes.length !== ID_LENGTH) {
    throw new RangeError(
      `Cannot announce as the ${what} must have ${ID_LENGTH} bytes: it has ${bytes.length}`,
    );
  }
}

/**
 * Formats the URL of an announce; a query that is there, such as a passkey,
 * stays in front. Source: BEP 3, BEP 23.
 *
 * @param url The tracker's announce URL.
 * @param request What to tell.
 * @returns The URL to get.
 * @throws {TrackerError} `invalid-url` or `unsupported`.
 * @throws {RangeError} If a hash, id or port makes no sense.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatAnnounceUrl } from "@bip/bip/htracker";
 *
 * const url = formatAnnounceUrl("http://tracker.example/announce?passkey=x", {
 *   infoHash: new Uint8Array(20).fill(0xab),
 *   peerId: new TextEncoder().encode("-DB0100-abcdefghijkl"),
 *   port: 6881,
 *   uploaded: 0,
 *   downloaded: 0,
 *   left: 100,
 *   event: "started",
 * });
 * assertEquals(
 *   url,
 *   "http://tracker.example/announce?passkey=x&info_hash=" +
 *     "%AB".repeat(20) +
 *     "&peer_id=-DB0100-abcdefghijkl&port=6881&uploaded=0&downloaded=0" +
 *     "&left=100&compact=1&no_peer_id=1&event=started",
 * );
 * ```
 */
export function formatAnnounceUrl(
  url: string,
  request: AnnounceRequest,
): string {
  const parsed = parseTrackerUrl(url);
  checkId(request.infoHash, "info-hash");
  checkId(request.peerId, "peer id");
  if (
    !Number.isInteger(request.port) || request.port < 0 || request.port > 65535
  ) {
    throw new RangeError(
      `Cannot announce port ${request.port}: expected 0 to 65535`,
    );
  }
  let query = `info_hash=${percentEncodeBytes(request.infoHash)}` +
    `&peer_id=${percentEncodeBytes(request.peerId)}` +
    `&port=${request.port}` +
    `&uploaded=${amount(request.uploaded)}` +
    `&downloaded=${amount(request.downloaded)}` +
    `&left=${amount(request.left)}&compact=1&no_peer_id=1`;
  if (request.event !== undefined) query += `&event=${request.event}`;
  if (request.numWant !== undefined) {
    query += `&numwant=${Math.max(0, Math.trunc(request.numWant))}`;
  }
  if (request.key !== undefined) {
    query += `&key=${(request.key >>> 0).toString(16).padStart(8, "0")}`;
  }
  if (request.trackerId !== undefined) {
    query += `&trackerid=${encodeURIComponent(request.trackerId)}`;
  }
  return withQuery(parsed, query);
}

/** Whole, not negative, and never in exponent notation. */
function amount(value: number): string {
  if (!(value > 0)) return "0";
  return BigInt(Math.trunc(Math.min(value, Number.MAX_SAFE_INTEGER)))
    .toString();
}

/**
 * Formats the URL of a scrape. Source: BEP 48.
 *
 * @param url The tracker's announce URL.
 * @param infoHashes 20-byte info-hashes.
 * @returns The URL to get, or `undefined` when the tracker cannot be scraped:
 * the last part of the announce URL's path does not begin with `announce`.
 * @throws {TrackerError} `invalid-url` or `unsupported`.
 * @throws {RangeError} If an info-hash has not 20 bytes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { formatScrapeUrl } from "@bip/bip/htracker";
 *
 * assertEquals(
 *   formatScrapeUrl("https://t.example/x/announce.php?k=1", [
 *     new Uint8Array(20).fill(0x61),
 *   ]),
 *   "https://t.example/x/scrape.php?k=1&info_hash=aaaaaaaaaaaaaaaaaaaa",
 * );
 * assertEquals(formatScrapeUrl("http://t.example/x", []), undefined);
 * ```
 */
export function formatScrapeUrl(
  url: string,
  infoHashes: readonly Uint8Array[],
): string | undefined {
  const parsed = parseTrackerUrl(url);
  const slash = parsed.pathname.lastIndexOf("/");
  const last = parsed.pathname.slice(slash + 1);
  if (!last.startsWith("announce")) return undefined;
  parsed.pathname = parsed.pathname.slice(0, slash + 1) + "scrape" +
    last.slice("announce".length);
  for (const infoHash of infoHashes) checkId(infoHash, "info-hash");
  if (infoHashes.length === 0) return parsed.href;
  return withQuery(
    parsed,
    infoHashes.map((infoHash) => `info_hash=${percentEncodeBytes(infoHash)}`)
      .join("&"),
  );
}
