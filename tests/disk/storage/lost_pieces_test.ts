import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { findLost, piecesOf } from "../../../disk/storage/lost_pieces.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";

const pure = { permissions: "none" } as const;
const layout = new PieceLayout({
  pieceLength: 10,
  files: [{ length: 35 }, { length: 5, pad: true }, { length: 20 }],
});
const bits = (...pieces: readonly number[]) => {
  const field = new Bitfield(layout.pieceCount);
  for (const i of pieces) field.set(i);
  return field;
};

Deno.test("piecesOf() names verified pieces of files, each once", pure, () => {
  assertEquals(piecesOf([0], layout, bits(0, 2, 3, 5)), [0, 2, 3]);
  assertEquals(piecesOf([0, 1, 2], layout, bits(3, 4)), [3, 4]);
  assertEquals(piecesOf([2], layout, bits()), []);
});

Deno.test(
  "findLost() names pieces behind the ends of a bad one's files",
  pure,
  async () => {
    for (
      const [piece, sizes, expected, apart] of [
        [0, [35, 20], [], undefined],
        // A piece that ends where the file does is there.
        [0, [30, 20], [3], undefined],
        [0, [29, 20], [2, 3], undefined],
        [1, [0, 20], [0, 2, 3], undefined],
        [4, [35, 10], [5], undefined],
        [3, [0, 0], [0, 1, 2], undefined],
        // What belongs in the part file is not looked for.
        [0, [20, 20], [], 20],
        [0, [0, 20], [], 0],
        [0, [undefined, 20], [], undefined],
      ] as const
    ) {
      const files = {
        layout,
        apart: {
          from: (i: number) => i === 0 ? apart : undefined,
          has: (
            span: { fileIndex: number; fileOffset: number; length: number },
          ) =>
            span.fileIndex === 0 && apart !== undefined &&
            span.fileOffset + span.length > apart,
        },
        stored: {
          look: (i: number) => {
            const size = sizes[i === 0 ? 0 : 1];
            return size === undefined
              ? Promise.reject(new Error("It cannot be looked at"))
              : Promise.resolve(size);
          },
        },
      } as unknown as TorrentFiles;
      const have = bits(0, 1, 2, 3, 4, 5);
      const lost = await findLost(piece, files, have);
      assertEquals(lost.sort(), [...expected], `${piece} ${sizes}`);
    }
  },
);
