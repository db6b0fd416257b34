/**
 * Reading of magnet links (BEP 9, 53).
 *
 * @module
 */
import { type Endpoint, tryParseDialable } from "./parse/endpoint.ts";
import {
  decodeTextLossy,
  encodeText,
  equalBytes,
  tryFromHex,
} from "../_shared/bytes.ts";
import { type Magnet, MagnetError } from "./magnet.ts";

const PREFIX = "magnet:?";
/** Options of {@linkcode parseMagnet}. */
export interface ParseMagnetOptions {
  /**
   * Most characters of the link.
   *
   * @default {1048576}
   */
  readonly maxLength?: number | undefined;
  /**
   * Most values kept of each kind; later ones are dropped.
   *
   * @default {1000}
   */
  readonly maxValues?: number | undefined;
  /**
   * Highest file index that `so` may name; higher ones are dropped.
   *
   * @default {10000}
   */
  readonly maxFileIndex?: number | undefined;
}

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const NUMBERED_REGEXP = /^(xt|tr|ws|xs|as|mt|kt|x\.pe|dht)\.\d{1,9}$/;

function tryFromBase32(text: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = new Uint8Array(20);
  let bits = 0;
  let held = 0;
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = BASE32.indexOf(text[i]!.toLowerCase());
    if (digit < 0) return undefined;
    held = (held << 5 | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = held >> bits;
    }
  }
  return bytes;
}

/**
 * Parses the text of an info-hash: 40 hex digits or 32 base32 characters
 * (SHA-1, BEP 9), or 64 hex digits (SHA-256, BEP 52); any case.
 *
 * @param text The text and nothing around it.
 * @returns 20 or 32 bytes, or `undefined` when it is no info-hash.
 */
export function tryParseInfoHash(
  text: string,
): Uint8Array<ArrayBuffer> | undefined {
  if (text.length === 32 && /^[A-Za-z2-7]+$/.test(text)) {
    return tryFromBase32(text);
  }
  return text.length === 40 || text.length === 64
    ? tryFromHex(text)
    : undefined;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  code |= 0x20;
  return code >= 0x61 && code <= 0x66 ? code - 0x57 : -1;
}

/** Undoes percent-encoding; undefined for a broken escape. */
function tryUnescape(text: string): string | undefined {
  if (!text.includes("%")) return text.toWellFormed();
  const bytes = encodeText(text);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!;
    if (byte === 0x25) {
      if (i + 2 >= bytes.length) return undefined;
      const high = hexDigit(bytes[i + 1]!);
      const low = hexDigit(bytes[i + 2]!);
      if (high < 0 || low < 0) return undefined;
      byte = high * 16 + low;
      i += 2;
    }
    bytes[length++] = byte;
  }
  return decodeTextLossy(bytes.subarray(0, length));
}

/** Keys whose value is text for people: words with spaces, written `+` too. */
const TEXT_KEY_REGEXP = /^\s*(?:dn|kt)(?:\.\d{1,9})?\s*$/i;

function tryReadValue(key: string, raw: string): string | undefined {
  return tryUnescape(
    TEXT_KEY_REGEXP.test(key) ? raw.replaceAll("+", " ") : raw,
  );
}

/** Collects parameters while they are read. */
class Collector {
  infoHashV1: Uint8Array | undefined;
  infoHashV2: Uint8Array | undefined;
  name: string | undefined;
  length: number | undefined;
  readonly lists: Record<string, string[]> = {
    tr: [],
    ws: [],
    xs: [],
    as: [],
    mt: [],
    kt: [],
    xt: [],
  };
  readonly peers: Endpoint[] = [];
  readonly nodes: Endpoint[] = [];
  readonly selected = new Set<number>();
  readonly unknown: [string, string][] = [];
  readonly #maxValues: number;
  readonly #maxFileIndex: number;
  /** How many more indices may be written: overlapping ranges are bounded. */
  #selections: number;

  constructor(maxValues: number, maxFileIndex: number) {
    this.#maxValues = maxValues;
    this.#maxFileIndex = maxFileIndex;
    this.#selections = 4 * (maxFileIndex + 1);
  }

