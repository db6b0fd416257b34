/**
 * Reading the query strings of announces and scrapes, and writing the answers:
 * the server's half of the codec (BEP 3, 7, 23, 24, 48).
 *
 * @module
 */
import type { AnnounceEvent, ScrapeEntry } from "../_shared/announce.ts";
import { toByteString } from "../_shared/bytes.ts";
import { decodeCompactEndpoints, type IpFamily } from "../_shared/address.ts";
import { encodeBencode } from "../bencode/encode.ts";
import type { BencodeInput } from "../bencode/types.ts";

/** Longest query that is read, in characters. */
export const MAX_QUERY = 8192;
/** Most torrents in one scrape. */
export const MAX_HTTP_SCRAPE = 100;
/** Most fields of a query that are read. */
const MAX_FIELDS = 128;

/** An announce as an HTTP tracker reads it. */
export interface HttpAnnounceQuery {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** Where the client listens. */
  readonly port: number;
  /** Bytes uploaded. */
  readonly uploaded: number;
  /** Bytes downloaded. */
  readonly downloaded: number;
  /** Bytes missing; `Infinity` when the client does not know. */
  readonly left: number;
  /** Why, if there is a special reason. */
  readonly event: AnnounceEvent | undefined;
  /** Peers wanted; -1 when the client names no number. */
  readonly numWant: number;
  /** Whether peers are wanted in compact form; so unless told otherwise. */
  readonly compact: boolean;
  /** Whether their ids are not wanted in the other form. */
  readonly noPeerId: boolean;
}

/** A query makes no sense; the message is meant for the client. */
export class TrackerQueryError extends SyntaxError {
  /** Which field is wrong. */
  readonly code: "too-long" | "info_hash" | "peer_id" | "port" | "left";

  /**
   * Makes the error.
   *
   * @param code Which field is wrong.
   * @param message What was expected.
   */
  constructor(code: TrackerQueryError["code"], message: string) {
    super(message);
    this.name = "TrackerQueryError";
    this.code = code;
  }
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/**
 * Undoes percent-encoding to bytes; `+` stays itself, as clients mean it.
 *
 * @param text A part of a query.
 * @param limit Most bytes that make sense.
 * @returns The bytes, or `undefined` when they are more than `limit`.
 */
export function percentDecodeBytes(
  text: string,
  limit: number,
): Uint8Array<ArrayBuffer> | undefined {
  if (text.length > 3 * limit) return undefined;
  const bytes = new Uint8Array(Math.min(limit, text.length));
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code > 0xff) return undefined;
    if (code === 0x25 && i + 2 < text.length) {
      const high = hexDigit(text.charCodeAt(i + 1));
      const low = hexDigit(text.charCodeAt(i + 2));
      if (high >= 0 && low >= 0) {
        code = high * 16 + low;
        i += 2;
      }
    }
    if (length === limit) return undefined;
    bytes[length++] = code;
  }
  return length === bytes.length ? bytes : bytes.slice(0, length);
}

/** Splits a query into name and value as they are written. */
function* fieldsOf(search: string): Generator<[string, string]> {
  if (search.length > MAX_QUERY) {
    throw new TrackerQueryError(
      "too-long",
      `The query is longer than ${MAX_QUERY} characters`,
    );
  }
  let at = search.startsWith("?") ? 1 : 0;
  for (let count = 0; at < search.length && count < MAX_FIELDS; count++) {
    let end = search.indexOf("&", at);
    if (end < 0) end = search.length;
    let equals = search.indexOf("=", at);
    if (equals < 0 || equals > end) equals = end;
    yield [search.slice(at, equals), search.slice(equals + 1, end)];
    at = end + 1;
  }
}

function idOf(
  fields: ReadonlyMap<string, string>,
  name: "info_hash" | "peer_id",
): Uint8Array {
  const bytes = percentDecodeBytes(fields.get(name) ?? "", 20);
  if (bytes?.length !== 20) {
    throw new TrackerQueryError(name, `${name} must have 20 bytes`);
  }
  return bytes;
}

/** Events that mean something; what else clients write is nothing special. */
const EVENTS: ReadonlyMap<string, AnnounceEvent> = new Map(
  (["started", "completed", "stopped"] as const).map((name) => [name, name]),
);

/** Digits only; what is too large for a safe integer becomes the largest. */
function amountOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,20}$/.test(text)) return undefined;
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER);
}

/**
 * Reads an announce. An `ip` field is ignored: the address is that of the
 * connection. So are events that nobody knows, and numbers that are empty.
 * Source: BEP 3, BEP 23.
 *
 * @param search The query, with or without the question mark.
 * @returns The announce.
 * @throws {TrackerQueryError} If a field that is needed is missing or wrong.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseAnnounceQuery } from "@bip/bip/htracker";
 *
 * const query = "?info_hash=%01aaaaaaaaaaaaaaaaaaa&peer_id=-DB0100-abcdefghijkl" +
 *   "&port=6881&uploaded=0&downloaded=0&left=7&event=started";
 * const { infoHash, port, event } = parseAnnounceQuery(query);
 * assertEquals([infoHash[0], port, event], [1, 6881, "started"]);
 * ```
 */
