import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";

import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";

import { partFileName } from "../../../disk/files/part_file.ts";

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
