import { assert, assertEquals, unreachable } from "@std/assert";
import type { AddTorrentOptions } from "../../../client/types.ts";
import { orderOf, strategyOf } from "../../../client/content/order.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { PiecePicker } from "../../../select/piece_picker.ts";
import { randomOrder } from "../../../select/rarest_first.ts";

const layout = new PieceLayout({
  pieceLength: 16_384,
  files: [{ length: 47 * 16_384 }],
});

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
  ) assertEquals(orderOf(torrent, session, layout).name, name);
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
      strategy: orderOf({ sequential: from }, {}, layout),
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
  const storage = { runPieces: () => 9, open: () => unreachable() };
  const picked = (options: AddTorrentOptions) => {
    const picker = new PiecePicker({
      layout,
      random: seededRandom(1),
      randomFirstPieces: 0,
      strategy: orderOf(options, {}, layout),
    });
    picker.peers.add(1);
    picker.peers.setAll(1);
    picker.peers.setChoked(1, false);
    return picker.pick(1, 47, 0).map(({ pieceIndex }) => pieceIndex);
  };
  /** How many times the run is another than before. */
  const changes = (pieces: number[]) => {
    const runs = pieces.map((i) => Math.floor(i / 9));
    return runs.filter((run, at) => run !== runs[at - 1]).length;
  };
  const together = picked({ storage });
  assertEquals(
    together.toSorted((a, b) => a - b),
    Array.from({ length: 47 }, (_, i) => i),
  );
  assertEquals(changes(together), 6);
  assert(changes(picked({})) > 20);
});
