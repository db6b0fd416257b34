import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../../_shared/bytes.ts";
import { budgetParts, DiskBudget } from "../../../disk/budget.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import type { TorrentStorageEvent } from "../../../disk/storage.ts";
import { nextTurn } from "../../../metainfo/node.ts";
import { writeDigest } from "../../../metainfo/piece_digest.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { TempDir } from "../../support/paths.ts";
import { SimClock } from "../../support/sim_clock.ts";

const PIECE = 8 * 1024 * 1024;
const COUNT = 12;
/** So many make a window. */
const WINDOW = 8;

/** Every piece has the same bytes. */
const bytes = new Uint8Array(PIECE);
for (let i = 0; i < PIECE; i += 1024) bytes[i] = i / 1024;
const pieces = new Uint8Array(20 * COUNT);
for (let i = 0; i < COUNT; i++) writeDigest("sha1", bytes, pieces, 20 * i);
const torrent = {
  infoHash: new Uint8Array(20),
  layout: new PieceLayout({
    pieceLength: PIECE,
    files: [{ length: COUNT * PIECE }],
  }),
  paths: [["file"]],
  pieces,
};

/** A storage to which a window of pieces came in no time. */
async function afterWindow(fileSystem: NativeFileSystem | MemoryFileSystem) {
  const budget = new DiskBudget({ clock: new SimClock() });
  const { helper } = budgetParts(budget);
  const disk = new DiskManager({ fileSystem, budget });
  const events: TorrentStorageEvent[] = [];
  const onEvent = (event: TorrentStorageEvent) => void events.push(event);
  const storage = await disk.add(torrent, { onEvent });
  for (let i = 0; i < WINDOW; i++) storage.writeBlock(i, 0, bytes);
  assertEquals(storage.have.count, WINDOW);
  return { disk, storage, helper, events };
}

Deno.test({
  name: "pieces of files that come fast are hashed by another thread",
  ignore: navigator.hardwareConcurrency < 2,
  async fn() {
    await using folder = new TempDir();
    const { disk, storage, helper, events } = await afterWindow(
      new NativeFileSystem(folder.path),
    );
    while (!helper.isFree) await nextTurn();
    const wrong = bytes.slice();
    wrong[PIECE - 1] = 1;
    storage.writeBlock(WINDOW, 0, bytes);
    assertEquals([storage.have.has(WINDOW), helper.isFree], [false, false]);
    // Now it has enough to do.
    storage.writeBlock(WINDOW + 1, 0, bytes);
    assert(storage.have.has(WINDOW + 1));
    await storage.flush();
    assert(storage.have.has(WINDOW));
    storage.writeBlock(WINDOW + 2, 0, bytes.subarray(0, PIECE / 2));
    storage.writeBlock(WINDOW + 2, PIECE / 2, wrong.subarray(PIECE / 2));
    await storage.flush();
    const last = events.at(-1);
    assertEquals([last?.type, storage.have.has(WINDOW + 2)], [
      "piece-bad",
      false,
    ]);
    storage.writeBlock(WINDOW + 2, 0, bytes);
    await disk.close();
    assert(storage.have.has(WINDOW + 2));
    assert(!helper.isFree);
    const written = await Deno.readFile(folder.join("file"));
    for (let i = 0; i < WINDOW + 3; i++) {
      assert(
        equalBytes(written.subarray(i * PIECE, (i + 1) * PIECE), bytes),
        `piece ${i}`,
      );
    }
  },
});

Deno.test("what is in memory is hashed here, at once", async () => {
  const { disk, storage, helper } = await afterWindow(new MemoryFileSystem());
  await nextTurn();
  storage.writeBlock(WINDOW, 0, bytes);
  assert(storage.have.has(WINDOW));
  assert(!helper.isFree);
  await disk.close();
});
