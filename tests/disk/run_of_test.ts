import { assertEquals } from "@std/assert";
import { bytesOf, runOf } from "../../disk/run_of.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";

const pure = { permissions: "none" } as const;

const runs = (layout: PieceLayout, runPieces: number) =>
  Array.from({ length: layout.pieceCount }, (_, i) => {
    const { first, end } = runOf(layout, runPieces, i);
    return `${first}-${end}`;
  });

Deno.test("runOf() begins at multiples, whatever files there are", pure, () => {
  const layout = new PieceLayout({
    pieceLength: 10,
    files: [{ length: 35 }, { length: 40 }],
  });
  assertEquals(runs(layout, 3), [
    ...["0-3", "0-3", "0-3"],
    ...["3-6", "3-6", "3-6"],
    ...["6-8", "6-8"],
  ]);
  assertEquals(runs(layout, 1).at(-1), "7-8");
  assertEquals(bytesOf(layout, { first: 3, end: 6 }), 30);
  assertEquals(bytesOf(layout, { first: 6, end: 8 }), 15);
});

Deno.test(
  "runOf() begins anew in each file where files are aligned",
  pure,
  () => {
    const layout = new PieceLayout({
      pieceLength: 10,
      files: [35, 0, 7, 20].map((length) => ({ length })),
      alignFiles: true,
    });
    assertEquals(runs(layout, 3), [
      ...["0-3", "0-3", "0-3", "3-4"],
      "4-5",
      ...["5-7", "5-7"],
    ]);
    assertEquals(bytesOf(layout, { first: 3, end: 4 }), 5);
    assertEquals(bytesOf(layout, { first: 5, end: 7 }), 20);
  },
);
