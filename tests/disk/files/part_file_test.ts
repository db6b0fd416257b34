import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";

import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";

import { PartFile, partFileName } from "../../../disk/files/part_file.ts";

import { assertFiles, open, writePiece } from "../storage_bench.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 65536,
  files: [100_000, 0, 150_000, 30],
});
const partName = partFileName(torrent.infoHash);

Deno.test(
  "deselected files are never made; borders wait in the part file",
  pure,
  async () => {
    for (const slow of [false, true]) {
      const memory = new MemoryFileSystem();
      const skippedFiles = new Set([0, 1, 3]);
      let resume: Uint8Array;
      {
        await using bench = await open(torrent, {
          memory,
          slow,
          add: { skippedFiles },
        });
        const { storage } = bench;
        assertEquals(storage.isFileWanted(0), false);
        // Pieces 1 to 3 hold file 2; 1 also ends file 0, 3 also holds file 3.
        for (const i of [1, 2, 3]) writePiece(storage, torrent, i);
        await storage.flush();
        assertEquals([...storage.have], [1, 2, 3]);
        assertEquals(memory.list(), [partName, "torrent/f2"]);
        assertEquals(
          memory.contents(["torrent", "f2"]),
          torrent.fileContent[2]!,
        );
        assertEquals(await storage.readBlock(1, 0, 65536), torrent.content[1]!);
        resume = await storage.resumeData();
      }
      for (const existing of ["verify", "resume"] as const) {
        await using bench = await open(torrent, {
          memory,
          slow,
          add: { skippedFiles, existing, resume },
        });
        const { storage } = bench;
        assertEquals([...storage.have], [1, 2, 3]);
        assertEquals(
          await storage.readBlock(3, 0, 10),
          torrent.content[3]!.subarray(0, 10),
        );
      }
      await using bench = await open(torrent, {
        memory,
        slow,
        add: { skippedFiles, existing: "verify" },
      });
      const { storage } = bench;
      await storage.setFileWanted(3, true);
      assertEquals(
        [0, 1, 2, 3].map((i) => storage.isFileWanted(i)),
        [false, false, true, true],
      );
      assertEquals(memory.contents(["torrent", "f3"]), torrent.fileContent[3]!);
      assert(memory.list().includes(partName));
      const selecting = storage.setFileWanted(0, true);
      writePiece(storage, torrent, 0);
      await selecting;
      await storage.setFileWanted(1, true);
      await storage.flush();
      assert(storage.have.isFull);
      assertFiles(memory, torrent);
      assertEquals(memory.list().includes(partName), false);
      await storage.setFileWanted(0, false);
      assertEquals(await storage.readBlock(0, 0, 65536), torrent.content[0]!);
      await assertRejects(() => storage.setFileWanted(4, true), DiskError);
    }
  },
);

Deno.test("a damaged part file is no harm", pure, async () => {
  const skippedFiles = new Set([0]);
  for (const damage of [0, 7, 30, 39, 43, 47, 50]) {
    const memory = new MemoryFileSystem();
    {
      await using bench = await open(torrent, {
        memory,
        add: { skippedFiles },
      });
      for (const i of [1, 2, 3]) writePiece(bench.storage, torrent, i);
    }
    const handle = memory.open([partName], { write: true });
    handle.write(new Uint8Array([255]), damage);
    handle.close();
    await using bench = await open(torrent, {
      memory,
      add: { skippedFiles, existing: "verify" },
    });
    const { storage } = bench;
    assert(storage.have.has(2) && storage.have.has(3));
    writePiece(storage, torrent, 1);
    assert(storage.have.has(1));
    assertEquals(await storage.readBlock(1, 0, 65536), torrent.content[1]!);
  }
});

Deno.test("PartFile: slots are given back, and used again", pure, async () => {
  const memory = new MemoryFileSystem();
  const make = async () => {
    const part = new PartFile(memory, ["folder"], torrent);
    await part.load();
    return part;
  };
  const fileSize = () => memory.stat(["folder", partName])!.size;
  const first = await make();
  for (const i of [2, 0, 3]) {
    await first.write(i, 10, new Uint8Array([i, i, i]));
  }
  const size = fileSize();
  await first.release(0);
  await first.release(1);
  assertEquals(first.pieces, [2, 3]);

  // Another run finds what is left, in its place.
  const second = await make();
  assertEquals(second.pieces, [2, 3]);
  const into = new Uint8Array(3);
  for (const i of [2, 3]) {
    assertEquals(await second.read(i, 10, into), into.length);
    assertEquals(into, new Uint8Array([i, i, i]));
  }
  assertEquals(await second.read(0, 10, into), 0);

  // The slot in the middle is free; after it the file grows.
  await second.write(1, 10, new Uint8Array([1, 1, 1]));
  assertEquals(fileSize(), size);
  await second.write(0, 10, new Uint8Array([9, 9, 9]));
  assertEquals(fileSize(), size + 65536);
  const third = await make();
  assertEquals(third.pieces, [0, 1, 2, 3]);
  for (const [i, value] of [[0, 9], [1, 1], [2, 2], [3, 3]] as const) {
    assertEquals(await third.read(i, 10, into), into.length);
    assertEquals(into, new Uint8Array([value, value, value]));
  }

  for (const i of [0, 1, 2]) await third.release(i);
  assertEquals(memory.list(), [`folder/${partName}`]);
  await third.release(3);
  assertEquals(memory.list(), []);
});

