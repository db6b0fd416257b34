/**
 * Reading of decoded torrents, field by field, with errors that name the
 * field; text of old ones that is not UTF-8.
 *
 * @module
 */
import { BencodeSyntaxError } from "../../bencode/error.ts";
import type { BencodeDictionary, BencodeValue } from "../../bencode/types.ts";
import { decodeTextLossy, tryDecodeText } from "../../_shared/bytes.ts";
import {
  MetainfoError,
  type MetainfoErrorCode,
  type MetainfoWarning,
} from "../metainfo.ts";

/** Makes text of bytes, which may be no UTF-8. */
export type DecodeText = (bytes: Uint8Array) => string;

/** Labels of the numbers that Windows gives encodings, where they differ. */
const CODE_PAGES: Readonly<Record<number, string>> = {
  866: "ibm866",
  932: "shift_jis",
  936: "gbk",
  949: "euc-kr",
  950: "big5",
  10000: "macintosh",
  20866: "koi8-r",
  20932: "euc-jp",
  21866: "koi8-u",
  51932: "euc-jp",
  51949: "euc-kr",
  54936: "gb18030",
};

function labelOf(codePage: number): string | undefined {
  if (codePage === 874 || (codePage >= 1250 && codePage <= 1258)) {
    return `windows-${codePage}`;
  }
  return codePage >= 28591 && codePage <= 28606
    ? `iso-8859-${codePage - 28590}`
    : CODE_PAGES[codePage];
}

/** Names of encodings as programs write them, such as `CP936` or `GB-2312`. */
function* labelsOf(torrent: BencodeDictionary): Generator<string> {
  const encoding = torrent.get("encoding");
  if (encoding instanceof Uint8Array) {
    const label = decodeTextLossy(encoding).trim().slice(0, 40);
    yield label;
    const number = /^(?:cp|ms|windows)?[-_ ]?(\d{3,5})$/i.exec(label);
    const known = number && labelOf(Number(number[1]));
    if (known) yield known;
    yield label.replace(/^gb-?k$/i, "gbk").replace(/_/g, "-");
    yield label.replace(/[-_ ]/g, "");
  }
  const codePage = torrent.get("codepage");
  if (typeof codePage === "number") {
    const label = labelOf(codePage);
    if (label !== undefined) yield label;
  }
}

/**
 * How text of a torrent is read: as UTF-8; where it is none, in the encoding
 * that `encoding` or `codepage` names; else with U+FFFD for what is wrong.
 */
export function textDecoderOf(torrent: BencodeDictionary): DecodeText {
  let decoder: TextDecoder | undefined;
  for (const label of labelsOf(torrent)) {
    try {
      const made = new TextDecoder(label, { fatal: true });
      if (made.encoding === "utf-8") continue;
      decoder = made;
      break;
    } catch {
      continue; // an unknown label
    }
  }
  return (bytes) => {
    const text = tryDecodeText(bytes);
    if (text !== undefined) return text;
    try {
      if (decoder !== undefined) return decoder.decode(bytes);
    } catch {
      // Not in that encoding either.
    }
    return decodeTextLossy(bytes);
  };
}

const MAX_WARNINGS = 100;

/** What readers of torrents take unless told otherwise. */
export const DEFAULT_LIMITS = {
  maxDepth: 2000,
  maxTokens: 3_000_000,
  maxLength: 67_108_864,
  maxPieces: 2_097_152,
} as const;

/** Collects warnings up to a bound. */
export class Warnings {
  readonly list: MetainfoWarning[] = [];

  add(code: MetainfoWarning["code"], path: string): void {
    if (this.list.length < MAX_WARNINGS) this.list.push({ code, path });
  }
}

/** Turns an error of the decoder into one of torrents; passes others on. */
export function fromBencodeError(error: unknown): unknown {
  if (!(error instanceof BencodeSyntaxError)) return error;
  const isLimit = error.code === "too-long" || error.code === "too-deep" ||
    error.code === "too-many-tokens" || error.code === "integer-too-long";
  return new MetainfoError(
    isLimit ? "too-large" : "bad-bencode",
    "",
    `Cannot decode a torrent: ${error.message}`,
    { cause: error },
  );
}

