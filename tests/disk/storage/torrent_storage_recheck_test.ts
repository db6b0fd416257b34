import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskManager } from "../../../disk/manager.ts";
import { DiskError } from "../../../disk/error.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import { open, writeAll, writePiece } from "../storage_bench.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({ pieceLength: 65536, files: [200_000, 100_000] });

/** Nothing ever lets it go on. */
function held() {
  const asked = Promise.withResolvers<void>();
  const hold = () => {
    asked.resolve();
    return new Promise<void>(() => {});
  };
  return { asked: asked.promise, hold };
}

Deno.test("recheck: what is held ends with its signal", pure, async () => {
  await using bench = await open(torrent);
  const { storage } = bench;
  writeAll(storage, torrent);
  const { asked, hold } = held();
  const controller = new AbortController();
  const { signal } = controller;
  const rechecked = storage.recheck({ hold, signal });
  await asked;
  controller.abort(new Error("Enough"));
  await assertRejects(() => rechecked, Error, "Enough");
  assertEquals([storage.state, storage.have.isFull], ["ready", true]);
});

Deno.test("recheck: closing ends one that is held", pure, async () => {
  await using bench = await open(torrent);
  const { storage } = bench;
  writeAll(storage, torrent);
  const { asked, hold } = held();
  const rechecked = storage.recheck({ hold });
  await asked;
  const [error] = await Promise.all([
    assertRejects(() => rechecked, DiskError),
    storage.close(),
  ]);
  assertEquals(error.code, "closed");
});

Deno.test(
  "recheck: blocks that come meanwhile are let go of where the piece is good",
  pure,
  async () => {
    await using bench = await open(torrent);
    const { disk, storage, events } = bench;
    for (let i = 1; i < torrent.content.length; i++) {
      writePiece(storage, torrent, i);
    }
    // Someone else puts the bytes of piece 0 into the file.
    const handle = bench.memory.open(torrent.paths[0]!, { write: true });
    handle.write(torrent.content[0]!, 0);
    let free: (() => void) | undefined;
    const hold = () =>
      free === undefined
        ? new Promise<void>((resolve) => free = resolve)
        : undefined;
    const rechecked = storage.recheck({ hold });
    while (free === undefined) await Promise.resolve();
    const block = torrent.content[0]!.subarray(0, 16384);
    assertEquals(storage.writeBlock(0, 0, block), "accepted");
    free();
    await rechecked;
    assert(storage.have.isFull);
    assertEquals(storage.partialPieces(), []);
    assertEquals(disk.bufferedBytes, 0);
    assertEquals(storage.writeBlock(0, 16384, block), "have");
    assertEquals(events.length, torrent.content.length - 1);
  },
);

Deno.test(
  "add: closing the manager ends a check that is held",
  pure,
  async () => {
    const fileSystem = new MemoryFileSystem();
    torrent.paths.forEach((path, i) => {
      fileSystem.open(path, { write: true }).write(torrent.fileContent[i]!, 0);
    });
    const disk = new DiskManager({ fileSystem, clock: new SimClock() });
    const { asked, hold } = held();
    const added = disk.add(torrent, { hold });
    await asked;
    let isAdded = false;
    const ended = assertRejects(() => added, DiskError)
      .finally(() => isAdded = true);
    await disk.close();
    assert(isAdded);
    assertEquals((await ended).code, "closed");
    assertEquals(disk.get(torrent.infoHash), undefined);
  },
);

Deno.test(
  "add: what can be believed waits for no check of another torrent",
  pure,
  async () => {
    const other = makeTorrent({ pieceLength: 65536, files: [70_000], id: 2 });
    const fileSystem = new MemoryFileSystem();
    await using disk = new DiskManager({ fileSystem });
    const storage = await disk.add(torrent);
    writeAll(storage, torrent);
    const resume = await storage.resumeData();
    await storage.close();
    const { asked, hold } = held();
    const checking = disk.add(other, { hold }).catch(() => {});
    await asked;
    const again = await disk.add(torrent, { existing: "resume", resume });
    assert(again.have.isFull);
    await disk.close();
    await checking;
  },
);

Deno.test("sync: a file that is gone is not made anew", pure, async () => {
  // No handle of it is open any more.
  await using bench = await open(torrent, { disk: { maxHandles: 1 } });
  const { memory, storage } = bench;
  writeAll(storage, torrent);
  memory.remove(torrent.paths[0]!);
  await storage.sync();
  assertEquals(memory.list(), ["torrent/f1"]);
});
