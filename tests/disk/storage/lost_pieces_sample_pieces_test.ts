import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import {
  checkSample,
  SAMPLE_PIECES,
} from "../../../disk/storage/lost_pieces.ts";
import {
  decodeResumeData,
  encodeResumeData,
} from "../../../disk/resume/resume_data.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { TempDir } from "../../support/paths.ts";
import { makeTorrent } from "../support.ts";
import { writeAll } from "../storage_bench.ts";

const pure = { permissions: "none" } as const;

/** A check of pieces, some of which are damaged. */
function scene(
  files: readonly number[],
  isDamaged: (piece: number) => boolean,
) {
  const layout = new PieceLayout({
    pieceLength: 16384,
    files: files.map((pieces) => ({ length: pieces * 16384 })),
  });
  const have = new Bitfield(layout.pieceCount);
  have.setAll();
  const checked: number[] = [];
  const check = (pieces: readonly number[]) => {
    for (const i of pieces) {
      checked.push(i);
      if (isDamaged(i)) have.clear(i);
    }
    return Promise.resolve();
  };
  return { layout, have, checked, check };
}

Deno.test("a sample of what is whole is all that is read", pure, async () => {
  const { checked, ...rest } = scene([1000, 1000], () => false);
  const random = seededRandom(1);
  assertEquals(await checkSample([0, 1], { ...rest, random }), new Set());
  assertEquals(checked.length, SAMPLE_PIECES);
  // One of each of so many runs, in order.
  checked.forEach((piece, k) => {
    const [from, end] = [k, k + 1].map((i) => Math.floor(i * 2000 / 64));
    assert(piece >= from! && piece < end!, `${piece}`);
  });
  checked.length = 0;
  await checkSample([], { ...rest, random });
  assertEquals(checked, []);
});

Deno.test(
  "a file with a bad piece is read whole, the others are not",
  pure,
  async () => {
    const { checked, ...rest } = scene(
      [1000, 500, 1000],
      (piece) => piece >= 1000 && piece < 1500,
    );
    const random = seededRandom(2);
    assertEquals(
      await checkSample([0, 1, 2], { ...rest, random }),
      new Set([1]),
    );
    assertEquals(rest.have.count, 2000);
    assert(checked.length < 500 + 2 * SAMPLE_PIECES, `${checked.length}`);
  },
);

Deno.test("damage is found as often as is said", pure, async () => {
  const part = 0.03;
  let found = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const random = seededRandom(seed);
    const bad = new Set<number>();
    while (bad.size < part * 2000) {
      const [a, b] = random(new Uint8Array(2));
      bad.add((a! * 256 + b!) % 2000);
    }
    const { checked: _, ...rest } = scene([2000], (piece) => bad.has(piece));
    if ((await checkSample([0], { ...rest, random })).size > 0) found++;
  }
  // 1 - 0.97 ** 64 is 0.858.
  assert(found > 0.82 * 400 && found < 0.9 * 400, `${found}`);
});

Deno.test("resume hashes what was touched only: a file overwritten in place is found", async () => {
  await using temp = new TempDir();
  const torrent = makeTorrent({
    pieceLength: 16384,
    files: [400_000, 16384 * 20, 400_000],
  });
  const open = async (resume?: Uint8Array) => {
    const disk = new DiskManager({
      fileSystem: new NativeFileSystem(temp.path),
    });
    let checked = 0;
    const storage = await disk.add(torrent, {
      existing: resume === undefined ? "verify" : "resume",
      resume,
      onProgress: ({ total }) => checked = Math.max(checked, total),
    });
    return { storage, checked, close: () => disk.close() };
  };
  const first = await open();
  writeAll(first.storage, torrent);
  const resume = await first.storage.resumeData();
  await first.close();
  const again = await open(resume);
  assert(again.storage.have.isFull);
  // Without times of changes there is a sample at any rate.
  if (Deno.build.os !== "windows") assertEquals(again.checked, 0);
  await again.close();
  const path = temp.join("torrent/f1");
  const { mtime, atime } = await Deno.stat(path);
  await Deno.writeFile(path, new Uint8Array(16384 * 20).fill(1));
  await Deno.utime(path, atime!, mtime!);
  // Times of changes are whole seconds in Deno: ours was some seconds ago.
  const { layout, infoHash } = torrent;
  const saved = decodeResumeData(resume, infoHash, layout);
  const files = saved.files.map((info) =>
    info && { ...info, changedMs: info.changedMs! - 5000 }
  );
  const last = await open(encodeResumeData({
    ...saved,
    files: saved.files.with(1, files[1]),
  }, layout));
  const { first: from, end } = torrent.layout.filePieces(1);
  for (let i = 0; i < torrent.layout.pieceCount; i++) {
    assertEquals(last.storage.have.has(i), i < from || i >= end, `${i}`);
  }
  await last.close();
});
