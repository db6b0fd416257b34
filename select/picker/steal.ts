import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import type { BlockBook } from "./block_book.ts";
import { NOBODY } from "./partial_piece.ts";
import type { PickerPeer } from "./picker_peers.ts";
import type { PeerBlock } from "./picker_types.ts";

/** Whether a seed has a piece that we lack and nobody but seeds has. */
function hasRarer(book: BlockBook, seed: PickerPeer, except: number): boolean {
  const { table } = book;
  const open = table.first(seed);
  if (open >= 0 && table.rarity(open) === 0) return true;
  for (const pieceIndex of seed.pieces.keys()) {
    if (pieceIndex !== except && table.rarity(pieceIndex) === 0) return true;
  }
  return false;
}

/** Takes back what seeds were asked of a piece that one other peer has now. */
export function spareSeeds(book: BlockBook, pieceIndex: number): PeerBlock[] {
  const { table } = book;
  const partial = book.partials.get(pieceIndex);
  if (
    partial === undefined || partial.requested === 0 ||
    table.rarity(pieceIndex) !== 1 || partial.exclusive !== NOBODY
  ) return [];
  const taken: PeerBlock[] = [];
  for (const peer of table.peers) {
    if (!peer.isSeed || !peer.pieces.has(pieceIndex)) continue;
    if (!hasRarer(book, peer, pieceIndex)) continue;
    for (let block = 0; block < partial.blockCount; block++) {
      if (!partial.isAskedOf(block, peer.key)) continue;
      book.unask(peer, partial, block);
      taken.push({ peer: peer.key, block: book.address(pieceIndex, block) });
    }
    if (peer.current === pieceIndex) peer.current = -1;
  }
  if (taken.length > 0) book.settle(partial);
  return taken;
}

/** Time without a block after which any peer gives its requests away, in ms. */
const STALLED_MS = 15_000;

/**
 * Moves requests of peers without a block for 15 seconds to one that has nothing
 * to do, and of no others: what a peer is slow with is mostly on its way, and
 * would come twice. Simulated swarms are faster for it, and waste half as much,
 * than where requests of slow peers move too. The end-game takes care of the
 * last blocks.
 */
export function steal(
  book: BlockBook,
  taker: PickerPeer,
  count: number,
  now: number,
): PeerBlock[] {
  const stolen: PeerBlock[] = [];
  if (taker.choked || taker.parole || taker.interesting === 0) return stolen;
  const stalled = book.table.peers.filter((peer) =>
    peer !== taker && peer.outstanding > 0 && now - peer.activeAt >= STALLED_MS
  ).sort((a, b) => a.activeAt - b.activeAt);
  for (const peer of stalled) {
    // What was requested last would come last.
    const pieces = [...peer.pieces.keys()].reverse();
    for (const pieceIndex of pieces) {
      if (!taker.has(pieceIndex) || !book.table.isMissing(pieceIndex)) continue;
      const partial = book.partials.get(pieceIndex)!;
      if (partial.exclusive !== NOBODY) continue;
      for (let block = partial.blockCount - 1; block >= 0; block--) {
        if (stolen.length >= count) return stolen;
        // One that others were asked for as well is left alone.
        if (partial.askers(block) > 1 || !partial.isAskedOf(block, peer.key)) {
          continue;
        }
        book.unask(peer, partial, block);
        const moved: BlockAddress[] = [];
        book.ask(taker, partial, block, now, moved);
        book.refile(partial);
        stolen.push({ peer: peer.key, block: moved[0]! });
      }
    }
  }
  return stolen;
}
