/** Files of several torrents in one folder: what one does to those of others. */
import { assertEquals } from "@std/assert";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import { isWhole, one, PATHS, PIECE, refused, two } from "./rivals.ts";
import { writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;

function setUp() {
  const memory = new MemoryFileSystem();
  const disk = new DiskManager({ fileSystem: memory });
  return { memory, disk };
}

Deno.test(
  "what another torrent leaves behind is not written over, moved or deleted",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    const first = await disk.add(one);
    const second = await disk.add(two);
    const third = await disk.add({ ...two, infoHash: new Uint8Array(20) }, {
      allocation: "compact",
    });
    writeAll(first, one);
    await first.close();
    writeAll(second, two);
    assertEquals(second.error?.code, "taken");
    await second.resume();
    assertEquals(second.error?.code, "taken");
    await refused(() => second.move(["v"]));
    writePiece(third, two, 1);
    await third.resume();
    await second.remove({ deleteFiles: true });
    await third.remove({ deleteFiles: true });
    assertEquals(memory.list(), ["t/a", "t/b"]);
    assertEquals(memory.contents(PATHS[0]!), one.fileContent[0]);
  },
);

Deno.test("once it is gone, who waited may move, too", pure, async () => {
  const { memory, disk } = setUp();
  await using _ = disk;
  const first = await disk.add(one);
  const second = await disk.add(two);
  writePiece(first, one, 0);
  await first.remove({ deleteFiles: true });
  await second.move(["v"]);
  writeAll(second, two);
  await isWhole(second, two);
  assertEquals(memory.list(), ["v/t/a", "v/t/b"]);
});

Deno.test(
  "what is whole is not shared with one that will write something else there",
  pure,
  async () => {
    const { memory, disk } = setUp();
    await using _ = disk;
    two.paths.forEach((path, i) =>
      memory.open(path, { write: true }).write(two.fileContent[i]!, 0)
    );
    const first = await disk.add(one, { overwrite: true });
    await refused(() => disk.add(two));
    writePiece(first, one, 0);
    await refused(() => disk.add(two));
    const alike = { ...one, infoHash: new Uint8Array(20) };
    await refused(() => disk.add(alike));
    await disk.add(alike, { skippedFiles: new Set([1]) });
  },
);

Deno.test(
  "who takes space for files takes none away that another made meanwhile",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    let meanwhile = () => {};
    const fileSystem = interceptFileSystem(
      memory,
      injectFaults(({ operation, path }) => {
        if (operation === "write" && path[0] === "u") meanwhile();
        return undefined;
      }),
    );
    await using disk = new DiskManager({ fileSystem });
    const first = await disk.add(one);
    meanwhile = () => writePiece(first, one, 1);
    const paths = [["u"], PATHS[1]!];
    await refused(() => disk.add({ ...two, paths }, { allocation: "full" }));
    assertEquals(memory.list(), ["t/b"]);
    assertEquals(memory.contents(PATHS[1]!), one.fileContent[1]);
  },
);

Deno.test("an empty file is shared", pure, async () => {
  const { memory, disk } = setUp();
  await using _ = disk;
  const [first, second] = [1, 2].map((id) =>
    makeTorrent({
      pieceLength: PIECE,
      files: [0, PIECE],
      paths: [["t", "empty"], ["t", `${id}`]],
      id,
    })
  ) as [TestTorrent, TestTorrent];
  const storages = [await disk.add(first), await disk.add(second)];
  for (const storage of storages) writeAll(storage, first);
  for (const storage of storages) await storage.remove({ deleteFiles: true });
  assertEquals(memory.list(), []);
});

Deno.test("where names fold, two torrents have one of them", pure, async () => {
  const { memory } = setUp();
  const fileSystem = Object.assign(memory, { foldsNames: true });
  await using disk = new DiskManager({ fileSystem });
  await disk.add(one);
  const upper = [["T", "A"], ["T", "C"]];
  const second = await disk.add({ ...two, paths: upper });
  writePiece(second, two, 0);
  assertEquals(second.error?.code, "taken");
  await second.remove({ deleteFiles: true });
  await disk.add(two, { skippedFiles: new Set([0, 1]) });
});
