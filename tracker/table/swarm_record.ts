/**
 * Records of peers in arrays of words: the words of the address, the port, and
 * the second it was last heard of.
 *
 * Address and port are kept as compact peers have them, in network byte order,
 * on machines that are little-endian, as all are that Deno runs on.
 *
 * @module
 */
import { swapWord } from "../../_shared/swarm_share.ts";
import type { SwarmAnnounce } from "../swarm_store.ts";

/** Writes address and port of a peer. */
export function writePeer(
  peer: SwarmAnnounce,
  words: Int32Array,
  w: number,
  ipWords: number,
): void {
  const { port } = peer;
  words[w] = swapWord(peer.ip0);
  if (ipWords !== 1) {
    words[w + 1] = swapWord(peer.ip1);
    words[w + 2] = swapWord(peer.ip2);
    words[w + 3] = swapWord(peer.ip3);
  }
  words[w + ipWords] = ((port & 0xff) << 8) | (port >>> 8);
}

/**
 * Whether two records are about one peer; true for the same address and port.
 */
export function isSamePeer(
  a: Int32Array,
  i: number,
  b: Int32Array,
  j: number,
  ipWords: number,
): boolean {
  if (a[i] !== b[j] || a[i + ipWords] !== b[j + ipWords]) return false;
  return ipWords === 1 ||
    a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3];
}

/**
 * Hashes address and port, quickly: who does not know the seed cannot choose
 * peers that collide.
 */
export function hashPeer(
  seed: number,
  words: Int32Array,
  w: number,
  ipWords: number,
): number {
  let h = Math.imul(seed ^ (seed >>> 15) ^ words[w]!, 0x85ebca77);
  if (ipWords !== 1) {
    h = Math.imul(h ^ (h >>> 14) ^ words[w + 1]!, 0xc2b2ae3d);
    h = Math.imul(h ^ (h >>> 15) ^ words[w + 2]!, 0x27d4eb2f);
    h = Math.imul(h ^ (h >>> 13) ^ words[w + 3]!, 0x165667b1);
  }
  h = Math.imul(h ^ (h >>> 13) ^ words[w + ipWords]!, 0xc2b2ae3d);
  return h ^ (h >>> 16);
}

/**
 * Copies records as compact peers, round and round from one of them on. If
 * `mixed`, and not all are wanted, then of one address or subnet only a few
 * before all others have had their turn.
 */
export function copyPeers(
  words: Int32Array,
  start: number,
  end: number,
  from: number,
  skip: number,
  want: number,
  out: Uint16Array,
  offset: number,
  ipWords: number,
  mixed: number | undefined,
): number {
  if (mixed !== undefined && want < end - start - 1) {
    return copyMixed(
      mixed,
      words,
      start,
      end,
      from,
      skip,
      want,
      out,
      offset,
      ipWords,
    );
  }
  const size = ipWords + 2;
  const last = (end - 1) * size;
  const skipped = skip * size;
  let w = from * size;
  while (want > 0) {
    if (w !== skipped) {
      copyPeer(words, w, out, offset, ipWords);
      offset += ipWords === 1 ? 3 : 9;
      want--;
    }
    w = w === last ? start * size : w + size;
  }
  return offset;
}

/** Copies one record. */
function copyPeer(
  words: Int32Array,
  w: number,
  out: Uint16Array,
  offset: number,
  ipWords: number,
): void {
  // The array takes the lower half of a number.
  const word = words[w]!;
  out[offset] = word;
  out[offset + 1] = word >>> 16;
  if (ipWords === 1) {
    out[offset + 2] = words[w + 1]!;
    return;
  }
  for (let i = 1; i < 4; i++) {
    const word = words[w + i]!;
    out[offset + 2 * i] = word;
    out[offset + 2 * i + 1] = word >>> 16;
  }
  out[offset + 8] = words[w + 4]!;
}

/** Peers of one address, and of one subnet, that an answer names first. */
export const ADDRESS_FIRST = 4;
const SUBNET_FIRST = 16;
const BUCKETS = 2 ** 10;
const addresses = new Uint8Array(BUCKETS);
const subnets = new Uint8Array(BUCKETS);

/** {@linkcode copyPeers} for those who may have many peers. */
function copyMixed(
  seed: number,
  words: Int32Array,
  start: number,
  end: number,
  from: number,
  skip: number,
  want: number,
  out: Uint16Array,
  offset: number,
  ipWords: number,
): number {
  const size = ipWords + 2;
  const isV4 = ipWords === 1;
  // First those within the limits, and then the others.
  for (let round = 0; round < 2 && want > 0; round++) {
    addresses.fill(0);
    subnets.fill(0);
    let at = from;
    do {
      if (at !== skip) {
        const w = at * size;
        const a = words[w]!;
        const b = isV4 ? 0 : words[w + 1]!;
        const address = bucketOf(seed ^ a, b);
        const subnet = isV4
          ? bucketOf(seed ^ (a & 0xffffff), 0)
          : bucketOf(seed ^ a, b & 0xffff);
        const isFirst = addresses[address]! < ADDRESS_FIRST &&
          subnets[subnet]! < SUBNET_FIRST;
        if (isFirst) {
          addresses[address]!++;
          subnets[subnet]!++;
        }
        if (isFirst === (round === 0)) {
          copyPeer(words, w, out, offset, ipWords);
          offset += isV4 ? 3 : 9;
          if (--want === 0) break;
        }
      }
      at = at + 1 === end ? start : at + 1;
    } while (at !== from);
  }
  return offset;
}

function bucketOf(a: number, b: number): number {
  const h = Math.imul(Math.imul(a, 0x85ebca77) ^ b, 0xc2b2ae3d);
  return (h ^ (h >>> 15)) >>> 22;
}
