import { assert, assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import {
  LEAST_PART,
  MOST_SENT,
  planParts,
  runLength,
  SENT_PART,
} from "../../../disk/object/part_plan.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";

const pure = { permissions: "none" } as const;
const MIB = 1 << 20;

function plan(pieceLength: number, lengths: number[], fileIndex: number) {
  const files = lengths.map((length) => ({ length }));
  const layout = new PieceLayout({ pieceLength, files });
  return planParts(layout, runLength(layout), fileIndex);
}

const shape = (parts: ReturnType<typeof plan>) =>
  parts?.map(({ length, isCopy, spans }) =>
    `${isCopy ? "copy" : `send ${spans.length}`} ${length / MIB}`
  );

Deno.test("part plan - large pieces are copied", pure, () => {
  assertEquals(shape(plan(8 * MIB, [20 * MIB], 0)), [
    "copy 8",
    "copy 8",
    "copy 4",
  ]);
  // The last piece has bytes of another file.
  assertEquals(shape(plan(8 * MIB, [20 * MIB, 1], 0)), [
    "copy 8",
    "copy 8",
    "send 1 4",
  ]);
  assertEquals(shape(plan(5 * MIB, [10 * MIB], 0)), ["copy 5", "copy 5"]);
});

Deno.test(
  "part plan - a head that is too short takes what it lacks of the next piece",
  pure,
  () => {
    assertEquals(
      shape(plan(16 * MIB, [14 * MIB, 40 * MIB], 1)),
      [
        "send 2 5",
        "copy 13",
        "copy 16",
        "send 1 6",
      ].map((text) => text === "send 1 6" ? "copy 6" : text),
    );
    assertEquals(shape(plan(6 * MIB, [5 * MIB, 14 * MIB], 1)), [
      "send 2 7",
      "copy 6",
      "copy 1",
    ]);
  },
);

Deno.test(
  "part plan - runs of small pieces are copied, nothing makes no part",
  pure,
  () => {
    assertEquals(shape(plan(MIB, [20 * MIB], 0)), [
      "copy 8",
      "copy 8",
      "copy 4",
    ]);
    assertEquals(shape(plan(MIB, [3 * MIB, 20 * MIB], 1)), [
      "copy 5",
      "copy 8",
      "copy 7",
    ]);
    assertEquals(shape(plan(MIB, [6 * MIB, 13 * MIB], 1)), [
      "send 2 5",
      "copy 5",
      "copy 3",
    ]);
    // What is gathered is long enough: it takes nothing of what comes.
    assertEquals(shape(plan(MIB, [7 * MIB, 12 * MIB, 1], 1)), [
      "send 2 9",
      "send 1 3",
    ]);
    assertEquals(plan(MIB, [0, 5], 0), []);
  },
);

Deno.test(
  "part plan - too many pieces make larger parts, up to a limit",
  pure,
  () => {
    const parts = plan(MIB, [400_000 * MIB], 0)!;
    assert(
      parts.length <= 10_000 &&
        parts.every(({ length }) => length <= MOST_SENT),
    );
    assert(
      plan(MIB, [150_000 * MIB], 0)!.every(({ isCopy }) => isCopy),
    );
    assertEquals(plan(64 * MIB, [700_000 * MIB], 0), undefined);
    assert(plan(64 * MIB, [9999 * 64 * MIB], 0)!.every(({ isCopy }) => isCopy));
  },
);

Deno.test(
  "part plan - parts are the file in order, and none but the last is too short",
  pure,
  () => {
    const random = seededRandom(11);
    for (let run = 0; run < 1000; run++) {
      const pieceLength = 1 + randomInt(random, 20 * MIB);
      const lengths = Array.from(
        { length: 3 },
        () => randomInt(random, 60 * MIB),
      );
      const layout = new PieceLayout({
        pieceLength,
        files: lengths.map((length) => ({ length })),
      });
      if (layout.pieceCount > 3000) {
        continue;
      }
      const runPieces = runLength(layout);
      for (let i = 0; i < 3; i++) {
        const parts = planParts(layout, runPieces, i)!;
        let at = lengths.slice(0, i).reduce((sum, length) => sum + length, 0);
        parts.forEach((part, k) => {
          assert(
            k === parts.length - 1 || part.length >= LEAST_PART,
            `${part.length}`,
          );
          assert(
            part.isCopy ||
              part.length <= SENT_PART + 2 * runPieces * pieceLength,
          );
          assertEquals(
            part.spans.reduce((sum, { length }) => sum + length, 0),
            part.length,
          );
          if (part.isCopy) {
            assertEquals(part.spans.length, 1);
            assert(k === parts.length - 1 || part.length >= LEAST_PART);
          }
          for (const { pieceIndex, offset, length } of part.spans) {
            assertEquals(pieceIndex * pieceLength + offset, at);
            assert(offset >= 0 && length > 0, `${offset} ${length}`);
            at += length;
          }
        });
        assertEquals(
          at,
          lengths.slice(0, i + 1).reduce((sum, length) => sum + length, 0),
        );
      }
    }
  },
);

Deno.test(
  "part plan - what is gathered is cut where pieces are large enough",
  pure,
  () => {
    // 4 MiB wait: the next gives what lacks, and the rest is copied.
    assertEquals(shape(plan(6 * MIB, [2 * MIB, 22 * MIB], 1)), [
      "send 2 5",
      "copy 5",
      "copy 6",
      "copy 6",
    ]);
    // One that leaves too little is taken whole.
    assertEquals(shape(plan(6 * MIB, [2 * MIB + 1, 22 * MIB - 1], 1)), [
      `send 2 ${10 - 1 / MIB}`,
      "copy 6",
      "copy 6",
    ]);
    assertEquals(shape(plan(10 * MIB, [6 * MIB, 34 * MIB], 1)), [
      "send 2 5",
      "copy 9",
      "copy 10",
      "copy 10",
    ]);
    assertEquals(shape(plan(10 * MIB - 1, [6 * MIB, 24 * MIB - 3], 1)), [
      "send 2 5",
      `copy ${(9 * MIB - 2) / MIB}`,
      `copy ${(10 * MIB - 1) / MIB}`,
    ]);
  },
);

Deno.test("part plan - parts are as many as there may be", pure, () => {
  // One piece less than 10,000 is copied, each; the last may be short.
  const copied = plan(6 * MIB, [9998 * 6 * MIB + 1], 0)!;
  assertEquals([copied.length, copied[0]!.isCopy], [9999, true]);
  // 10,000 pieces: gathered by 8 MiB and more.
  const gathered = plan(6 * MIB, [10_000 * 6 * MIB], 0)!;
  assertEquals(gathered.some(({ isCopy }) => isCopy), false);
  assertEquals([gathered.length, gathered[0]!.length], [5000, 12 * MIB]);
  // The most that is in memory: the part of 10,000, and one piece.
  const most = plan(32 * MIB, [320_000 * MIB], 0)!;
  assertEquals([most.length, most[0]!.length], [5000, 64 * MIB]);
  assertEquals(plan(32 * MIB, [320_000 * MIB + 1], 0), undefined);
});

Deno.test("part plan - as many pieces are a run as make a part", pure, () => {
  const length = (pieceLength: number, ...lengths: number[]) =>
    runLength(
      new PieceLayout({
        pieceLength,
        files: lengths.map((length) => ({ length })),
      }),
    );
  assertEquals(length(16384, 5), 512);
  assertEquals(length(MIB, 5 * MIB, 70_000 * MIB), 8);
  assertEquals(length(3 * MIB, 5), 3);
  assertEquals(length(5 * MIB - 1, 5), 2);
  assertEquals(length(5 * MIB, 5), 1);
  // The longest file has no more parts than there may be.
  assertEquals(length(MIB, 5 * MIB, 9998 * 8 * MIB), 8);
  assertEquals(length(MIB, 5 * MIB, 9998 * 8 * MIB + 1), 9);
  assertEquals(length(MIB, 999_999 * MIB), 16);
  assertEquals(length(3 * MIB, 999_999 * MIB), 5);
});

Deno.test(
  "part plan - runs are of one file where files are aligned",
  pure,
  () => {
    const layout = new PieceLayout({
      pieceLength: MIB,
      files: [13 * MIB + 9, 9 * MIB].map((length) => ({ length })),
      alignFiles: true,
    });
    const one = planParts(layout, 8, 0)!;
    const two = planParts(layout, 8, 1)!;
    assertEquals(shape(one), ["copy 8", `copy ${5 + 9 / MIB}`]);
    assertEquals(shape(two), ["copy 8", "copy 1"]);
    assertEquals(two.flatMap(({ spans }) => spans), [
      { pieceIndex: 14, offset: 0, length: 8 * MIB },
      { pieceIndex: 22, offset: 0, length: MIB },
    ]);
  },
);
