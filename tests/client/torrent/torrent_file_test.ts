import { assertEquals, assertRejects } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { makeTorrentFile } from "../../../client/torrent/torrent_file.ts";
import type { TorrentLife } from "../../../client/torrent/torrent_life.ts";
import { simTorrent } from "../../../testing/mod.ts";

const pure = { permissions: "none" } as const;
const torrent = await simTorrent([["a", 40_000], ["b", 10], ["c", 60_000]]);
const { metainfo } = torrent;
const { layout } = metainfo;

Deno.test(
  "TorrentFile.doneBytes counts its part of each verified piece",
  pure,
  () => {
    for (
      const [pieces, expected] of [
        [[], [0, 0, 0]],
        [[0], [32_768, 0, 0]],
        // Piece 1 has the end of a, all of b, and the beginning of c.
        [[1], [7_232, 10, 25_526]],
        [[2], [0, 0, 32_768]],
        [[3], [0, 0, 1_706]],
        [[0, 1, 3], [40_000, 10, 27_232]],
        [[0, 1, 2, 3], [40_000, 10, 60_000]],
      ] as const
    ) {
      const have = new Bitfield(4);
      for (const i of pieces) have.set(i);
      const content = { layout, have };
      const life = { metainfo, content } as unknown as TorrentLife;
      const done = [0, 1, 2].map((i) => makeTorrentFile(life, i).doneBytes);
      assertEquals(done, [...expected], `${pieces}`);
    }
  },
);

Deno.test("TorrentFile before the torrent is checked", pure, async () => {
  const calls: unknown[] = [];
  const life = {
    metainfo,
    options: { filePriorities: [0, undefined, 7] },
    setFilePriorities: (priorities: unknown) => {
      calls.push(priorities);
      return Promise.resolve();
    },
  } as unknown as TorrentLife;
  const files = [0, 1, 2].map((i) => makeTorrentFile(life, i));
  assertEquals(files.map((file) => file.snapshot()), [
    { path: "sim/a", length: 40_000, doneBytes: 0, priority: 0 },
    { path: "sim/b", length: 10, doneBytes: 0, priority: 4 },
    { path: "sim/c", length: 60_000, doneBytes: 0, priority: 7 },
  ]);
  await files[1]!.setPriority(6);
  assertEquals(calls, [new Map([[1, 6]])]);
  await assertRejects(() => files[1]!.setPriority(8), RangeError);
});
