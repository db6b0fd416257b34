import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import type { TorrentStorageEvent } from "../../../disk/storage.ts";
import { TempDir } from "../../support/paths.ts";
import { makeTorrent } from "../support.ts";

/** One whose files the threads of a check cannot read. */
class UnreadableFileSystem extends MemoryFileSystem {
  localPath(): string {
    // A folder.
    return import.meta.dirname!;
  }
}

Deno.test("a large file that other threads cannot read", {
  permissions: "none",
}, async () => {
  const torrent = makeTorrent({
    pieceLength: 2 ** 24,
    files: [2 ** 24, 2 ** 24],
  });
  const fileSystem = new UnreadableFileSystem();
  for (const [i, path] of torrent.paths.entries()) {
    const file = fileSystem.open(path, { write: true });
    file.write(torrent.fileContent[i]!, 0);
    file.close();
  }
  const disk = new DiskManager({ fileSystem });
  const error = await assertRejects(
    () => disk.add(torrent, { existing: "verify" }),
    DiskError,
  );
  assertEquals([error.code, error.path], ["io", import.meta.dirname!]);
  assert(error.cause instanceof Error);
  // Where nothing is written it is read in this thread, which finds out.
  const events: TorrentStorageEvent[] = [];
  const storage = await disk.add(torrent, {
    existing: "verify",
    readOnly: true,
    onEvent: (event) => events.push(event),
  });
  assert(storage.have.isFull);
  assertEquals(events, []);
  await disk.close();
});

for (const pieceCount of [3, 300]) {
  Deno.test(`${pieceCount} pieces on disk, one of them bad`, async () => {
    const length = pieceCount * 1024;
    const torrent = makeTorrent({ pieceLength: 1024, files: [length] });
    await using folder = new TempDir();
    const fileSystem = new NativeFileSystem(folder.path);
    const file = fileSystem.open(torrent.paths[0]!, { write: true });
    file.write(torrent.fileContent[0]!, 0);
    file.write(new Uint8Array(1), 1024);
    file.close();
    await using disk = new DiskManager({ fileSystem });
    const storage = await disk.add(torrent, { existing: "verify" });
    assertEquals(storage.have.count, pieceCount - 1);
    assertEquals(storage.have.has(1), false);
  });
}
