import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskError } from "../../disk/error.ts";
import { partFileName } from "../../disk/files/part_file.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import type { DiskAddOptions } from "../../disk/storage.ts";
import { assertFiles, open, writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 32768,
  files: [100_000, 0, 10, 200_000, 7],
});
const partName = partFileName(torrent.infoHash);
const ADD = { incompleteSuffix: ".part", existing: "verify" } as const;

function names(memory: MemoryFileSystem): string[] {
  return memory.list().map((name) => name.replace("torrent/", ""));
}

Deno.test(
  "a file has its name from the moment it is complete",
  pure,
  async () => {
    for (const slow of [false, true]) {
      for (const allocation of ["sparse", "full", "compact"] as const) {
        await using bench = await open(torrent, {
          slow,
          add: { ...ADD, allocation },
        });
        const { memory, storage } = bench;
        for (let i = 3; i >= 0; i--) {
          writePiece(storage, torrent, i);
          await storage.flush();
          if (allocation === "full") assert(names(memory).includes("f4.part"));
          // It is served under either name.
          assertEquals(
            await storage.readBlock(i, 0, 99),
            torrent.content[i]!.subarray(0, 99),
          );
        }
        await storage.setFileWanted(4, true);
        assert(names(memory).includes("f0"), `${allocation}: ${names(memory)}`);
        assert(names(memory).includes("f3.part"));
        assertEquals(storage.paths, torrent.paths);
        writeAll(storage, torrent);
        await storage.confirm();
        assertFiles(memory, torrent);
        assertEquals(names(memory), ["f0", "f1", "f2", "f3", "f4"]);
        await storage.confirm();
      }
    }
  },
);

Deno.test(
  "both names are found again, by a check and by resume data",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const put = (pieces: readonly number[], add: DiskAddOptions = {}) =>
      (async () => {
        await using bench = await open(torrent, {
          memory,
          add: { ...ADD, ...add },
        });
        for (const i of pieces) writePiece(bench.storage, torrent, i);
        await bench.storage.flush();
        return await bench.storage.resumeData();
      })();
    let resume = await put([0, 1, 2, 3]);
    assertEquals(names(memory), ["f0", "f1", "f2", "f3.part"]);
    for (const existing of ["verify", "resume"] as const) {
      await using bench = await open(torrent, {
        memory,
        add: { ...ADD, existing, resume },
      });
      assertEquals([...bench.storage.have], [0, 1, 2, 3]);
    }
    // One that was complete before the suffix was wanted keeps its name.
    resume = await put([4, 5, 6, 7, 8, 9], { resume, existing: "resume" });
    assertEquals(names(memory), ["f0", "f1", "f2", "f3", "f4"]);
    // One that is found complete gets it at once.
    memory.rename(["torrent", "f3"], ["torrent", "f3.part"]);
    await put([], { resume, existing: "resume" });
    assertEquals(names(memory), ["f0", "f1", "f2", "f3", "f4"]);
    assertFiles(memory, torrent);
  },
);

Deno.test(
  "a file that was left out has its name once it is wanted, if all of it is there",
  pure,
  async () => {
    const add = { ...ADD, skippedFiles: new Set([2]) };
    await using bench = await open(torrent, { add });
    const { memory, storage } = bench;
    writeAll(storage, torrent);
    await storage.flush();
    memory.open(["torrent", "f2"], { write: true });
    const failed = await assertRejects(
      () => storage.setFileWanted(2, true),
      DiskError,
    );
    assertEquals([failed.code, storage.isFileWanted(2)], ["exists", false]);
    memory.remove(["torrent", "f2"]);
    await storage.setFileWanted(2, true);
    assertEquals(names(memory), ["f0", "f1", "f2", "f3", "f4"]);
    assertFiles(memory, torrent);
  },
);

