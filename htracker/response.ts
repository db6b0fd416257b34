/**
 * Decoding what HTTP trackers answer to announces and scrapes.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  isMappedIpv4,
  tryParseIp,
} from "../_shared/address.ts";
import {
  type AnnounceResponse,
  type ScrapeEntry,
  TrackerError,
} from "../_shared/announce.ts";
import { decodeTextLossy, fromByteString, toHex } from "../_shared/bytes.ts";
import { isLocalHost } from "../_shared/reach.ts";
import {
  clampAnnounceInterval,
  DEFAULT_ANNOUNCE_INTERVAL_MS,
  isUsablePeer,
  MAX_TRACKER_PEERS,
} from "../_shared/tracker_rules.ts";
import {
  tryGetBencodeBytes,
  tryGetBencodeDictionary,
  tryGetBencodeInteger,
  tryGetBencodeValue,
} from "../bencode/access.ts";
import { tryDecodeBencode } from "../bencode/decode.ts";
import type { BencodeDictionary, BencodeValue } from "../bencode/types.ts";

/** Answers are shallow: a dictionary of a list of dictionaries. */
const MAX_DEPTH = 8;
/** Enough for thousands of peers in the long form. */
const MAX_TOKENS = 100_000;
/** Longest text of a tracker that is kept, in characters. */
const MAX_TEXT = 500;
/** Longest wait that BEP 31 can ask for, in minutes: a week. */
const MAX_RETRY_MINUTES = 7 * 24 * 60;
/** Most torrents taken from one scrape. */
const MAX_SCRAPE_ENTRIES = 10_000;

/** Options of {@linkcode decodeHttpAnnounceResponse}. */
export interface DecodeHttpAnnounceOptions {
  /**
   * Whether the tracker is on loopback or a private network; only then may
   * peers be on loopback.
   *
   * @default {false}
   */
  readonly localTracker?: boolean | undefined;
  /**
   * Most peers that are taken.
   *
   * @default {2000}
   */
  readonly maxPeers?: number | undefined;
}

function decodeDictionary(bytes: Uint8Array): BencodeDictionary {
  const value = tryDecodeBencode(bytes, {
    mode: "lenient",
    maxDepth: MAX_DEPTH,
    maxTokens: MAX_TOKENS,
    maxIntegerDigits: 30,
  });
  const dictionary = value === undefined
    ? undefined
    : tryGetBencodeDictionary(value, []);
  if (dictionary === undefined) {
    throw new TrackerError(
      "malformed",
      `Cannot decode the tracker's answer of ${bytes.length} bytes: expected a bencoded dictionary`,
    );
  }
  return dictionary;
}

function textOf(value: BencodeValue, key: string): string | undefined {
  const bytes = tryGetBencodeBytes(value, [key]);
  if (bytes === undefined || bytes.length === 0) return undefined;
  const text = decodeTextLossy(bytes.subarray(0, 4 * MAX_TEXT));
  return text.length > MAX_TEXT ? text.slice(0, MAX_TEXT) : text;
}

function countOf(value: BencodeValue, key: string): number | undefined {
  const count = tryGetBencodeInteger(value, [key]);
  return count !== undefined && count >= 0 ? count : undefined;
}

/** BEP 31: minutes or "never". */
function retryOf(dictionary: BencodeDictionary): number | undefined {
  const minutes = tryGetBencodeInteger(dictionary, ["retry in"]) ??
    Number(textOf(dictionary, "retry in") ?? NaN);
  if (Number.isFinite(minutes) && minutes >= 0) {
    return Math.min(Math.max(1, minutes), MAX_RETRY_MINUTES) * 60_000;
  }
  return textOf(dictionary, "retry in") === "never" ? Infinity : undefined;
}

function throwFailure(dictionary: BencodeDictionary): void {
  const reason = tryGetBencodeBytes(dictionary, ["failure reason"]);
  if (reason === undefined) return;
  throw new TrackerError(
    "refused",
    textOf(dictionary, "failure reason") ?? "The tracker gave no reason",
    { retryInMs: retryOf(dictionary) },
  );
}

/** Collects peers within bounds, each once. */
class PeerCollector {
  readonly peers: Endpoint[] = [];
  readonly #seen = new Set<string>();
  readonly #localTracker: boolean;
  readonly #maxPeers: number;

  constructor(options: DecodeHttpAnnounceOptions) {
    this.#localTracker = options.localTracker ?? false;
    this.#maxPeers = options.maxPeers ?? MAX_TRACKER_PEERS;
  }

  get full(): boolean {
    return this.peers.length >= this.#maxPeers;
  }

