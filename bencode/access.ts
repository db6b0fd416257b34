/**
 * Typed access to the fields of decoded values: what is missing or of the
 * wrong type is named in the error.
 *
 * @module
 */
import { tryDecodeText } from "../_shared/bytes.ts";
import { BencodeTypeError, formatBencodePath } from "./error.ts";
import type { BencodeDictionary, BencodeList, BencodeValue } from "./types.ts";

/**
 * The way to a field: a key (one character a byte), a list index, or several
 * of them from the outside in. Empty for the value itself. A key is taken as
 * it is: dots in it do not divide it.
 */
export type BencodePath = string | number | readonly (string | number)[];

/**
 * Finds a field of any type.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The field, or `undefined` when there is none or something on the
 * way is neither a dictionary nor a list.
 */
export function tryGetBencodeValue(
  value: BencodeValue,
  path: BencodePath,
): BencodeValue | undefined {
  if (typeof path !== "object") return child(value, path);
  let current: BencodeValue | undefined = value;
  for (let i = 0; i < path.length && current !== undefined; i++) {
    current = child(current, path[i]!);
  }
  return current;
}

/**
 * Finds a field that must be there, of any type.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The field.
 * @throws {BencodeTypeError} If there is no such field.
 */
export function getBencodeValue(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): BencodeValue {
  return tryGetBencodeValue(value, path) ??
    refuse(value, path, context, "a value");
}

/**
 * Reads an integer that is a safe `number`, when it is there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The integer, or `undefined` for anything else.
 */
export function tryGetBencodeInteger(
  value: BencodeValue,
  path: BencodePath,
): number | undefined {
  const field = tryGetBencodeValue(value, path);
  return typeof field === "number" ? field : undefined;
}

/**
 * Reads an integer that must be there and a safe `number`.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The integer.
 * @throws {BencodeTypeError} If it is missing, of another type, or beyond
 * 2^53 - 1.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { BencodeTypeError, getBencodeInteger } from "@bip/bip/bencode";
 *
 * const info = new Map([["files", [new Map([["length", 5]])]]]);
 * assertEquals(getBencodeInteger(info, ["files", 0, "length"]), 5);
 * assertThrows(
 *   () => getBencodeInteger(info, ["files", 0, "size"], "info"),
 *   BencodeTypeError,
 *   "Field info.files[0].size is missing",
 * );
 * ```
 */
export function getBencodeInteger(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): number {
  return tryGetBencodeInteger(value, path) ??
    refuse(value, path, context, "an integer of at most 2^53 - 1");
}

/**
 * Reads a byte string, when it is there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The bytes, not copied, or `undefined` for anything else.
 */
export function tryGetBencodeBytes(
  value: BencodeValue,
  path: BencodePath,
): Uint8Array | undefined {
  const field = tryGetBencodeValue(value, path);
  return field instanceof Uint8Array ? field : undefined;
}

/**
 * Reads a byte string that must be there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The bytes, not copied.
 * @throws {BencodeTypeError} If it is missing or of another type.
 */
export function getBencodeBytes(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): Uint8Array {
  return tryGetBencodeBytes(value, path) ??
    refuse(value, path, context, "a byte string");
}

/**
 * Reads a byte string as text, when it is there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The text, or `undefined` for anything else, also for bytes that are
 * not UTF-8.
 */
export function tryGetBencodeText(
  value: BencodeValue,
  path: BencodePath,
): string | undefined {
  const field = tryGetBencodeValue(value, path);
  return field instanceof Uint8Array ? tryDecodeText(field) : undefined;
}

/**
 * Reads a byte string as text that must be there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The text.
 * @throws {BencodeTypeError} If it is missing, of another type, or not UTF-8.
 */
export function getBencodeText(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): string {
  return tryGetBencodeText(value, path) ??
    refuse(value, path, context, "UTF-8 text");
}

/**
 * Reads a list, when it is there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The list itself, or `undefined` for anything else.
 */
export function tryGetBencodeList(
  value: BencodeValue,
  path: BencodePath,
): BencodeList | undefined {
  const field = tryGetBencodeValue(value, path);
  return Array.isArray(field) ? field : undefined;
}

/**
 * Reads a list that must be there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The list itself.
 * @throws {BencodeTypeError} If it is missing or of another type.
 */
export function getBencodeList(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): BencodeList {
  return tryGetBencodeList(value, path) ??
    refuse(value, path, context, "a list");
}

/**
 * Reads a dictionary, when it is there.
 *
 * @param value Where to start.
 * @param path The way to the field.
 * @returns The dictionary itself, or `undefined` for anything else.
 */
export function tryGetBencodeDictionary(
  value: BencodeValue,
  path: BencodePath,
): BencodeDictionary | undefined {
  const field = tryGetBencodeValue(value, path);
  return field instanceof Map ? field : undefined;
}

/**
 * Reads a dictionary that must be there.
 *
 * @param value Where to start.
 * @param path The way to the field; empty to demand that the value itself is
 * a dictionary.
 * @param context The path of `value` itself, put before the field's path in
 * the error.
 * @returns The dictionary itself.
 * @throws {BencodeTypeError} If it is missing or of another type.
 */
export function getBencodeDictionary(
  value: BencodeValue,
  path: BencodePath,
  context?: string,
): BencodeDictionary {
  return tryGetBencodeDictionary(value, path) ??
    refuse(value, path, context, "a dictionary");
}

function child(
  value: BencodeValue,
  step: string | number,
): BencodeValue | undefined {
  if (typeof step === "string") {
    return value instanceof Map ? value.get(step) : undefined;
  }
  return Array.isArray(value) ? value[step] : undefined;
}

/** Finds the first step that fails and reports it. */
function refuse(
  value: BencodeValue,
  path: BencodePath,
  context: string | undefined,
  expected: string,
): never {
  const steps = typeof path === "object" ? path : [path];
  let current = value;
  for (let i = 0; i < steps.length; i++) {
    const next = child(current, steps[i]!);
    if (next !== undefined) {
      current = next;
      continue;
    }
    const isDictionary = typeof steps[i] === "string";
    if (isDictionary ? current instanceof Map : Array.isArray(current)) {
      const missing = formatBencodePath(steps.slice(0, i + 1), context);
      const wanted = i + 1 === steps.length
        ? expected
        : (typeof steps[i + 1] === "string" ? "a dictionary" : "a list");
      throw new BencodeTypeError("missing", missing, wanted);
    }
    throw new BencodeTypeError(
      "wrong-type",
      formatBencodePath(steps.slice(0, i), context),
      isDictionary ? "a dictionary" : "a list",
      describe(current),
    );
  }
  throw new BencodeTypeError(
    "wrong-type",
    formatBencodePath(steps, context),
    expected,
    describe(current),
  );
}

function describe(value: BencodeValue): string {
  if (typeof value === "number") return "an integer";
  if (typeof value === "bigint") return "an integer beyond 2^53 - 1";
  if (value instanceof Uint8Array) {
    return tryDecodeText(value) === undefined
      ? "a byte string that is not UTF-8"
      : "a byte string";
  }
  return Array.isArray(value) ? "a list" : "a dictionary";
}