Deno.test("what has a file's name is never written over", pure, async () => {
  const memory = new MemoryFileSystem();
  const path = ["torrent", "f3"];
  const theirs = new Uint8Array(200_000).fill(9);
  {
    // It comes before there is anything of the file, and is seen by a check.
    await using bench = await open(torrent, { memory, add: ADD });
    const { storage } = bench;
    memory.open(path, { write: true }).write(theirs, 0);
    await storage.recheck();
    writePiece(storage, torrent, 4);
    assertEquals(memory.contents(path), theirs);
    await storage.remove({ deleteFiles: true });
    assertEquals(names(memory), ["f3"]);
    memory.remove(path);
  }
  {
    // It comes while the file is incomplete.
    await using bench = await open(torrent, { memory, add: ADD });
    const { storage } = bench;
    writePiece(storage, torrent, 4);
    memory.open(path, { write: true }).write(theirs, 0);
    writeAll(storage, torrent);
    const failed = await assertRejects(() => storage.confirm(), DiskError);
    assertEquals(failed.code, "exists");
    assertEquals(memory.contents(path), theirs);
    assertEquals(
      memory.contents(["torrent", "f3.part"]),
      torrent.fileContent[3]!,
    );
    assertEquals(
      await storage.readBlock(5, 0, 10),
      torrent.content[5]!.subarray(0, 10),
    );
  }
  // It is there at the start, as long as it should be: all the same.
  memory.remove(["torrent", "f3.part"]);
  const failed = await assertRejects(
    () => open(torrent, { memory, add: ADD }),
    DiskError,
  );
  assertEquals(failed.code, "foreign-file");
  assertEquals(memory.contents(path), theirs);
  // Resume data of another time does not change that.
  memory.remove(path);
  const resume = await (async () => {
    await using bench = await open(torrent, { memory, add: ADD });
    writePiece(bench.storage, torrent, 0);
    return await bench.storage.resumeData();
  })();
  memory.open(path, { write: true }).write(theirs, 0);
  await assertRejects(
    () =>
      open(torrent, { memory, add: { ...ADD, existing: "resume", resume } }),
    DiskError,
    "f3",
  );
  assertEquals(memory.contents(path), theirs);
  await using bench = await open(torrent, {
    memory,
    add: { ...ADD, overwrite: true },
  });
  writeAll(bench.storage, torrent);
  await bench.storage.confirm();
  assertFiles(memory, torrent);
});

Deno.test("moves, renames and removal know both names", pure, async () => {
  const memory = new MemoryFileSystem();
  await using bench = await open(torrent, {
    memory,
    add: { ...ADD, skippedFiles: new Set([4]) },
  });
  const { storage } = bench;
  writePiece(storage, torrent, 5);
  await storage.renameFile(3, ["torrent", "other"]);
  assertEquals(names(memory), ["f1", "other.part"]);
  assertEquals(storage.paths[3], ["torrent", "other"]);
  for (const name of ["f1", "other.part", "f2"]) {
    const failed = await assertRejects(
      () => storage.renameFile(0, ["torrent", name]),
      DiskError,
    );
    assertEquals(failed.code, "exists", name);
  }
  await storage.move(["else"]);
  assertEquals(memory.list(), ["else/torrent/f1", "else/torrent/other.part"]);
  assertEquals(
    await storage.readBlock(5, 0, 9),
    torrent.content[5]!.subarray(0, 9),
  );
  writeAll(storage, torrent);
  await storage.confirm();
  assertEquals(memory.list(), [
    `else/${partName}`,
    ...["f0", "f1", "f2", "other"].map((name) => `else/torrent/${name}`),
  ]);
  await storage.renameFile(3, ["torrent", "f3"]);
  await storage.move([]);
  await storage.remove({ deleteFiles: true });
  assertEquals(memory.list(), []);
});

Deno.test(
  "a file that is left out while it is incomplete keeps the suffix",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    {
      await using bench = await open(torrent, { memory, add: ADD });
      writePiece(bench.storage, torrent, 5);
      await bench.storage.setFileWanted(3, false);
      for (const i of [0, 1, 2, 3]) writePiece(bench.storage, torrent, i);
      await bench.storage.flush();
      assertEquals(names(memory), ["f0", "f1", "f2", "f3.part"]);
    }
    await using bench = await open(torrent, {
      memory,
      add: { ...ADD, skippedFiles: new Set([3]) },
    });
    assertEquals([...bench.storage.have], [0, 1, 2, 3, 5]);
    await bench.storage.setFileWanted(3, true);
    writeAll(bench.storage, torrent);
    await bench.storage.confirm();
    assertFiles(memory, torrent);
  },
);

Deno.test(
  "a move and a check keep to what is ours where something has its name",
  pure,
  async () => {
    const path = ["torrent", "f3"];
    const theirs = new Uint8Array(200_000).fill(9);
    await using bench = await open(torrent, { add: ADD });
    const { storage } = bench;
    writePiece(storage, torrent, 5);
    const isServed = async () =>
      assertEquals(
        await storage.readBlock(5, 0, 9),
        torrent.content[5]!.subarray(0, 9),
      );
    const target = new MemoryFileSystem();
    target.open(path, { write: true }).write(theirs, 0);
    const refused = await assertRejects(
      () => storage.move([], { fileSystem: target }),
      DiskError,
    );
    assertEquals(refused.code, "exists");
    await isServed();
    target.remove(path);
    await storage.move([], { fileSystem: target });
    target.open(path, { write: true }).write(theirs, 0);
    await storage.recheck();
    assertEquals([...storage.have], [5]);
    await isServed();
    writeAll(storage, torrent);
    const failed = await assertRejects(() => storage.confirm(), DiskError);
    assertEquals(failed.code, "exists");
    assertEquals(target.contents(path), theirs);
    // Who gives it its name himself is followed.
    target.remove(path);
    target.rename(["torrent", "f3.part"], path);
    await storage.recheck();
    await storage.confirm();
    assertFiles(target, torrent);
  },
);
