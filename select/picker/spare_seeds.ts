import type { BlockBook } from "./block_book.ts";
import { NOBODY } from "./partial_piece.ts";
import type { PickerPeer } from "./picker_peer.ts";
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
