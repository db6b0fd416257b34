/** Files of others that come to a torrent's places while it is open. */
import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import type { FileAllocation } from "../../disk/storage.ts";
import { open, writeAll } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({ pieceLength: 32768, files: [50_000, 60_000] });
const LATE = torrent.paths[1]!;
const theirs = Uint8Array.of(1, 2, 3);

/** Opens it where nothing is; then others make one of its files. */
async function openAndLate(allocation: FileAllocation = "sparse") {
  const memory = new MemoryFileSystem();
  const bench = await open(torrent, {
    memory,
    add: { existing: "verify", allocation },
  });
  memory.open(LATE, { write: true }).write(theirs, 0);
  return { memory, bench, storage: bench.storage };
}

Deno.test(
  "what came late is not written over; a person decides",
  pure,
  async () => {
    for (const allocation of ["sparse", "compact"] as const) {
      const { memory, bench, storage } = await openAndLate(allocation);
      await using _bench = bench;
      writeAll(storage, torrent);
      await storage.flush().catch(() => {});
      assertEquals(storage.error?.code, "foreign-file", allocation);
      assertEquals(memory.contents(LATE), theirs);
      for (const act of [() => storage.recheck(), () => storage.confirm()]) {
        await act().catch(() => {});
        await storage.resume();
        writeAll(storage, torrent);
        await storage.flush().catch(() => {});
        assertEquals(memory.contents(LATE), theirs);
      }
      memory.remove(LATE);
      await storage.resume();
      writeAll(storage, torrent);
      await storage.confirm();
      assertEquals(storage.have.isFull, true);
      assertEquals(memory.contents(LATE), torrent.fileContent[1]);
    }
  },
);

Deno.test("what came late is not moved, renamed or deleted", pure, async () => {
  const { memory, bench, storage } = await openAndLate();
  await using _bench = bench;
  await storage.move([]);
  await storage.move(["else"]);
  assertEquals(memory.list(), [LATE.join("/")]);
  // Nor is it taken for the torrent's where that goes back.
  const error = await assertRejects(() => storage.move([]), DiskError);
  assertEquals(error.code, "exists");
  const late = ["else", ...LATE];
  memory.open(late, { write: true }).write(theirs, 0);
  await storage.renameFile(1, ["torrent", "other"]);
  await storage.renameFile(1, ["torrent", "third"]);
  await storage.setFileWanted(1, false);
  await storage.remove({ deleteFiles: true });
  const both = [late.join("/"), LATE.join("/")];
  assertEquals(memory.list(), both);
});

Deno.test(
  "what came late is the torrent's if a check finds it so",
  pure,
  async () => {
    const { memory, bench, storage } = await openAndLate();
    await using _bench = bench;
    memory.open(LATE, { write: true }).write(torrent.fileContent[1]!, 0);
    await storage.recheck();
    assertEquals(storage.have.count > 0, true);
    await storage.remove({ deleteFiles: true });
    assertEquals(memory.list(), []);
  },
);
