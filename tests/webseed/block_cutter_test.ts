import { assertEquals } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import { BlockCutter } from "../../webseed/block_cutter.ts";

/** Blocks as `piece:offset:length:first byte`. */
function collect(layout: PieceLayout): { cutter: BlockCutter; out: string[] } {
  const out: string[] = [];
  const cutter = new BlockCutter(layout, (piece, offset, data) => {
    out.push(`${piece}:${offset}:${data.length}:${data[0]}`);
  });
  return { cutter, out };
}

const filled = (length: number, value: number) =>
  new Uint8Array(length).fill(value);

Deno.test("BlockCutter - bytes in any chunks make the same blocks", {
  permissions: "none",
}, () => {
  const random = seededRandom(5);
  const data = random.getRandomValues(new Uint8Array(100_000));
  const layout = new PieceLayout({
    pieceLength: 40_000,
    files: [{ length: data.length }],
  });
  for (const step of [1_000, 16_384, 16_385, 33_000, 100_000]) {
    const blocks: Record<string, Uint8Array> = {};
    const cutter = new BlockCutter(layout, (piece, offset, bytes) => {
      blocks[`${piece}:${offset}`] = bytes;
    });
    // What was given is not written to afterwards.
    for (let at = 0; at < data.length; at += step) {
      cutter.feed(0, at, data.subarray(at, at + step));
    }
    const expected: Record<string, Uint8Array> = {};
    for (let piece = 0; piece < 3; piece++) {
      for (let b = 0; b < layout.blockCount(piece); b++) {
        const start = piece * 40_000 + b * 16_384;
        expected[`${piece}:${b * 16_384}`] = data.slice(
          start,
          start + layout.blockSize(piece, b),
        );
      }
    }
    assertEquals(blocks, expected, `${step}`);
  }
});

Deno.test("BlockCutter - a block of several files needs them all, in order", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 16384,
    files: [{ length: 20_000 }, { length: 0 }, { length: 100 }, {
      length: 20_000,
    }],
  });
  const { cutter, out } = collect(layout);
  cutter.feed(0, 0, filled(20_000, 1));
  cutter.feed(2, 0, filled(100, 2));
  cutter.feed(3, 0, filled(20_000, 3));
  assertEquals(out, ["0:0:16384:1", "1:0:16384:1", "2:0:7332:3"]);
  // The middle alone gives nothing, nor does an end without its start.
  out.length = 0;
  cutter.feed(2, 0, filled(100, 2));
  assertEquals(out, []);
  cutter.feed(3, 1, filled(19_999, 3));
  assertEquals(out, ["2:0:7332:3"]);
  out.length = 0;
  cutter.feed(0, 0, filled(16_000, 1));
  cutter.feed(0, 16_384, filled(3_616, 1));
  assertEquals(out, []);
});

Deno.test("BlockCutter - padding is filled in, before and behind", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 32_768,
    files: [
      { length: 20_000 },
      { length: 12_768, pad: true },
      { length: 10 },
      { length: 10, pad: true },
      { length: 10 },
      { length: 32_738, pad: true },
      { length: 10, pad: true },
      { length: 10 },
    ],
  });
  const { cutter, out } = collect(layout);
  cutter.feed(0, 0, filled(20_000, 1));
  assertEquals(out, ["0:0:16384:1", "0:16384:16384:1"]);
  out.length = 0;
  cutter.feed(2, 0, filled(10, 2));
  assertEquals(out, []);
  cutter.feed(4, 0, filled(10, 3));
  assertEquals(out, ["1:0:16384:2"]);
  out.length = 0;
  cutter.feed(7, 0, filled(10, 4));
  assertEquals(out, ["2:0:20:0"]);
});

Deno.test("BlockCutter - aligned files end with short pieces", {
  permissions: "none",
}, () => {
  const layout = new PieceLayout({
    pieceLength: 32_768,
    alignFiles: true,
    files: [{ length: 20_000 }, { length: 5 }],
  });
  const { cutter, out } = collect(layout);
  cutter.feed(0, 0, filled(20_000, 1));
  cutter.feed(1, 0, filled(5, 2));
  assertEquals(out, ["0:0:16384:1", "0:16384:3616:1", "1:0:5:2"]);
});
