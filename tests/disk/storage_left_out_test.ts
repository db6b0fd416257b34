import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import type { TorrentStorage } from "../../disk/storage.ts";
import { isWhole, one, PATHS, PIECE, refused, two } from "./rivals.ts";
import { writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;

/** Left out of a torrent, and made by another one afterwards. */
async function setUpLate() {
  const memory = new MemoryFileSystem();
  const disk = new DiskManager({ fileSystem: memory });
  const shared = makeTorrent({
    pieceLength: PIECE,
    files: [100, PIECE],
    paths: [PATHS[0]!, ["t", "c"]],
    id: 3,
    seed: 3,
  });
  const late = await disk.add(shared, { skippedFiles: new Set([0]) });
  const owner = await disk.add(one);
  writeAll(owner, one);
  return { memory, disk, shared, late, owner };
}

for (
  const [what, run] of [
    ["moves", (storage: TorrentStorage) => storage.move(["v"])],
    ["renames", (storage) => storage.renameFile(0, ["t", "z"])],
    ["checks", (storage) => storage.recheck()],
  ] as [string, (storage: TorrentStorage) => Promise<void>][]
) {
  Deno.test(
    `who ${what} leaves alone what another made in place of a file left out`,
    pure,
    async () => {
      const { memory, disk, shared, late, owner } = await setUpLate();
      await using _ = disk;
      await run(late);
      writeAll(late, shared);
      await late.flush();
      await isWhole(late, shared);
      assertEquals(memory.contents(PATHS[0]!), one.fileContent[0]);
      await isWhole(owner, one);
    },
  );
}

for (const [existing, rest] of [["resume", 1], ["verify", 1], ["resume", 2]]) {
  Deno.test(
    `what was left out is not taken from its torrent at the next start: ${existing} ${rest}`,
    pure,
    async () => {
      const { memory, disk, shared, late, owner } = await setUpLate();
      writeAll(late, shared);
      await late.flush();
      const [left, owned] = [await late.resumeData(), await owner.resumeData()];
      await disk.close();
      if (rest === 1) memory.open(PATHS[1]!, { write: true }).truncate(9);
      const again = new DiskManager({ fileSystem: memory });
      await using _ = again;
      const second = await again.add(shared, {
        skippedFiles: new Set([0]),
        existing: existing as "resume" | "verify",
        resume: left,
      });
      // The border is where it was.
      await isWhole(second, shared);
      await second.recheck();
      await isWhole(second, shared);
      const first = await again.add(one, {
        existing: "resume",
        resume: owned,
      });
      writePiece(first, one, 1);
      await first.flush();
      await isWhole(first, one);
      await refused(() => second.setFileWanted(0, true));
    },
  );
}

Deno.test(
  "what was left out stays when the torrent's files are deleted",
  pure,
  async () => {
    const { memory, disk, shared, late, owner } = await setUpLate();
    await using _ = disk;
    await owner.close();
    await late.recheck();
    writeAll(late, shared);
    await late.remove({ deleteFiles: true });
    assertEquals(memory.list(), ["t/a", "t/b"]);
  },
);

Deno.test(
  "a file that is left out and not there is given back, renamed or not",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const disk = new DiskManager({ fileSystem: memory });
    await using _ = disk;
    const first = await disk.add(one);
    const early = await disk.add(two);
    writePiece(early, two, 0);
    assertEquals(early.error?.code, "taken");
    await early.remove({ deleteFiles: true });
    await first.setFileWanted(0, false);
    await first.renameFile(0, ["t", "z"]);
    await first.setFileWanted(1, false);
    const second = await disk.add(two);
    writeAll(second, two);
    await second.renameFile(0, ["t", "z"]);
    await refused(() => first.setFileWanted(0, true));
    await refused(() => first.setFileWanted(1, true));
    await isWhole(second, two);
    assertEquals(memory.list(), ["t/b", "t/z"]);
  },
);

Deno.test(
  "a check that is ended takes nothing of others for the torrent's",
  pure,
  async () => {
    const { disk, shared, late, owner } = await setUpLate();
    await using _ = disk;
    writeAll(late, shared);
    await late.flush();
    await owner.close();
    await assertRejects(() => late.recheck({ signal: AbortSignal.abort() }));
    await isWhole(late, shared);
  },
);

Deno.test(
  "what somebody made in place of a file left out is not written to, nor deleted",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const disk = new DiskManager({ fileSystem: memory });
    await using _ = disk;
    const skippedFiles = new Set([0]);
    const first = await disk.add(one, { skippedFiles });
    writeAll(first, one);
    await first.flush();
    const foreign = memory.open(PATHS[0]!, { write: true });
    foreign.write(new Uint8Array([1, 2, 3]), 0);
    const error = await assertRejects(
      () => first.setFileWanted(0, true),
      DiskError,
    );
    assertEquals(
      [error.code, error.message],
      ["foreign-file", 'Cannot overwrite "t/a": it is not part of the torrent'],
    );
    assertEquals(first.isFileWanted(0), false);
    await first.close();
    for (const existing of ["assume-empty", "verify"] as const) {
      const options = { existing, skippedFiles, readOnly: true };
      const again = await disk.add(one, options);
      await again.remove({ deleteFiles: true });
      assertEquals(memory.list(), ["t/a"]);
    }
  },
);

Deno.test(
  "of what is only read, a file left out is deleted if it is the torrent's",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const disk = new DiskManager({ fileSystem: memory });
    await using _ = disk;
    const first = await disk.add(one);
    writeAll(first, one);
    await first.close();
    const skippedFiles = new Set([0]);
    const again = await disk.add(one, { skippedFiles, readOnly: true });
    await again.remove({ deleteFiles: true });
    assertEquals(memory.list(), []);
  },
);

Deno.test(
  "what waits in the part file makes no other file the torrent's",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const disk = new DiskManager({ fileSystem: memory });
    await using _ = disk;
    const torrent = makeTorrent({
      pieceLength: PIECE,
      files: [3 * PIECE - 100, PIECE],
      paths: PATHS,
    });
    const skippedFiles = new Set([0]);
    const first = await disk.add(torrent, { skippedFiles });
    writePiece(first, torrent, 2);
    // As long as if the piece before the border were there.
    const foreign = new Uint8Array(2 * PIECE + 50).fill(7);
    memory.open(PATHS[0]!, { write: true }).write(foreign, 0);
    await first.recheck();
    assertEquals([...first.have], [2]);
    await first.move(["v"]);
    await first.move([]);
    await first.close();
    const error = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals([error.code, error.files], ["foreign-file", ["t/a"]]);
    const again = await disk.add(torrent, { skippedFiles });
    assertEquals([...again.have], [2]);
    await again.remove({ deleteFiles: true });
    assertEquals(memory.list(), ["t/a"]);
    assertEquals(memory.contents(PATHS[0]!), foreign);
  },
);
