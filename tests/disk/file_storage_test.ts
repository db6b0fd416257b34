import { assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { FileStorage } from "../../disk/file_storage.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({ pieceLength: 16, files: [25, 40] });

Deno.test(
  "FileStorage doubts the pieces that files are long enough for",
  pure,
  async () => {
    for (
      const [sizes, doubtful] of [
        [[25, 40], [0, 1, 2, 3, 4]],
        [[24, 40], [0, 2, 3, 4]],
        [[25, 39], [0, 1, 2, 3]],
        [[25, 7], [0, 1]],
        [[16, undefined], [0]],
        [[undefined, 40], [2, 3, 4]],
        [[undefined, undefined], []],
      ] as const
    ) {
      const memory = new MemoryFileSystem();
      sizes.forEach((size, i) => {
        if (size === undefined) return;
        memory.open(torrent.paths[i]!, { write: true }).truncate(size);
      });
      await using storage = new FileStorage(memory);
      const found = await storage.open(torrent).find();
      assertEquals(found, { good: [], doubtful: [...doubtful] }, `${sizes}`);
    }
  },
);

Deno.test("FileStorage says which file it could not remove", pure, async () => {
  const memory = new MemoryFileSystem();
  for (const path of torrent.paths) memory.open(path, { write: true });
  const error = new DiskError("io", "It is in use", {
    operation: "remove",
  });
  let fails = true;
  const files = interceptFileSystem(
    memory,
    injectFaults(({ operation }) =>
      fails && operation === "remove" ? { error } : undefined
    ),
  );
  await using storage = new FileStorage(files);
  const store = storage.open(torrent);
  await store.find();
  await assertRejects(async () => await store.remove(), DiskError, "in use");
  fails = false;
  await store.remove();
  assertEquals(torrent.paths.map((path) => memory.stat(path)), [
    undefined,
    undefined,
  ]);
});
