import type { BlockAddress } from "../../metainfo/piece_layout.ts";
import type { BlockBook } from "./block_book.ts";
import { NOBODY } from "./partial_piece.ts";
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
  taker: PickerPeer,
  count: number,
  now: number,
  policy: StealPolicy,
): PeerBlock[] {
  const stolen: PeerBlock[] = [];
  if (taker.choked || taker.parole || taker.interesting === 0) return stolen;
  const own = load(taker, now);
  const givers: { peer: PickerPeer; score: number; keep: number }[] = [];
  for (const peer of book.table.peers) {
    if (peer === taker || peer.outstanding === 0) continue;
    const verdict = policy.judge(own, load(peer, now));
    if (verdict !== undefined && verdict.keep < peer.outstanding) {
      givers.push({ peer, score: verdict.score, keep: verdict.keep });
    }
  }
  givers.sort((a, b) => b.score - a.score);
  for (const { peer, keep } of givers) {
    // What was requested last would come last.
    const pieces = [...peer.pieces.keys()].reverse();
    for (const pieceIndex of pieces) {
      if (!taker.has(pieceIndex) || !book.table.isMissing(pieceIndex)) continue;
      const partial = book.partials.get(pieceIndex)!;
      if (partial.exclusive !== NOBODY) continue;
      for (let block = partial.blockCount - 1; block >= 0; block--) {
        if (stolen.length >= count) return stolen;
        if (peer.outstanding <= keep) break;
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
