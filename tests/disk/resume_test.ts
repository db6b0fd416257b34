import { assert, assertEquals, assertRejects } from "@std/assert";

import { Bitfield } from "../../_shared/bitfield.ts";
import type { FileSystem } from "../../disk/file_system.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";

import { loadResumeData, saveResumeData } from "../../disk/resume.ts";
import {
  decodeResumeData,
  encodeResumeData,
} from "../../disk/resume/resume_data.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import {
  assertFiles,
  open,
  resumeAfter,
  writeAll,
  writePiece,
} from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 65536,
  files: [100_000, 0, 150_000, 30],
});

Deno.test(
  "resume data: everything is believed while files are as they were",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const resume = await resumeAfter(torrent, memory, (storage) => {
      writePiece(storage, torrent, 0);
      writePiece(storage, torrent, 2);
      const piece = torrent.content[1]!;
      storage.writeBlock(1, 16384, piece.subarray(16384, 32768));
      storage.writeBlock(1, 40_000, piece.subarray(40_000, 60_000));
    });
    let reads = 0;
    const counting = interceptFileSystem(
      memory,
      injectFaults((call) => {
        if (call.operation === "read") reads++;
        return undefined;
      }),
    );
    await using disk = new DiskManager({ fileSystem: counting });
    const storage = await disk.add(torrent, { existing: "resume", resume });
    assertEquals(reads, 0);
    assertEquals([...storage.have], [0, 2]);
    assertEquals(storage.partialPieces(), [1]);
    // Of the second run no block was whole.
    assertEquals([...storage.blocksOf(1)!], [1]);
    writeAll(storage, torrent);
    assert(storage.have.isFull);
    assertFiles(memory, torrent);
  },
);

Deno.test(
  "resume data: pieces may be begun in any order, of files not there yet",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const resume = await resumeAfter(torrent, memory, (storage) => {
      for (const i of [3, 0, 2]) {
        storage.writeBlock(i, 0, torrent.content[i]!.subarray(0, 16384));
      }
    });
    await using disk = new DiskManager({ fileSystem: memory });
    const storage = await disk.add(torrent, { existing: "resume", resume });
    assertEquals(storage.partialPieces().sort(), [0, 2, 3]);
  },
);

Deno.test(
  "resume data: a changed file is checked, others are not",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const resume = await resumeAfter(torrent, memory);
    const handle = memory.open(["torrent", "f2"], { write: true });
    handle.write(new Uint8Array(10), 100_000);
    handle.close();
    await using bench = await open(torrent, {
      memory,
      add: { existing: "resume", resume },
    });
    assertEquals([...bench.storage.have], [0, 1, 2]);
  },
);

Deno.test(
  "resume data: lies and garbage lead to a full check",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const resume = await resumeAfter(torrent, memory);
    memory.remove(["torrent", "f0"]);
    for (
      const bytes of [
        resume,
        resume.subarray(0, 50),
        new Uint8Array(0),
        new Uint8Array(1000).fill(255),
        undefined,
      ]
    ) {
      await using bench = await open(torrent, {
        memory,
        add: { existing: "resume", resume: bytes },
      });
      assertEquals([...bench.storage.have], [2, 3]);
    }
  },
);

Deno.test(
  "resume data: a piece whose blocks are all there is hashed at once",
  pure,
  async () => {
    for (const slow of [false, true]) {
      const memory = new MemoryFileSystem();
      const { infoHash, layout } = torrent;
      const saved = await resumeAfter(torrent, memory);
      const data = decodeResumeData(saved, infoHash, layout);
      // Stopped between the last block and the verdict, twice.
      const have = data.have.clone();
      have.clear(1);
      have.clear(2);
      const blocks = Bitfield.full(4);
      const partials = [1, 2].map((pieceIndex) => ({ pieceIndex, blocks }));
      // One of the two is not what it should be, which no time stamp tells.
      const handle = memory.open(["torrent", "f2"], { write: true });
      handle.write(Uint8Array.of(1, 2, 3), 2 * 65536 - 100_000);
      handle.close();
      const { modifiedMs } = memory.stat(["torrent", "f2"])!;
      const files = data.files.map((file, i) =>
        i === 2 ? { size: file!.size, modifiedMs } : file
      );
      const resume = encodeResumeData(
        { ...data, have, partials, files },
        layout,
      );
      await using bench = await open(torrent, {
        memory,
        slow,
        add: { existing: "resume", resume },
      });
      const { storage, events } = bench;
      await storage.flush();
      assertEquals([...storage.have], [0, 1, 3]);
      assertEquals(
        events.map((event) => "pieceIndex" in event && event.pieceIndex).sort(),
        [1, 2],
      );
      assertEquals(storage.partialPieces(), []);
      writePiece(storage, torrent, 2);
      await storage.flush();
      assertFiles(memory, torrent);
    }
  },
);

Deno.test("saving leaves the old or the new bytes", pure, async () => {
  const memory = new MemoryFileSystem();
  const path = ["state", "x.resume"];
  const old = new Uint8Array([1, 2, 3]);
  await saveResumeData(memory, path, old);
  assertEquals(await loadResumeData(memory, path), old);
  for (let n = 0; n < 6; n++) {
    const broken = interceptFileSystem(
      memory,
      injectFaults((_, i) => i === n ? { error: new Error("EIO") } : undefined),
    );
    await assertRejects(
      () => saveResumeData(broken, path, new Uint8Array(9)),
      Error,
      "EIO",
      `call ${n}`,
    );
    assertEquals(await loadResumeData(memory, path), old, `call ${n}`);
  }
  await saveResumeData(memory, path, new Uint8Array([9]));
  assertEquals(await loadResumeData(memory, path), new Uint8Array([9]));
  assertEquals(memory.list(), ["state/x.resume"]);
  assertEquals(await loadResumeData(memory, ["no"]), undefined);
  const large = new Uint8Array(1_000_000).fill(5);
  await saveResumeData(memory, path, large);
  assertEquals(await loadResumeData(memory, path), large);
});

Deno.test("loadResumeData() reads up to 64 MiB", pure, async () => {
  let size: number | undefined;
  let asked = -1;
  const fileSystem = {
    stat: () => size === undefined ? undefined : { size, modifiedMs: 0 },
    open: () => ({
      read: (into: Uint8Array) => (asked = into.length, 3),
      close() {},
    }),
  } as unknown as FileSystem;
  const most = 64 * 1024 * 1024;
  assertEquals(await loadResumeData(fileSystem, ["r"]), undefined);
  size = most + 1;
  assertEquals(await loadResumeData(fileSystem, ["r"]), undefined);
  assertEquals(asked, -1);
  size = most;
  assertEquals((await loadResumeData(fileSystem, ["r"]))?.length, 3);
  assertEquals(asked, most);
});
