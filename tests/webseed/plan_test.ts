import { assertEquals } from "@std/assert";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import {
  firstWhole,
  MAX_REQUEST,
  nextWhole,
  planRanges,
} from "../../webseed/plan.ts";

const KIB16 = 16_384;

/** All blocks of some pieces. */
function blocksOf(layout: PieceLayout, ...pieces: number[]) {
  return pieces.flatMap((piece) =>
    Array.from(
      { length: layout.blockCount(piece) },
      (_, i) => layout.block(piece, i),
    )
  );
}

Deno.test("planRanges() joins what lies together and leaves padding out", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 2 * KIB16,
    files: [
      { length: 70_000 },
      { length: 28_304, pad: true },
      { length: 0 },
      { length: 10_000 },
      { length: 50_000 },
    ],
  });
  const plan = (...pieces: number[]) =>
    planRanges(layout, blocksOf(layout, ...pieces))
      .map(({ fileIndex, start, end }) => [fileIndex, start, end]);
  assertEquals(plan(0, 1, 2), [[0, 0, 70_000]]);
  assertEquals(plan(0, 2), [[0, 0, 32_768], [0, 65_536, 70_000]]);
  assertEquals(plan(2, 3, 4), [
    [0, 65_536, 70_000],
    [3, 0, 10_000],
    [4, 0, 50_000],
  ]);
  assertEquals(planRanges(layout, []), []);
});

Deno.test("planRanges() asks for 16 MiB at most at a time", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 2 * MAX_REQUEST + KIB16,
    files: [{ length: 2 * MAX_REQUEST + KIB16 }],
  });
  assertEquals(
    planRanges(layout, blocksOf(layout, 0)).map(({ start, end }) =>
      end - start
    ),
    [MAX_REQUEST, MAX_REQUEST, KIB16],
  );
});

Deno.test(
  "firstWhole(), nextWhole() follow lacking pieces over the ends of files",
  {
    permissions: "none",
  },
  () => {
    const layout = new PieceLayout({
      pieceLength: KIB16,
      files: [
        { length: KIB16 },
        { length: 20_000 },
        { length: 0 },
        { length: 100 },
        { length: 20_000 },
        { length: 1, pad: true },
        { length: 10 },
      ],
    });
    const all = () => true;
    // Piece 2 has the ends of 1 and 3, and the start of 4.
    assertEquals(firstWhole(layout, 0, all), 0);
    assertEquals(firstWhole(layout, 1, all), 1);
    assertEquals(firstWhole(layout, 2, all), 1);
    assertEquals(firstWhole(layout, 3, all), 1);
    assertEquals(firstWhole(layout, 3, (piece) => piece === 3), 4);
    assertEquals(nextWhole(layout, 0, all), undefined);
    assertEquals(nextWhole(layout, 1, all), 3);
    assertEquals(nextWhole(layout, 3, all), 4);
    assertEquals(nextWhole(layout, 4, all), 6);
    assertEquals(nextWhole(layout, 6, all), undefined);
    assertEquals(nextWhole(layout, 1, (piece) => piece !== 2), undefined);
  },
);
