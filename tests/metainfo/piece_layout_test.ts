import { assert, assertEquals, assertThrows } from "@std/assert";
import { BLOCK_SIZE, PieceLayout } from "../../metainfo/piece_layout.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const options = { permissions: "none" } as const;

/** A slow model: one entry a byte. */
function model(
  pieceLength: number,
  files: readonly { length: number; pad?: boolean }[],
  alignFiles: boolean,
): { file: number; offset: number }[][] {
  const pieces: { file: number; offset: number }[][] = [];
  let current: { file: number; offset: number }[] = [];
  const flush = () => {
    if (current.length > 0) pieces.push(current);
    current = [];
  };
  files.forEach((file, index) => {
    if (alignFiles) flush();
    for (let offset = 0; offset < file.length; offset++) {
      current.push({ file: index, offset });
      if (current.length === pieceLength) flush();
    }
  });
  flush();
  return pieces;
}

Deno.test("PieceLayout: agrees with a byte-by-byte model", options, () => {
  const seed = 20260801;
  const random = seededRandom(seed);
  for (let round = 0; round < 400; round++) {
    const pieceLength = 1 + randomInt(random, 40);
    const files = Array.from({ length: randomInt(random, 8) }, () => ({
      length: randomInt(random, 4) === 0 ? 0 : randomInt(random, 100),
      pad: randomInt(random, 4) === 0,
    }));
    const alignFiles = round % 2 === 0;
    const label = `seed ${seed} round ${round}`;
    const layout = new PieceLayout({ pieceLength, files, alignFiles });
    const pieces = model(pieceLength, files, alignFiles);
    assertEquals(layout.pieceCount, pieces.length, label);
    assertEquals(
      layout.totalLength,
      files.reduce((sum, f) => sum + (f.pad ? 0 : f.length), 0),
      label,
    );
    const seen = files.map(() => new Set<number>());
    pieces.forEach((bytes, piece) => {
      assertEquals(layout.pieceSize(piece), bytes.length, label);
      assertEquals(
        layout.payloadSize(piece),
        bytes.filter((b) => !files[b.file]!.pad).length,
        label,
      );
      for (const b of bytes) seen[b.file]!.add(piece);
      for (let trial = 0; trial < 4; trial++) {
        const offset = randomInt(random, bytes.length);
        const length = randomInt(random, bytes.length - offset + 1);
        let at = offset;
        for (const span of layout.spans(piece, offset, length)) {
          assertEquals(span.dataOffset, at - offset, label);
          assert(span.length > 0, label);
          assertEquals(span.pad, files[span.fileIndex]!.pad, label);
          for (let i = 0; i < span.length; i++, at++) {
            assertEquals(bytes[at], {
              file: span.fileIndex,
              offset: span.fileOffset + i,
            }, label);
          }
        }
        assertEquals(at, offset + length, label);
        assertEquals(
          layout.fileAt(piece, offset),
          bytes[offset]!.file,
          label,
        );
        assertEquals(
          layout.isBlock(piece, offset, length),
          length > 0,
          label,
        );
        assert(
          !layout.isBlock(piece, offset, bytes.length - offset + 1),
          label,
        );
      }
    });
    files.forEach((_, index) => {
      const { first, end } = layout.filePieces(index);
      const expected = [...seen[index]!];
      const actual = Array.from({ length: end - first }, (_, i) => first + i);
      assertEquals(actual, expected, label);
    });
  }
});

Deno.test("PieceLayout: blocks of a piece", options, () => {
  const layout = new PieceLayout({
    pieceLength: 2 * BLOCK_SIZE,
    files: [{ length: 2 * BLOCK_SIZE + BLOCK_SIZE + 1 }],
  });
  assertEquals(layout.pieceCount, 2);
  assertEquals([0, 1].map((p) => layout.blockCount(p)), [2, 2]);
  assertEquals(layout.blockSize(1, 0), BLOCK_SIZE);
  assertEquals(layout.blockSize(1, 1), 1);
  assertEquals(layout.block(1, 1), {
    pieceIndex: 1,
    blockOffset: BLOCK_SIZE,
    length: 1,
  });
  assertThrows(() => layout.blockSize(1, 2), RangeError, "it has 2 blocks");
  assertThrows(() => layout.blockSize(1, -1), RangeError);
  assertThrows(() => layout.blockSize(2, 0), RangeError, "there are 2 pieces");
});

