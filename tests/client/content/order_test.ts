import { assert, assertEquals, unreachable } from "@std/assert";
import type { AddTorrentOptions } from "../../../client/types.ts";
import { orderOf, strategyOf } from "../../../client/content/order.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { PiecePicker } from "../../../select/piece_picker.ts";
import { randomOrder } from "../../../select/rarest_first.ts";

Deno.test("orderOf() goes by the torrent, then by the session", {
  permissions: "none",
}, () => {
  const random = { strategy: randomOrder() };
  const byNumber = { strategy: (i: number) => -i };
  for (
    const [torrent, session, name] of [
      [{}, {}, "rarest-first"],
      [{}, random, "random"],
      [{ sequential: true }, random, "sequential"],
      [{ sequential: 3 }, random, "sequential"],
      [{ sequential: 0 }, random, "sequential"],
      [{ sequential: false }, random, "random"],
      [{ ...byNumber, sequential: true }, random, "ranked"],
      [{}, byNumber, "ranked"],
    ] as const
  ) assertEquals(orderOf(torrent, session, 1).name, name);
  assertEquals(strategyOf(random.strategy), random.strategy);
});

Deno.test("orderOf(): in order from the first piece, or from another", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 16_384,
    files: [{ length: 4 * 16_384 }],
  });
  for (
    const [from, pieces] of [[true, [0, 1, 2, 3]], [2, [2, 3, 0, 1]]] as const
  ) {
    const picker = new PiecePicker({
      layout,
      random: seededRandom(1),
      strategy: orderOf({ sequential: from }, {}, 16_384),
    });
    picker.peers.add(1);
    picker.peers.setAll(1);
    picker.peers.setChoked(1, false);
    const picked = picker.pick(1, 4, 0).map(({ pieceIndex }) => pieceIndex);
    assertEquals(picked, [...pieces]);
  }
});

Deno.test("orderOf(): what is best written together is asked for in runs", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 16_384,
    files: [{ length: 47 * 16_384 }],
  });
  const storage = { runBytes: 9 * 16_384, open: () => unreachable() };
  const picked = (options: AddTorrentOptions) => {
    const picker = new PiecePicker({
      layout,
      random: seededRandom(1),
      randomFirstPieces: 0,
      strategy: orderOf(options, {}, layout.pieceLength),
    });
    picker.peers.add(1);
    picker.peers.setAll(1);
    picker.peers.setChoked(1, false);
    return picker.pick(1, 47, 0).map(({ pieceIndex }) => pieceIndex);
  };
  const neighbours = (pieces: number[]) =>
    pieces.filter((i, at) => Math.abs(i - pieces[at - 1]!) === 1).length;
  const together = picked({ storage });
  assertEquals(
    together.toSorted((a, b) => a - b),
    Array.from({ length: 47 }, (_, i) => i),
  );
  // Six runs, of which one is begun first and ended last.
  assert(neighbours(together) >= 40, `${together}`);
  assert(neighbours(picked({})) < 15);
});
