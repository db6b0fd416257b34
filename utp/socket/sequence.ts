/**
 * Numbers that wrap.
 *
 * @module
 */

/** How far a 16-bit sequence number is ahead of another, -32768 to 32767. */
export function seqDistance(a: number, b: number): number {
  return (a - b) << 16 >> 16;
}

/** How much later a 32-bit time is than another, in microseconds. */
export function timeDistance(a: number, b: number): number {
  return (a - b) | 0;
}

/** A clock's milliseconds as 32-bit microseconds. */
export function toMicroseconds(now: number): number {
  // Beyond 2^53 nothing is left of fractions, so the wrap comes first.
  return Math.floor((now % 4_294_967.296) * 1000) >>> 0;
}