  #add(hostname: string, port: number): void {
    const key = `${hostname} ${port}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    this.peers.push({ hostname, port });
  }

  #addIp(ip: Uint8Array, port: number): void {
    if (isMappedIpv4(ip)) ip = ip.subarray(12);
    if (!isUsablePeer(ip, port, this.#localTracker)) return;
    this.#add(formatIp(ip), port);
  }

  /** BEP 23 and BEP 7. */
  compact(bytes: Uint8Array, addressLength: 4 | 16): void {
    const size = addressLength + 2;
    for (let at = 0; at + size <= bytes.length && !this.full; at += size) {
      this.#addIp(
        bytes.subarray(at, at + addressLength),
        bytes[at + size - 2]! * 256 + bytes[at + size - 1]!,
      );
    }
  }

  /** BEP 3: a list of dictionaries. */
  list(peers: readonly BencodeValue[]): void {
    for (const peer of peers) {
      if (this.full) return;
      const port = tryGetBencodeInteger(peer, ["port"]);
      const host = tryGetBencodeBytes(peer, ["ip"]);
      if (host === undefined || port === undefined || host.length > 253) {
        continue;
      }
      const text = decodeTextLossy(host);
      const ip = tryParseIp(text);
      if (ip !== undefined) this.#addIp(ip, port);
      else if (
        port > 0 && port <= 65535 && isDnsName(text) &&
        (this.#localTracker || !isLocalHost(text))
      ) this.#add(text.toLowerCase(), port);
    }
  }
}

function isDnsName(text: string): boolean {
  return /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62}\.)+[A-Za-z][A-Za-z0-9-]{0,62}$/
    .test(text) && text.split(".").every((label) => label.length <= 63);
}

/**
 * Decodes the answer to an announce: compact and long peer lists, IPv6, our
 * external address. Source: BEP 3, BEP 7, BEP 23, BEP 24, BEP 31.
 *
 * @param bytes The body.
 * @param options See {@linkcode DecodeHttpAnnounceOptions}.
 * @returns The answer: intervals between one minute and one day, peers that
 * can exist, each once.
 * @throws {TrackerError} `refused` with the tracker's reason and when to ask
 * again, `malformed` if it is no answer.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { decodeHttpAnnounceResponse } from "@bip/bip/htracker";
 *
 * const body = "d8:intervali900e5:peers6:\x01\x02\x03\x04\x1a\xe1e";
 * const bytes = Uint8Array.from(body, (char) => char.charCodeAt(0));
 * assertEquals(decodeHttpAnnounceResponse(bytes).peers, [
 *   { hostname: "1.2.3.4", port: 6881 },
 * ]);
 * ```
 */
export function decodeHttpAnnounceResponse(
  bytes: Uint8Array,
  options: DecodeHttpAnnounceOptions = {},
): AnnounceResponse {
  const dictionary = decodeDictionary(bytes);
  throwFailure(dictionary);
  const collector = new PeerCollector(options);
  const peers = dictionary.get("peers");
  if (peers instanceof Uint8Array) collector.compact(peers, 4);
  else if (Array.isArray(peers)) collector.list(peers);
  const peers6 = dictionary.get("peers6");
  if (peers6 instanceof Uint8Array) collector.compact(peers6, 16);
  const interval = tryGetBencodeInteger(dictionary, ["interval"]);
  const minInterval = tryGetBencodeInteger(dictionary, ["min interval"]);
  return {
    intervalMs: interval === undefined
      ? DEFAULT_ANNOUNCE_INTERVAL_MS
      : clampAnnounceInterval(interval),
    minIntervalMs: minInterval === undefined
      ? undefined
      : clampAnnounceInterval(minInterval),
    seeders: countOf(dictionary, "complete"),
    leechers: countOf(dictionary, "incomplete"),
    downloads: countOf(dictionary, "downloaded"),
    peers: collector.peers,
    externalIp: externalIpOf(tryGetBencodeBytes(dictionary, ["external ip"])),
    trackerId: textOf(dictionary, "tracker id"),
    warning: textOf(dictionary, "warning message"),
  };
}

/** BEP 24: 4 or 16 bytes; some trackers send text. */
function externalIpOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return formatIp(bytes);
  if (bytes.length === 16) {
    return formatIp(isMappedIpv4(bytes) ? bytes.subarray(12) : bytes);
  }
  if (bytes.length > 45) return undefined;
  const ip = tryParseIp(decodeTextLossy(bytes));
  return ip && formatIp(ip);
}

/** What a scrape tells, by info-hash in lowercase hex. */
export type ScrapeResponse = ReadonlyMap<string, ScrapeEntry>;

/**
 * Decodes the answer to a scrape. Source: BEP 48.
 *
 * @param bytes The body.
 * @returns One entry a torrent, by info-hash in lowercase hex.
 * @throws {TrackerError} `refused` with the tracker's reason, `malformed` if
 * it is no answer.
 */
export function decodeHttpScrapeResponse(bytes: Uint8Array): ScrapeResponse {
  const dictionary = decodeDictionary(bytes);
  throwFailure(dictionary);
  const files = tryGetBencodeDictionary(dictionary, ["files"]);
  if (files === undefined) {
    throw new TrackerError(
      "malformed",
      'Cannot decode the tracker\'s scrape: expected a dictionary "files"',
    );
  }
  const result = new Map<string, ScrapeEntry>();
  for (const [key, entry] of files) {
    if (key.length !== 20) continue;
    if (tryGetBencodeValue(entry, []) instanceof Map === false) continue;
    if (result.size >= MAX_SCRAPE_ENTRIES) break;
    result.set(toHex(fromByteString(key)), {
      seeders: countOf(entry, "complete") ?? 0,
      leechers: countOf(entry, "incomplete") ?? 0,
      downloads: countOf(entry, "downloaded") ?? 0,
    });
  }
  return result;
}
