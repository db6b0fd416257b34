/**
 * Items that are stored in the DHT: their keys and what is signed.
 *
 * @module
 */
import { sha1 } from "../_shared/sha1.ts";
import { concatBytes, encodeText } from "../_shared/bytes.ts";

/** Longest bencoded value of an item, in bytes. Source: BEP 44. */
export const MAX_ITEM_LENGTH = 1000;

/** Longest salt of a mutable item, in bytes. Source: BEP 44. */
export const MAX_SALT_LENGTH = 64;

const NONE = new Uint8Array(0);

/**
 * Computes the key of an immutable item. Source: BEP 44.
 *
 * @param value The value's bencoded bytes.
 * @returns 20 bytes: the SHA-1 of the value.
 */
export function immutableItemTarget(
  value: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return sha1(value);
}

/**
 * Computes the key of a mutable item. Source: BEP 44, BEP 46.
 *
 * @param publicKey 32-byte Ed25519 key.
 * @param salt Makes several items of one key possible; empty counts as none.
 * @returns 20 bytes: the SHA-1 of key and salt.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { mutableItemTarget } from "@bip/bip/dht";
 *
 * const publicKey = Uint8Array.fromHex(
 *   "77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548",
 * );
 * assertEquals(
 *   mutableItemTarget(publicKey, new TextEncoder().encode("foobar")).toHex(),
 *   "411eba73b6f087ca51a3795d9c8c938d365e32c1",
 * );
 * ```
 */
export function mutableItemTarget(
  publicKey: Uint8Array,
  salt: Uint8Array = NONE,
): Uint8Array<ArrayBuffer> {
  const key = concatBytes([publicKey, salt]);
  return sha1(key);
}

/**
 * Builds the bytes that the owner of a mutable item signs. Source: BEP 44.
 *
 * @param fields What the signature covers.
 * @returns The bytes for Ed25519.
 */
export function itemSignatureMessage(
  fields: {
    /** Sequence number, 0 to 2^63 - 1. */
    readonly seq: bigint;
    /** The value's bencoded bytes. */
    readonly value: Uint8Array;
    /** Empty counts as none. @default none */
    readonly salt?: Uint8Array | undefined;
  },
): Uint8Array<ArrayBuffer> {
  const { seq, value, salt = NONE } = fields;
  const parts: Uint8Array[] = [];
  if (salt.length > 0) parts.push(encodeText(`4:salt${salt.length}:`), salt);
  parts.push(encodeText(`3:seqi${seq}e1:v`), value);
  return concatBytes(parts);
}
