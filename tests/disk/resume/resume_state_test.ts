import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import type { FileInfo } from "../../../disk/file_system.ts";
import type { TorrentFiles } from "../../../disk/files/torrent_files.ts";
import { decodeResumeData } from "../../../disk/resume/resume_data.ts";
import {
  takeResumeData,
  trustResumeData,
} from "../../../disk/resume/resume_state.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const PIECE = 32_768;
const SIZE = 2 * PIECE;
/** Three files; the pieces 1 and 3 touch two of them each. */
const torrent = makeTorrent({
  pieceLength: PIECE,
  files: [SIZE - 1, SIZE, 1 + PIECE],
});
const { layout } = torrent;

const bits = (...pieces: readonly number[]) => {
  const field = new Bitfield(layout.pieceCount);
  for (const i of pieces) field.set(i);
  return field;
};
const block = (n: number) => {
  const blocks = new Bitfield(2);
  blocks.set(n);
  return blocks;
};
const info = (i: number, more: Partial<FileInfo> = {}): FileInfo => ({
  size: layout.files[i]?.length ?? 1000 + i,
  modifiedMs: 5000 + i,
  ...more,
});

/** Files as they are found. */
function filesOf(
  infos: readonly (FileInfo | undefined)[],
  { strange = [], part, inPart = [] }: {
    readonly strange?: readonly number[];
    readonly part?: FileInfo;
    readonly inPart?: readonly number[];
  } = {},
): TorrentFiles {
  return {
    infos: () => Promise.resolve({ files: infos, strange }),
    statPartFile: () => Promise.resolve(part),
    apart: { isInPartFile: (i: number) => inPart.includes(i) },
  } as unknown as TorrentFiles;
}

const all = [0, 1, 2].map((i) => info(i));
const take = (files: TorrentFiles) =>
  takeResumeData({
    torrent,
    files,
    have: bits(0, 1, 4),
    wanted: Uint8Array.of(1, 0, 1),
    partials: () => [[3, block(1)], [2, block(0)]],
  });

Deno.test(
  "takeResumeData() describes what is there, in order",
  pure,
  async () => {
    const part = info(9);
    const bytes = await take(filesOf(all, { part }));
    const data = decodeResumeData(bytes, torrent.infoHash, layout);
    assertEquals([...data.have], [0, 1, 4]);
    assertEquals(data.wanted, [true, false, true]);
    assertEquals(data.partials.map(({ pieceIndex }) => pieceIndex), [2, 3]);
    assertEquals(
      data.files.map((file) => file?.size),
      [SIZE - 1, SIZE, 1 + PIECE],
    );
    assertEquals(data.partFile?.size, 1009);
  },
);

Deno.test(
  "takeResumeData() leaves out what is not in the files that are there",
  pure,
  async () => {
    for (
      const [strange, have, partials] of [
        [[0], [4], [2, 3]],
        [[1], [0, 4], []],
        [[2], [0, 1], [2]],
        [[0, 2], [], [2]],
      ] as const
    ) {
      const bytes = await take(filesOf(all, { strange }));
      const data = decodeResumeData(bytes, torrent.infoHash, layout);
      assertEquals([...data.have], [...have], `${strange}`);
      const left = data.partials.map(({ pieceIndex }) => pieceIndex);
      assertEquals(left, [...partials], `${strange}`);
    }
  },
);

Deno.test(
  "trustResumeData() believes pieces whose files are as they were",
  pure,
  async () => {
    const part = info(9);
    const bytes = await take(filesOf(all, { part }));
    for (
      const [files, have, doubtful, partials] of [
        [filesOf(all, { part }), [0, 1, 4], [], [2, 3]],
        // Fractions of a millisecond are not kept.
        [
          filesOf(
            all.map((file) => ({ ...file, modifiedMs: file.modifiedMs + 0.7 })),
            { part },
          ),
          [0, 1, 4],
          [],
          [2, 3],
        ],
        [
          filesOf([info(0, { size: 1 }), all[1], all[2]], { part }),
          [4],
          [0, 1],
          [2, 3],
        ],
        [
          filesOf([all[0], info(1, { modifiedMs: 1 }), all[2]], { part }),
          [0, 4],
          [1, 2, 3],
          [],
        ],
        [filesOf([all[0], all[1], undefined], { part }), [0, 1], [3, 4], [2]],
        // What is in the part file is as good as that.
        [filesOf(all, { part, inPart: [0, 2] }), [0, 1, 4], [], [2, 3]],
        [filesOf(all, { inPart: [0, 2] }), [1, 4], [0, 2], [3]],
        [filesOf(all, { part: info(8), inPart: [4] }), [0, 1], [4], [2, 3]],
        [filesOf(all), [0, 1, 4], [], [2, 3]],
      ] as const
    ) {
      const trusted = (await trustResumeData(bytes, torrent, files))!;
      assertEquals([...trusted.have], [...have]);
      assertEquals(trusted.doubtful, [...doubtful]);
      const left = trusted.partials.map(({ pieceIndex }) => pieceIndex);
      assertEquals(left, [...partials]);
    }
    const damaged = bytes.slice(1);
    assertEquals(
      await trustResumeData(damaged, torrent, filesOf(all)),
      undefined,
    );
  },
);
