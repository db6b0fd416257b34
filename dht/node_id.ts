/**
 * Ids of nodes: the XOR metric, random ids, and ids that fit an address.
 *
 * @module
 */
import { ipScope, isMappedIpv4 } from "../_shared/address.ts";
import { crc32c } from "../_shared/bytes.ts";
import { randomBytes, type RandomSource } from "../_shared/random.ts";

/** Bytes in the id of a node, and in every key of the DHT. Source: BEP 5. */
export const NODE_ID_LENGTH = 20;

/** Bits in the id of a node. Source: BEP 5. */
export const NODE_ID_BITS = 160;

/**
 * Compares two ids by their XOR distance to a target. Source: BEP 5.
 *
 * @param target 20-byte key that is looked for.
 * @param a 20-byte id.
 * @param b 20-byte id.
 * @returns Negative when `a` is closer, positive when `b` is, 0 when they are
 * equal: fit for sorting the closest first.
 */
export function compareNodeDistance(
  target: Uint8Array,
  a: Uint8Array,
  b: Uint8Array,
): number {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    if (a[i] !== b[i]) return (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
  }
  return 0;
}

/**
 * Counts the leading bits that two ids share.
 *
 * @param a 20-byte id.
 * @param b 20-byte id.
 * @returns 0 to 160; 160 when they are equal.
 */
export function sharedPrefixBits(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < NODE_ID_LENGTH; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return 8 * i + Math.clz32(difference) - 24;
  }
  return NODE_ID_BITS;
}

/**
 * Draws an id. Source: BEP 5.
 *
 * @param random The source of randomness.
 * @returns 20 random bytes.
 */
export function randomNodeId(random: RandomSource): Uint8Array<ArrayBuffer> {
  return randomBytes(random, NODE_ID_LENGTH);
}

/**
 * Draws an id that shares exactly so many leading bits with another one: a
 * target for the refresh of a bucket. Source: BEP 5.
 *
 * @param id 20-byte id.
 * @param bits How many bits, 0 to 159.
 * @param random The source of randomness.
 * @returns A fresh id.
 * @throws {RangeError} If the number of bits is not from 0 to 159.
 */
export function randomNodeIdNear(
  id: Uint8Array,
  bits: number,
  random: RandomSource,
): Uint8Array<ArrayBuffer> {
  if (!Number.isInteger(bits) || bits < 0 || bits >= NODE_ID_BITS) {
    throw new RangeError(
      `Cannot share ${bits} bits of an id: expected 0 to ${NODE_ID_BITS - 1}`,
    );
  }
  const result = randomNodeId(random);
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) result[i] = id[i]!;
  const rest = bits & 7;
  const kept = 0xff00 >> rest & 0xff;
  const flipped = 0x80 >> rest;
  result[whole] = (id[whole]! & kept) | (~id[whole]! & flipped) |
    (result[whole]! & ~kept & ~flipped);
  return result;
}

const MASK_4 = [0x03, 0x0f, 0x3f, 0xff];
const MASK_6 = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];
const masked4 = new Uint8Array(4);
const masked6 = new Uint8Array(8);

/** The checksum of BEP 42 over an address and the last byte of an id. */
function addressChecksum(ip: Uint8Array, last: number): number {
  const start = isMappedIpv4(ip) ? 12 : 0;
  const isV4 = ip.length - start === 4;
  const masked = isV4 ? masked4 : masked6;
  const mask = isV4 ? MASK_4 : MASK_6;
  for (let i = 0; i < mask.length; i++) masked[i] = ip[start + i]! & mask[i]!;
  masked[0]! |= (last & 7) << 5;
  return crc32c(masked);
}

/**
 * Makes an id that fits an external address. Source: BEP 42.
 *
 * @param ip 4 or 16 bytes of the address.
 * @param random The source of randomness.
 * @returns A fresh 20-byte id.
 */
export function secureNodeId(
  ip: Uint8Array,
  random: RandomSource,
): Uint8Array<ArrayBuffer> {
  const id = randomNodeId(random);
  const checksum = addressChecksum(ip, id[19]!);
  id[0] = checksum >>> 24;
  id[1] = checksum >>> 16;
  id[2] = (checksum >>> 8 & 0xf8) | (id[2]! & 7);
  return id;
}

/**
 * Whether the rule of BEP 42 does not apply to an address: one of a local
 * network. Source: BEP 42.
 *
 * @param ip 4 or 16 bytes of the address.
 * @returns True for loopback, link-local and private addresses.
 */
export function isExemptFromSecureId(ip: Uint8Array): boolean {
  const scope = ipScope(ip);
  return scope === "loopback" || scope === "link-local" || scope === "private";
}

/**
 * Whether an id fits the address of its node. Source: BEP 42.
 *
 * @param id 20-byte id.
 * @param ip 4 or 16 bytes of the address.
 * @returns True when the first 21 bits fit, and for every local address.
 */
export function isSecureNodeId(id: Uint8Array, ip: Uint8Array): boolean {
  if (isExemptFromSecureId(ip)) return true;
  const checksum = addressChecksum(ip, id[19]!);
  return id[0] === checksum >>> 24 &&
    id[1] === (checksum >>> 16 & 0xff) &&
    (id[2]! & 0xf8) === (checksum >>> 8 & 0xf8);
}