export function parseAnnounceQuery(search: string): HttpAnnounceQuery {
  const fields = new Map<string, string>();
  for (const [name, value] of fieldsOf(search)) {
    if (!fields.has(name)) fields.set(name, value);
  }
  const infoHash = idOf(fields, "info_hash");
  const peerId = idOf(fields, "peer_id");
  // Numbers that are empty are as good as none.
  const portText = fields.get("port");
  const port = portText === "" ? 0 : amountOf(portText);
  if (port === undefined || port > 65535) {
    throw new TrackerQueryError("port", "port must be 0 to 65535");
  }
  const leftText = fields.get("left") ?? "";
  // Some clients send -1 while they do not know the size yet.
  const left = leftText === "" || leftText.startsWith("-")
    ? Infinity
    : amountOf(leftText);
  if (left === undefined) {
    throw new TrackerQueryError("left", "left must be a number of bytes");
  }
  return {
    infoHash,
    peerId,
    port,
    uploaded: amountOf(fields.get("uploaded")) ?? 0,
    downloaded: amountOf(fields.get("downloaded")) ?? 0,
    left,
    event: EVENTS.get(fields.get("event")?.toLowerCase() ?? ""),
    numWant: amountOf(fields.get("numwant") ?? fields.get("num_want")) ?? -1,
    compact: fields.get("compact") !== "0",
    noPeerId: fields.get("no_peer_id") === "1",
  };
}

/**
 * Reads a scrape. Source: BEP 48.
 *
 * @param search The query, with or without the question mark.
 * @returns 20-byte info-hashes, at most 100.
 * @throws {TrackerQueryError} If there is none or one is wrong.
 */
export function parseScrapeQuery(search: string): Uint8Array[] {
  const infoHashes: Uint8Array[] = [];
  for (const [name, value] of fieldsOf(search)) {
    if (name !== "info_hash") continue;
    const bytes = percentDecodeBytes(value, 20);
    if (bytes?.length !== 20) {
      throw new TrackerQueryError(name, "info_hash must have 20 bytes");
    }
    if (infoHashes.length < MAX_HTTP_SCRAPE) infoHashes.push(bytes);
  }
  if (infoHashes.length === 0) {
    throw new TrackerQueryError("info_hash", "info_hash is missing");
  }
  return infoHashes;
}

/** What goes into the answer to an announce. */
export interface HttpAnnounceAnswer {
  /** Seconds to the next announce. */
  readonly interval: number;
  /** Complete peers. */
  readonly seeders: number;
  /** Incomplete peers. */
  readonly leechers: number;
  /** Times downloaded. */
  readonly downloads: number;
  /** IPv4 peers, 6 bytes each. */
  readonly peers4: Uint8Array;
  /** IPv6 peers, 18 bytes each. */
  readonly peers6: Uint8Array;
  /**
   * Looks up a peer's id, for the form that is not compact.
   *
   * @param compact Address and port, 6 or 18 bytes.
   * @returns 20 bytes, if it is known.
   */
  readonly peerIdOf?:
    | ((compact: Uint8Array) => Uint8Array | undefined)
    | undefined;
  /** The client's address, 4 or 16 bytes (BEP 24). */
  readonly externalIp?: Uint8Array | undefined;
}

/**
 * Encodes the answer to an announce. Source: BEP 3, BEP 7, BEP 23, BEP 24.
 *
 * @param answer What to tell.
 * @param compact Whether in compact form; else as a list of dictionaries, with
 * the peer ids that are known.
 * @returns The body.
 */
export function encodeHttpAnnounceResponse(
  answer: HttpAnnounceAnswer,
  compact = true,
): Uint8Array<ArrayBuffer> {
  const { peers4, peers6, externalIp } = answer;
  const peers: BencodeInput = compact
    ? peers4
    : [...longPeers(answer, peers4, 4), ...longPeers(answer, peers6, 6)];
  return encodeBencode({
    complete: answer.seeders,
    downloaded: answer.downloads,
    "external ip": externalIp,
    incomplete: answer.leechers,
    interval: answer.interval,
    "min interval": Math.min(answer.interval, 60),
    peers,
    peers6: compact && peers6.length > 0 ? peers6 : undefined,
  });
}

function longPeers(
  { peerIdOf }: HttpAnnounceAnswer,
  peers: Uint8Array,
  family: IpFamily,
): BencodeInput[] {
  const size = family === 4 ? 6 : 18;
  return decodeCompactEndpoints(peers, family).map(({ hostname, port }, i) => ({
    ip: hostname,
    "peer id": peerIdOf?.(peers.subarray(size * i, size * (i + 1))),
    port,
  }));
}

/**
 * Encodes the answer to a scrape. Source: BEP 48.
 *
 * @param entries Info-hashes and their figures.
 * @param interval Seconds that a client shall wait between scrapes.
 * @returns The body.
 */
export function encodeHttpScrapeResponse(
  entries: Iterable<readonly [Uint8Array, ScrapeEntry]>,
  interval: number,
): Uint8Array<ArrayBuffer> {
  const files = new Map<string, BencodeInput>();
  for (const [infoHash, { seeders, leechers, downloads }] of entries) {
    files.set(toByteString(infoHash), {
      complete: seeders,
      downloaded: downloads,
      incomplete: leechers,
    });
  }
  return encodeBencode({ files, flags: { min_request_interval: interval } });
}

/**
 * Encodes a refusal. Source: BEP 3, BEP 31.
 *
 * @param reason What the client may show.
 * @param retryIn Minutes to wait, or never.
 * @returns The body.
 */
export function encodeHttpFailure(
  reason: string,
  retryIn?: number | "never",
): Uint8Array<ArrayBuffer> {
  return encodeBencode({ "failure reason": reason, "retry in": retryIn });
}