  add(rawKey: string, value: string): void {
    const lower = rawKey.toLowerCase();
    const key = NUMBERED_REGEXP.test(lower)
      ? lower.slice(0, lower.lastIndexOf("."))
      : lower;
    switch (key) {
      case "xt":
        return this.#addTopic(value);
      case "dn":
        if (value !== "") this.name ??= value;
        return;
      case "xl":
        if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) {
          this.length ??= Number(value);
        }
        return;
      case "so":
        return this.#addSelection(value);
      case "x.pe":
      case "dht": {
        const endpoint = tryParseDialable(value);
        if (endpoint !== undefined) {
          this.#push(key === "dht" ? this.nodes : this.peers, endpoint);
        }
        return;
      }
      case "kt":
        for (const word of value.split(" ", this.#maxValues)) {
          if (word !== "") this.#push(this.lists.kt!, word);
        }
        return;
      case "tr":
      case "ws":
      case "xs":
      case "as":
      case "mt":
        if (value !== "") this.#push(this.lists[key]!, value);
        return;
      default:
        if (rawKey !== "") this.#push(this.unknown, [rawKey, value]);
    }
  }

  #push<T>(list: T[], item: T): void {
    if (list.length < this.#maxValues) list.push(item);
  }

  #addSelection(text: string): void {
    if (!/^[0-9,-]*$/.test(text)) return;
    for (let at = 0; at < text.length;) {
      let end = text.indexOf(",", at);
      if (end < 0) end = text.length;
      const match = end - at > 31
        ? null
        : /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text.slice(at, end));
      at = end + 1;
      if (match === null) continue;
      const first = Number(match[1]);
      const last = Number(match[2] ?? match[1]);
      if (first > last || last > this.#maxFileIndex) continue;
      this.#selections -= last - first + 1;
      if (this.#selections < 0) return;
      for (let i = first; i <= last; i++) this.selected.add(i);
    }
  }

  #addTopic(topic: string): void {
    const match = /^urn:(btih|btmh):/i.exec(topic);
    if (match === null) {
      if (topic !== "") this.#push(this.lists.xt!, topic);
      return;
    }
    const text = topic.slice(match[0].length);
    if (match[1]!.toLowerCase() === "btih") {
      const hash = tryParseInfoHash(text);
      if (hash?.length !== 20) throw badHash("urn:btih:", text);
      if (this.infoHashV1 === undefined) this.infoHashV1 = hash;
      else if (!equalBytes(this.infoHashV1, hash)) {
        throw new MagnetError(
          "bad-hash",
          "Cannot use a magnet link with two different v1 info-hashes",
        );
      }
      return;
    }
    const hash = /^1220[0-9a-f]{64}$/i.test(text)
      ? tryFromHex(text.slice(4))!
      : undefined;
    if (hash === undefined) throw badHash("urn:btmh:", text);
    if (this.infoHashV2 === undefined) this.infoHashV2 = hash;
    else if (!equalBytes(this.infoHashV2, hash)) {
      throw new MagnetError(
        "bad-hash",
        "Cannot use a magnet link with two different v2 info-hashes",
      );
    }
  }
}

function badHash(urn: string, text: string): MagnetError {
  const shown = text.length > 80 ? `${text.slice(0, 80)}...` : text;
  const expected = urn === "urn:btih:"
    ? "40 hex digits or 32 base32 characters"
    : '"1220" and 64 hex digits';
  return new MagnetError(
    "bad-hash",
    `Cannot use ${JSON.stringify(urn + shown)} of a magnet link: ${expected} ` +
      "were expected",
  );
}

