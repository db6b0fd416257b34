/**
 * Which pieces a choked peer may fetch (BEP 6).
 *
 * @module
 */
import { sha1 } from "../../_shared/sha1.ts";
import { readUint32 } from "../../_shared/bytes.ts";

/**
 * Generates the canonical allowed fast set of a peer (BEP 6).
 *
 * @param infoHash 20-byte info-hash.
 * @param ip The peer's IPv4 address, 4 bytes.
 * @param pieceCount How many pieces the torrent has.
 * @param count How many pieces are allowed.
 * @returns The piece indices in the order of generation, no more than there
 * are pieces.
 * @throws {RangeError} If the address has not 4 bytes, as BEP 6 knows no other.
 */
export function generateAllowedFastSet(
  infoHash: Uint8Array,
  ip: Uint8Array,
  pieceCount: number,
  count: number,
): number[] {
  if (ip.length !== 4) {
    throw new RangeError(
      `Cannot generate an allowed fast set as the address must have 4 bytes: it has ${ip.length}`,
    );
  }
  const goal = Math.min(count, pieceCount);
  const set = new Set<number>();
  let x = new Uint8Array(4 + infoHash.length);
  x.set(ip.subarray(0, 3));
  x.set(infoHash, 4);
  while (set.size < goal) {
    x = sha1(x);
    for (let i = 0; i < 20 && set.size < goal; i += 4) {
      set.add(readUint32(x, i) % pieceCount);
    }
  }
  return [...set];
}
