/**
 * Small arrays cut from larger ones: an array of its own buffer costs more
 * than what is written into it.
 *
 * @module
 */

const SLAB_LENGTH = 16_384;

let slab = new Uint8Array(SLAB_LENGTH);
let used = 0;

/**
 * Gives a fresh array of zeros that nobody else has a view of. It keeps the
 * slab in memory that it is part of: not for what is stored.
 */
export function takeBytes(length: number): Uint8Array<ArrayBuffer> {
  if (length > SLAB_LENGTH / 4) return new Uint8Array(length);
  if (used + length > SLAB_LENGTH) {
    slab = new Uint8Array(SLAB_LENGTH);
    used = 0;
  }
  const start = used;
  used += length;
  return slab.subarray(start, used);
}