Deno.test("PieceLayout: isBlock is total", options, () => {
  const layout = new PieceLayout({
    pieceLength: 100,
    files: [{ length: 150 }],
  });
  assert(layout.isBlock(0, 0, 100));
  assert(layout.isBlock(0, 99, 1));
  assert(layout.isBlock(1, 0, 50));
  const bad: [number, number, number][] = [
    [0, 0, 0],
    [0, 0, 101],
    [0, 100, 1],
    [0, 1, 100],
    [1, 0, 51],
    [2, 0, 1],
    [-1, 0, 1],
    [0, -1, 1],
    [0, 0, -1],
    [0.5, 0, 1],
    [0, 0.5, 1],
    [0, 0, 1.5],
    [NaN, 0, 1],
    [0, NaN, 1],
    [0, 0, NaN],
    [Infinity, 0, 1],
    [0xffffffff, 0xffffffff, 0xffffffff],
    [0, 2 ** 53, 1],
    [0, 0, 2 ** 60],
  ];
  for (const [piece, offset, length] of bad) {
    assert(
      !layout.isBlock(piece, offset, length),
      `${piece} ${offset} ${length}`,
    );
  }
});

Deno.test("PieceLayout: refuses nonsense", options, () => {
  const files = [{ length: 1 }];
  for (const pieceLength of [0, -1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new PieceLayout({ pieceLength, files }), RangeError);
  }
  for (const length of [-1, 1.5, NaN, Infinity, 2 ** 53]) {
    assertThrows(
      () => new PieceLayout({ pieceLength: 1, files: [{ length }] }),
      RangeError,
      "file 0",
    );
  }
  assertThrows(
    () =>
      new PieceLayout({
        pieceLength: 1,
        files: [{ length: 2 ** 52 }, { length: 2 ** 52 }],
      }),
    RangeError,
    "total length",
  );
  const layout = new PieceLayout({ pieceLength: 16, files });
  for (const piece of [-1, 1, 0.5, NaN]) {
    assertThrows(() => layout.pieceSize(piece), RangeError);
    assertThrows(() => layout.spans(piece, 0, 1), RangeError);
    assertThrows(() => layout.filePieces(piece), RangeError);
    assertThrows(() => layout.fileAt(piece), RangeError);
  }
  assertThrows(() => layout.spans(0, 0, 2), RangeError, "it has 1 bytes");
  assertThrows(() => layout.spans(0, -1, 1), RangeError);
  assertThrows(() => layout.fileAt(0, 1), RangeError);
});

Deno.test("PieceLayout: nothing to lay out", options, () => {
  for (const files of [[], [{ length: 0 }, { length: 0, pad: true }]]) {
    const layout = new PieceLayout({ pieceLength: 16384, files });
    assertEquals(layout.pieceCount, 0);
    assertEquals(layout.totalLength, 0);
    assert(!layout.isBlock(0, 0, 1));
  }
});

Deno.test("PieceLayout: beyond 32 bits", options, () => {
  const tib = 2 ** 40;
  const layout = new PieceLayout({
    pieceLength: 2 ** 24,
    files: [{ length: tib - 1 }, { length: 2 }],
  });
  assertEquals(layout.pieceCount, 65537);
  assertEquals(layout.spans(65535, 2 ** 24 - 2, 2), [
    {
      fileIndex: 0,
      fileOffset: tib - 2,
      length: 1,
      dataOffset: 0,
      pad: false,
    },
    { fileIndex: 1, fileOffset: 0, length: 1, dataOffset: 1, pad: false },
  ]);
  assertEquals(layout.pieceSize(65536), 1);
});

Deno.test("PieceLayout: files one by one and all of them", options, () => {
  const layout = new PieceLayout({
    pieceLength: 10,
    files: [{ length: 3 }, { length: 7, pad: true }, { length: 0 }],
  });
  assertEquals(layout.fileCount, 3);
  const expected = [
    { length: 3, pad: false, offset: 0 },
    { length: 7, pad: true, offset: 3 },
    { length: 0, pad: false, offset: 10 },
  ];
  assertEquals(expected.map((_, i) => layout.file(i)), expected);
  assertEquals(layout.files, expected);
  assert(layout.files === layout.files);
  for (const i of [-1, 3, 0.5]) {
    assertThrows(() => layout.file(i), RangeError, `Cannot use file ${i}`);
  }
});