function fieldError(
  code: MetainfoErrorCode,
  path: string,
  problem: string,
): MetainfoError {
  const message = `Cannot use "${path}" of a torrent: ${problem}`;
  return new MetainfoError(code, path, message);
}

/** The error of a needed field that is not there. */
export const missing = (path: string): MetainfoError =>
  fieldError("missing", path, "it is missing");

/** The error of a field of another type. */
export const wrongType = (path: string, expected: string): MetainfoError =>
  fieldError("wrong-type", path, `${expected} was expected`);

/** The error of a field with a value it must not have. */
export const badValue = (path: string, problem: string): MetainfoError =>
  fieldError("bad-value", path, problem);

/** The error of an exceeded limit. */
export const tooLarge = (path: string, problem: string): MetainfoError =>
  fieldError("too-large", path, problem);

function need(
  dictionary: BencodeDictionary,
  key: string,
  path: string,
): BencodeValue {
  const value = dictionary.get(key);
  if (value === undefined) throw missing(path);
  return value;
}

export function needDictionary(
  dictionary: BencodeDictionary,
  key: string,
  path: string,
): BencodeDictionary {
  const value = need(dictionary, key, path);
  if (!(value instanceof Map)) throw wrongType(path, "a dictionary");
  return value;
}

export function needBytes(
  dictionary: BencodeDictionary,
  key: string,
  path: string,
): Uint8Array {
  const value = need(dictionary, key, path);
  if (!(value instanceof Uint8Array)) throw wrongType(path, "a string");
  return value;
}

/** An integer from 0 to 2^53 - 1 that must be there. */
export function needCount(
  dictionary: BencodeDictionary,
  key: string,
  path: string,
): number {
  const value = need(dictionary, key, path);
  if (typeof value !== "number" && typeof value !== "bigint") {
    throw wrongType(path, "an integer");
  }
  if (value < 0) throw badValue(path, "it must not be negative");
  if (typeof value === "bigint") {
    throw tooLarge(path, "it must be at most 2^53 - 1");
  }
  return value;
}

/** Optional fields: of another type they are passed over with a warning. */
export class OptionalFields {
  readonly #dictionary: ReadonlyMap<string, BencodeValue>;
  readonly #prefix: string;
  readonly #warnings: Warnings;
  readonly #decode: DecodeText;

  constructor(
    dictionary: ReadonlyMap<string, BencodeValue>,
    prefix: string,
    warnings: Warnings,
    decode: DecodeText,
  ) {
    this.#dictionary = dictionary;
    this.#prefix = prefix;
    this.#warnings = warnings;
    this.#decode = decode;
  }

  ignore(key: string): undefined {
    this.#warnings.add("ignored", this.#prefix + key);
    return undefined;
  }

  bytes(key: string): Uint8Array | undefined {
    const value = this.#dictionary.get(key);
    if (value === undefined || value instanceof Uint8Array) return value;
    return this.ignore(key);
  }

  /** Text; `key.utf-8` comes first where a torrent has both. */
  text(key: string): string | undefined {
    const alternative = this.#dictionary.get(`${key}.utf-8`);
    if (alternative instanceof Uint8Array) {
      const text = tryDecodeText(alternative);
      if (text !== undefined) return text;
    }
    const value = this.bytes(key);
    return value && this.#decode(value);
  }

  integer(key: string): number | undefined {
    const value = this.#dictionary.get(key);
    if (value === undefined || typeof value === "number") return value;
    return this.ignore(key);
  }

  list(key: string): readonly BencodeValue[] | undefined {
    const value = this.#dictionary.get(key);
    if (value === undefined || Array.isArray(value)) return value;
    return this.ignore(key);
  }

  /** A list of strings, or one string, as text; empty ones left out. */
  texts(key: string): string[] {
    const value = this.#dictionary.get(key);
    if (value === undefined) return [];
    const items = Array.isArray(value) ? value : [value];
    const texts = new Set<string>();
    for (const item of items) {
      if (!(item instanceof Uint8Array)) this.ignore(key);
      else {
        const text = decodeTextLossy(item).trim();
        if (text !== "") texts.add(text);
      }
    }
    return [...texts];
  }
}
