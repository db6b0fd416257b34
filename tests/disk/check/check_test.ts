import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../../disk/error.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import type { TorrentStorageEvent } from "../../../disk/storage.ts";
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