Deno.test(
  "PartFile: one that a crash left without a table is ours",
  pure,
  async () => {
    for (const size of [0, 10, 200_000]) {
      const memory = new MemoryFileSystem();
      memory.open([partName], { write: true }).truncate(size);
      const part = new PartFile(memory, [], torrent);
      await part.load();
      assert(part.isEmpty);
      await part.write(1, 0, new Uint8Array(1));
      const loaded = new PartFile(memory, [], torrent);
      await loaded.load();
      assertEquals(loaded.pieces, [1]);
      await loaded.release(1);
      memory.open([partName], { write: true }).truncate(size);
      await loaded.load();
      await loaded.removeEmpty();
      assertEquals(memory.list(), []);
    }
  },
);

Deno.test(
  "PartFile: one that makes no sense is empty, and stays",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const part = new PartFile(memory, [], torrent);
    await part.write(0, 0, new Uint8Array(1));
    await part.write(1, 0, new Uint8Array(1));
    const table = 40;
    const bend = (at: number, value: number) => {
      const file = memory.open([partName], { write: true });
      file.write(new Uint8Array([value]), at);
      file.close();
    };
    // Slot numbers are from 1 to the number of pieces, each once.
    for (const [value, pieces] of [[2, []], [4, [0, 1]], [5, []]] as const) {
      bend(table + 3, value);
      const loaded = new PartFile(memory, [], torrent);
      await loaded.load();
      assertEquals(loaded.pieces, [...pieces]);
    }
    bend(8, 99);
    const other = new PartFile(memory, [], torrent);
    await other.load();
    assert(other.isEmpty);
    await other.removeEmpty();
    assertEquals(memory.list(), [partName]);
  },
);

Deno.test("PartFile: slots are behind the table", pure, async () => {
  const many = makeTorrent({ pieceLength: 16384, files: [1100 * 16384] });
  const memory = new MemoryFileSystem();
  const part = new PartFile(memory, [], many);
  await part.write(1099, 0, new Uint8Array(16384).fill(7));
  const [name] = memory.list();
  assertEquals(memory.stat([name!])!.size, 8192 + 16384);
  const loaded = new PartFile(memory, [], many);
  await loaded.load();
  assertEquals(loaded.pieces, [1099]);
  const into = new Uint8Array(16384);
  assertEquals(await loaded.read(1099, 0, into), into.length);
  assert(into.every((byte) => byte === 7));
});

Deno.test(
  "PartFile: slots are moved only where it is packed, and nobody reads",
  pure,
  async () => {
    for (
      const [isPacked, isBusy] of [
        [false, false],
        [true, true],
        [true, false],
      ] as const
    ) {
      const memory = new MemoryFileSystem();
      let wait: Promise<void> | undefined;
      const fileSystem = interceptFileSystem(
        memory,
        injectFaults(({ operation }) =>
          operation === "read" && wait !== undefined
            ? { after: wait }
            : undefined
        ),
      );
      const part = new PartFile(fileSystem, [], torrent, isPacked);
      const bytes = (i: number) => torrent.content[i]!.subarray(0, 100);
      for (const i of [0, 1, 2]) await part.write(i, 0, bytes(i));
      const file = memory.contents([partName])!;
      const start = file.length - 100 - 2 * 65536;
      const slot = (i: number) => {
        const all = memory.contents([partName])!;
        return all.slice(start + i * 65536, start + i * 65536 + 100);
      };
      assertEquals([0, 1, 2].map(slot), [0, 1, 2].map(bytes));
      let go = () => {};
      if (isBusy) wait = new Promise((resolve) => go = resolve);
      const into = new Uint8Array(100);
      const reading = part.read(2, 0, into);
      wait = undefined;
      await part.release(0);
      go();
      await reading;
      assertEquals(into, bytes(2));
      const isMoved = isPacked && !isBusy;
      assertEquals(slot(0), isMoved ? bytes(2) : bytes(0));
      assertEquals(slot(1), bytes(1));
      assertEquals(
        memory.stat([partName])!.size,
        isMoved ? start + 2 * 65536 : file.length,
      );
      for (const i of [1, 2]) {
        assertEquals(await part.read(i, 0, into), 100);
        assertEquals(into, bytes(i));
      }
    }
  },
);
