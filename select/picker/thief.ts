import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import type { BlockBook } from "./block_book.ts";
import type { PartialPiece } from "./partial_piece.ts";
import { NOBODY, REQUESTED } from "./partial_piece.ts";
import type { PickerPeer } from "./picker_peer.ts";
import type { PeerBlock } from "./picker_types.ts";
import type { PeerLoad, StealPolicy } from "../steal_policy.ts";

function load(peer: PickerPeer, now: number): PeerLoad {
  return {
    rate: peer.rate,
    outstanding: peer.outstanding,
    idleMs: now - peer.activeAt,
  };
}

/** Moves requests from slower peers to one that has nothing to do. */
export function steal(
  book: BlockBook,
  thief: PickerPeer,
  count: number,
  now: number,
  policy: StealPolicy,
): PeerBlock[] {
  const stolen: PeerBlock[] = [];
  if (thief.choked || thief.parole || thief.interesting === 0) return stolen;
  const own = load(thief, now);
  const victims: { peer: PickerPeer; score: number; keep: number }[] = [];
  for (const peer of book.table.peers) {
    if (peer === thief || peer.outstanding === 0) continue;
    const verdict = policy.judge(own, load(peer, now));
    if (verdict !== undefined && verdict.keep < peer.outstanding) {
      victims.push({ peer, score: verdict.score, keep: verdict.keep });
    }
  }
  victims.sort((a, b) => b.score - a.score);
  for (const { peer, keep } of victims) {
    // What was asked last would come last.
    const pieces = [...peer.pieces.keys()].reverse();
    for (const pieceIndex of pieces) {
      if (!thief.has(pieceIndex) || !book.table.isMissing(pieceIndex)) continue;
      const partial = book.partials.get(pieceIndex)!;
      if (partial.exclusive !== NOBODY) continue;
      for (let block = partial.blockCount - 1; block >= 0; block--) {
        if (stolen.length >= count) return stolen;
        if (peer.outstanding <= keep) break;
        if (isOnlyOf(partial, block, peer)) {
          stolen.push({
            peer: peer.key,
            block: move(book, partial, block, peer, thief, now),
          });
        }
      }
    }
  }
  return stolen;
}

function isOnlyOf(
  partial: PartialPiece,
  block: number,
  peer: PickerPeer,
): boolean {
  return partial.state[block] === REQUESTED &&
    partial.who[block] === peer.key && partial.askers(block) === 1;
}

function move(
  book: BlockBook,
  partial: PartialPiece,
  block: number,
  from: PickerPeer,
  to: PickerPeer,
  now: number,
): BlockAddress {
  book.unask(from, partial, block);
  const out: BlockAddress[] = [];
  book.ask(to, partial, block, now, out);
  book.refile(partial);
  return out[0]!;
}
