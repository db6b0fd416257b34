/**
 * Magnet links (BEP 9, 53): what they hold, and how they are written.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import { encodeText, toHex } from "../_shared/bytes.ts";

/** What is wrong with a magnet link. */
export type MagnetErrorCode =
  /** It does not start with `magnet:?`. */
  | "not-a-magnet"
  /** It is longer than the limit. */
  | "too-long"
  /** An exact topic `urn:btih:` or `urn:btmh:` holds no valid info-hash. */
  | "bad-hash"
  /** No exact topic holds an info-hash. */
  | "missing-hash";

/** A text is no magnet link that names a torrent. */
export class MagnetError extends SyntaxError {
  /** What is wrong. */
  readonly code: MagnetErrorCode;

  /**
   * Makes an error.
   *
   * @param code What is wrong.
   * @param message What is wrong, for people.
   */
  constructor(code: MagnetErrorCode, message: string) {
    super(message);
    this.name = "MagnetError";
    this.code = code;
  }
}

/** What a magnet link may say besides the info-hash. */
export interface MagnetFields {
  /** Display name (`dn`). */
  readonly name?: string;
  /** Total length in bytes (`xl`). */
  readonly length?: number;
  /** Tracker URLs as written, in order (`tr`, `tr.N`). */
  readonly trackers: readonly string[];
  /** Web seed URLs as written (`ws`, BEP 19). */
  readonly webSeeds: readonly string[];
  /**
   * Where to find the torrent file (`xs`). Not to be fetched without asking.
   */
  readonly exactSources: readonly string[];
  /** Where to find the content (`as`). Not to be fetched without asking. */
  readonly acceptableSources: readonly string[];
  /** Links to lists of links (`mt`). Not to be fetched without asking. */
  readonly manifests: readonly string[];
  /** Search words (`kt`). */
  readonly keywords: readonly string[];
  /** Peers to try (`x.pe`, BEP 9); ports 1 to 65535. */
  readonly peers: readonly Endpoint[];
  /** DHT nodes to try (`dht`, a common extension). */
  readonly nodes: readonly Endpoint[];
  /**
   * Indices of the files to download, rising (`so`, BEP 53); empty for all.
   */
  readonly selectOnly: readonly number[];
  /** Exact topics of other networks, as written. */
  readonly otherTopics: readonly string[];
  /** Unknown parameters in order: key and value. */
  readonly unknown: readonly (readonly [key: string, value: string])[];
}

/** A parsed magnet link. At least one of the two hashes is there. */
export interface Magnet extends MagnetFields {
  /** 20 bytes for the wire: the v1 hash, else the truncated v2 hash. */
  readonly infoHash: Uint8Array;
  /** SHA-1 info-hash, 20 bytes (`urn:btih:`). */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 info-hash, 32 bytes (`urn:btmh:1220`, BEP 52). */
  readonly infoHashV2?: Uint8Array;
}

/** What {@linkcode formatMagnet} takes: a hash and any other field. */
export interface MagnetInit extends Partial<MagnetFields> {
  /** SHA-1 info-hash, 20 bytes. */
  readonly infoHashV1?: Uint8Array | undefined;
  /** SHA-256 info-hash, 32 bytes (BEP 52). */
  readonly infoHashV2?: Uint8Array | undefined;
}

/** How every magnet link starts. */
const PREFIX = "magnet:?";

const ESCAPED_REGEXP = /[^A-Za-z0-9\-_.~]/;

function percentEncode(text: string, plain = ""): string {
  if (!ESCAPED_REGEXP.test(text)) return text;
  let result = "";
  for (const byte of encodeText(text)) {
    const char = String.fromCharCode(byte);
    result +=
      byte < 0x80 && (!ESCAPED_REGEXP.test(char) || plain.includes(char))
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return result;
}

function formatSelection(indices: readonly number[]): string {
  const sorted = [...new Set(indices)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length;) {
    let end = i;
    while (sorted[end + 1] === sorted[end]! + 1) end++;
    parts.push(end === i ? `${sorted[i]}` : `${sorted[i]}-${sorted[end]}`);
    i = end + 1;
  }
  return parts.join(",");
}

/**
 * Formats a magnet link (BEP 9, 53) in one canonical form: topics, name,
 * length, trackers, sources, peers, selection, then unknown parameters.
 * Parsing the result gives the same fields.
 *
 * @param magnet At least one info-hash, and whatever else is known.
 * @returns The link.
 * @throws {MagnetError} If no info-hash is given or one has a wrong length.
 */
export function formatMagnet(magnet: MagnetInit): string {
  const { infoHashV1, infoHashV2 } = magnet;
  if (infoHashV1 === undefined && infoHashV2 === undefined) {
    throw new MagnetError(
      "missing-hash",
      "Cannot format a magnet link without an info-hash",
    );
  }
  const parts: string[] = [];
  if (infoHashV1 !== undefined) {
    if (infoHashV1.length !== 20) {
      throw new MagnetError(
        "bad-hash",
        `Cannot format a v1 info-hash of ${infoHashV1.length} bytes: 20 were expected`,
      );
    }
    parts.push(`xt=urn:btih:${toHex(infoHashV1)}`);
  }
  if (infoHashV2 !== undefined) {
    if (infoHashV2.length !== 32) {
      throw new MagnetError(
        "bad-hash",
        `Cannot format a v2 info-hash of ${infoHashV2.length} bytes: 32 were expected`,
      );
    }
    parts.push(`xt=urn:btmh:1220${toHex(infoHashV2)}`);
  }
  const add = (
    key: string,
    values: readonly string[] | undefined,
    plain?: string,
  ) => {
    for (const value of values ?? []) {
      parts.push(`${key}=${percentEncode(value, plain)}`);
    }
  };
  add("xt", magnet.otherTopics, ":");
  if (magnet.name) add("dn", [magnet.name]);
  if (magnet.length !== undefined) parts.push(`xl=${magnet.length}`);
  add("tr", magnet.trackers);
  add("ws", magnet.webSeeds);
  add("as", magnet.acceptableSources);
  add("xs", magnet.exactSources);
  add("mt", magnet.manifests);
  if (magnet.keywords?.length) {
    parts.push(
      `kt=${magnet.keywords.map((word) => percentEncode(word)).join("+")}`,
    );
  }
  add("x.pe", magnet.peers?.map(formatEndpoint), ":[]");
  add("dht", magnet.nodes?.map(formatEndpoint), ":[]");
  if (magnet.selectOnly?.length) {
    parts.push(`so=${formatSelection(magnet.selectOnly)}`);
  }
  for (const [key, value] of magnet.unknown ?? []) {
    const name = percentEncode(key);
    parts.push(value === "" ? name : `${name}=${percentEncode(value)}`);
  }
  return PREFIX + parts.join("&");
}