/** Undoes what quoting, web pages and address bars do to a link. */
function unwrapLink(text: string): string {
  const quoted = /^(?:<(.*)>|"(.*)"|'(.*)')$/s.exec(text);
  let link = quoted === null ? text : quoted.slice(1).find(Boolean) ?? "";
  if (/^magnet%3a/i.test(link)) link = tryUnescape(link) ?? link;
  return link.replace(/&(?:amp;|#38;)+/gi, "&").replace(/\\(?=[?=&])/g, "")
    .replace(/^magnet:\/{0,2}\??/i, PREFIX);
}

/**
 * Makes a magnet link of what a person pasted: takes off quotes, line breaks
 * and white space (but that inside of `dn` and `kt`), undoes `&amp;`, a shell's
 * backslashes before `?`, `=` and `&`, and a link that is percent-encoded as a
 * whole, and turns `urn:btih:`, `urn:btmh:` and bare info-hashes into links.
 *
 * @param text What a person pasted.
 * @returns The link; anything else without white space.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { cleanMagnetText } from "@bip/bip/metainfo";
 *
 * const pasted = " magnet:?xt=a\n  &amp;dn=b c\r\n";
 * assertEquals(cleanMagnetText(pasted), "magnet:?xt=a&dn=b c");
 * const hash = "AB".repeat(20);
 * assertEquals(cleanMagnetText(hash), `magnet:?xt=urn:btih:${hash}`);
 * ```
 */
export function cleanMagnetText(text: string): string {
  const line = text.replace(/[\u200b\u2060]/g, " ")
    .split(/[\r\n\u2028\u2029]/).map((part) => part.trim()).join("");
  const clean = unwrapLink(line).split("&").map((parameter) =>
    TEXT_KEY_REGEXP.test(parameter.split("=", 1)[0]!)
      ? parameter.trim()
      : parameter.replace(/\s+/g, "")
  ).join("&");
  if (/^urn:bt[im]h:/i.test(clean)) return `${PREFIX}xt=${clean}`;
  const [, v2, v1] =
    /^(?:(?:1220)?([0-9a-f]{64})|([0-9a-f]{40}|[a-z2-7]{32}))$/i.exec(clean) ??
      [];
  if (v2 !== undefined) return `${PREFIX}xt=urn:btmh:1220${v2}`;
  return v1 === undefined ? clean : `${PREFIX}xt=urn:btih:${v1}`;
}

/**
 * Parses a magnet link (BEP 9, 53). Broken or unknown parameters do no harm:
 * unknown ones are kept, broken ones are dropped. Only the info-hash must be
 * right. `+` is a space in `dn` and `kt` only. Nothing in a link is safe to fetch
 * without asking.
 *
 * @param text The link, `magnet:?…`, and nothing around it: see
 * {@linkcode cleanMagnetText}.
 * @param options Limits.
 * @returns What the link says.
 * @throws {MagnetError} If it is no magnet link, too long, or holds no valid
 * info-hash.
 *
 * @example Read a link
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseMagnet } from "@bip/bip/metainfo";
 *
 * const magnet = parseMagnet(
 *   "magnet:?xt=urn:btih:aad050ee1bb22e196939547b134535824dabf0ce&dn=a%20b&so=0,2-4",
 * );
 * assertEquals(magnet.name, "a b");
 * assertEquals(magnet.selectOnly, [0, 2, 3, 4]);
 * ```
 */
export function parseMagnet(
  text: string,
  options: ParseMagnetOptions = {},
): Magnet {
  const { maxLength = 1048576, maxValues = 1000, maxFileIndex = 10000 } =
    options;
  if (text.length > maxLength) {
    throw new MagnetError(
      "too-long",
      `Cannot parse a magnet link of ${text.length} characters: at most ${maxLength} are allowed`,
    );
  }
  if (text.slice(0, PREFIX.length).toLowerCase() !== PREFIX) {
    throw new MagnetError(
      "not-a-magnet",
      `Cannot parse a magnet link: it must start with "${PREFIX}"`,
    );
  }
  const found = new Collector(maxValues, maxFileIndex);
  for (let at = PREFIX.length; at < text.length;) {
    let end = text.indexOf("&", at);
    if (end < 0) end = text.length;
    const part = text.slice(at, end);
    at = end + 1;
    const equals = part.indexOf("=");
    const key = tryUnescape(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 || key === undefined
      ? ""
      : tryReadValue(key, part.slice(equals + 1));
    if (key !== undefined && value !== undefined) found.add(key, value);
  }
  const infoHash = found.infoHashV1 ?? found.infoHashV2?.subarray(0, 20);
  if (infoHash === undefined) {
    throw new MagnetError(
      "missing-hash",
      'Cannot use a magnet link without an exact topic "urn:btih:" or "urn:btmh:"',
    );
  }
  const { lists } = found;
  return {
    infoHash,
    ...(found.infoHashV1 && { infoHashV1: found.infoHashV1 }),
    ...(found.infoHashV2 && { infoHashV2: found.infoHashV2 }),
    ...(found.name !== undefined && { name: found.name }),
    ...(found.length !== undefined && { length: found.length }),
    trackers: lists.tr!,
    webSeeds: lists.ws!,
    exactSources: lists.xs!,
    acceptableSources: lists.as!,
    manifests: lists.mt!,
    keywords: lists.kt!,
    peers: found.peers,
    nodes: found.nodes,
    selectOnly: [...found.selected].sort((a, b) => a - b),
    otherTopics: lists.xt!,
    unknown: found.unknown,
  };
}
