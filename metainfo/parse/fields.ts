/**
 * Reading of decoded torrents, field by field, with errors that name the
 * field.
 *
 * @module
 */
import { BencodeSyntaxError } from "../../bencode/error.ts";
import type { BencodeDictionary, BencodeValue } from "../../bencode/types.ts";
import { decodeTextLossy, tryDecodeText } from "../../_shared/bytes.ts";
import type { DecodeText } from "./text_decoder.ts";
import {
  MetainfoError,
  type MetainfoErrorCode,
  type MetainfoWarning,
} from "../metainfo.ts";

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
