/**
 * The errors of reading bencode, and paths as they show them.
 *
 * @module
 */
import type { BencodeLeniency } from "./types.ts";

const PLAIN_KEY = /^[A-Za-z0-9_ -]{1,64}$/;

/**
 * Formats a path such as `info.files[3].length`. Keys that are not plain text
 * are quoted and escaped, so that the result is safe to print.
 *
 * @param path Keys and list indices.
 * @param context The path of the value that `path` starts from.
 * @returns The formatted path.
 */
export function formatBencodePath(
  path: readonly (string | number)[],
  context = "",
): string {
  let text = context;
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (PLAIN_KEY.test(step)) text += text === "" ? step : `.${step}`;
    else text += `[${quote(step)}]`;
  }
  return text;
}

function quote(key: string): string {
  const shown = key.slice(0, 64).replace(
    /[^\x20-\x7e]|["\\]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return key.length > 64 ? `"${shown}"...` : `"${shown}"`;
}

/**
 * Why bytes could not be decoded. `"unexpected-end"` is the only one that more
 * bytes could mend; the names of leniencies are for input that is readable
 * but not canonical.
 */
export type BencodeSyntaxErrorCode =
  | "unexpected-end"
  | "invalid-value"
  | "invalid-key"
  | "missing-value"
  | "invalid-integer"
  | "invalid-length"
  | "length-overflow"
  | "too-deep"
  | "too-many-tokens"
  | "too-long"
  | "integer-too-long"
  | BencodeLeniency;

const REASONS: Readonly<Record<BencodeSyntaxErrorCode, string>> = {
  "unexpected-end": "the input ends inside a value",
  "invalid-value": "expected a value, which starts with a digit, i, l or d",
  "invalid-key":
    "expected a key, which is a string, or the end of the dictionary",
  "missing-value": "expected a value for the key before it",
  "invalid-integer": "expected decimal digits and then e",
  "invalid-length": "expected decimal digits and then a colon",
  "length-overflow": "the string length is beyond 2^53 - 1",
  "too-deep": "lists and dictionaries are nested deeper than allowed",
  "too-many-tokens": "there are more tokens than allowed",
  "too-long": "the value is longer than allowed",
  "integer-too-long": "the integer has more digits than allowed",
  "leading-zero": "expected a number without leading zeros",
  "negative-zero": "expected zero without a sign",
  "unsorted-keys": "expected keys in the order of their bytes",
  "duplicate-keys": "expected each key once",
  "trailing-bytes": "expected the input to end after the value",
};

/** Bytes are not bencode, not canonical, or beyond a limit. Source: BEP 3. */
export class BencodeSyntaxError extends SyntaxError {
  /** What is wrong. */
  readonly code: BencodeSyntaxErrorCode;
  /** Where, in bytes from the start of the input. */
  readonly offset: number;

  /**
   * Makes the error for a place in the input.
   *
   * @param code What is wrong.
   * @param offset Where, in bytes from the start of the input.
   */
  constructor(code: BencodeSyntaxErrorCode, offset: number) {
    super(`Cannot decode bencode at offset ${offset}: ${REASONS[code]}`);
    this.name = "BencodeSyntaxError";
    this.code = code;
    this.offset = offset;
  }
}

/** Whether a field is not there or is of another type than asked for. */
export type BencodeTypeErrorCode = "missing" | "wrong-type";

/** A decoded value lacks a field, or the field is of another type. */
export class BencodeTypeError extends TypeError {
  /** Whether the field is not there or of another type. */
  readonly code: BencodeTypeErrorCode;
  /** The field, such as `info.files[3].length`; empty for the value itself. */
  readonly path: string;

  /**
   * Makes the error for a field.
   *
   * @param code Whether the field is not there or of another type.
   * @param path The field, such as `info.files[3].length`.
   * @param expected What was asked for, such as `an integer`.
   * @param found What was found in its place; unused for `"missing"`.
   */
  constructor(
    code: BencodeTypeErrorCode,
    path: string,
    expected: string,
    found = "",
  ) {
    const field = path === "" ? "The value" : `Field ${path}`;
    super(
      code === "missing"
        ? `${field} is missing: expected ${expected}`
        : `${field} is ${found}: expected ${expected}`,
    );
    this.name = "BencodeTypeError";
    this.code = code;
    this.path = path;
  }
}
