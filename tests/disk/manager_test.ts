import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { budgetParts, DiskBudget } from "../../disk/budget.ts";
import { DiskError } from "../../disk/error.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";

import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import { assertFiles, open, writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 65536,
  files: [100_000, 0, 150_000, 30],
});

Deno.test("options and torrents are checked", pure, async () => {
  const fileSystem = new MemoryFileSystem();
  for (
    const options of [
      { maxBufferedBytes: 1000 },
      { readCacheBytes: -1 },
      { maxHandles: 0 },
      { maxWaiting: 0.5 },
      { threads: 0 },
    ]
  ) {
    assertThrows(
      () => new DiskManager({ fileSystem, ...options }),
      RangeError,
    );
  }
  await using disk = new DiskManager({ fileSystem });
  for (
    const bad of [
      { ...torrent, infoHash: new Uint8Array(19) },
      { ...torrent, paths: torrent.paths.slice(1) },
      { ...torrent, pieces: new Uint8Array(3) },
      { ...torrent, paths: torrent.paths.map(() => ["same"]) },
    ]
  ) await assertRejects(() => disk.add(bad), RangeError);
  const outside = {
    ...torrent,
    paths: torrent.paths.map((_, i) => ["..", `${i}`]),
  };
  const error = await assertRejects(() => disk.add(outside), DiskError);
  assertEquals(error.code, "unsafe-path");
  assertEquals(fileSystem.list(), []);
});

Deno.test("existing data is verified when added", pure, async () => {
  const memory = new MemoryFileSystem();
  {
    await using bench = await open(torrent, { memory });
    writeAll(bench.storage, torrent);
  }
  {
    await using bench = await open(torrent, {
      memory,
      add: { existing: "verify" },
    });
    assert(bench.storage.have.isFull);
    assertEquals(bench.storage.stats().verifiedBytes, 250_030);
  }
  const handle = memory.open(["torrent", "f2"], { write: true });
  handle.write(new Uint8Array([1, 2, 3]), 60_000);
  handle.close();
  memory.remove(["torrent", "f3"]);
  const progress: number[] = [];
  await using bench = await open(torrent, {
    memory,
    add: {
      existing: "verify",
      onProgress: ({ checked, total }) => progress.push(checked / total),
    },
  });
  assertEquals([...bench.storage.have], [0, 1]);
  assertEquals(progress.at(-1), 1);
  writeAll(bench.storage, torrent);
  assertFiles(memory, torrent);
});

Deno.test("check finds what changed, trust does not look", pure, async () => {
  const memory = new MemoryFileSystem();
  await using bench = await open(torrent, {
    memory,
    add: { existing: "trust" },
  });
  const { storage } = bench;
  assert(storage.have.isFull);
  await storage.recheck();
  assert(storage.have.isEmpty);
  writeAll(storage, torrent);
  await storage.readBlock(0, 0, 1);
  const handle = memory.open(["torrent", "f0"], { write: true });
  handle.write(new Uint8Array(10), 0);
  handle.close();
  await storage.recheck();
  assertEquals([...storage.have], [1, 2, 3]);
  writePiece(storage, torrent, 0);
  assertFiles(memory, torrent);
});

Deno.test("a check can be aborted", pure, async () => {
  const reason = new Error("enough");
  const memory = new MemoryFileSystem();
  await using bench = await open(torrent, { memory });
  await assertRejects(
    () => bench.storage.recheck({ signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  assertEquals(bench.storage.state, "ready");
  await using disk = new DiskManager({ fileSystem: memory });
  await assertRejects(
    () => disk.add(torrent, { signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  // The failure left nothing behind.
  await disk.add(torrent);
});

Deno.test("read-only: nothing is made or written", pure, async () => {
  const memory = new MemoryFileSystem();
  await using bench = await open(torrent, { memory, add: { readOnly: true } });
  const error = assertThrows(
    () => bench.storage.writeBlock(0, 0, new Uint8Array(5)),
    DiskError,
  );
  assertEquals(error.code, "read-only");
  await bench.storage.close();
  assertEquals(memory.list(), []);
});

Deno.test(
  "a torrent is there once; errors leave room for it",
  pure,
  async () => {
    let broken = true;
    const fileSystem = interceptFileSystem(
      new MemoryFileSystem(),
      injectFaults(() => broken ? { error: new Error("EIO") } : undefined),
    );
    await using disk = new DiskManager({ fileSystem });
    for (let i = 0; i < 20; i++) {
      await assertRejects(() => disk.add(torrent), Error, "EIO");
    }
    broken = false;
    const adding = disk.add(torrent);
    const error = await assertRejects(() => disk.add(torrent), DiskError);
    assertEquals(error.code, "duplicate-torrent");
    const storage = await adding;
    assertEquals(disk.get(torrent.infoHash), storage);
    await disk.remove(torrent.infoHash);
    const gone = await assertRejects(
      () => disk.remove(torrent.infoHash),
      DiskError,
    );
    assertEquals(gone.code, "unknown-torrent");
    await disk.add(torrent);
    await disk.close();
    await assertRejects(() => disk.add(torrent), DiskError);
  },
);

Deno.test(
  "move: renamed within, copied across, undone on failure",
  pure,
  async () => {
    for (const slow of [false, true]) {
      await using bench = await open(torrent, { slow });
      const { storage, memory } = bench;
      for (const i of [0, 1, 2]) writePiece(storage, torrent, i);
      const moving = storage.move(["done", "here"]);
      assertEquals(storage.state, "checking");
      assertEquals(
        storage.writeBlock(3, 0, torrent.content[3]!),
        "accepted",
      );
      const served = await storage.readBlock(0, 0, 10);
      assertEquals(served, torrent.content[0]!.subarray(0, 10));
      await moving;
      await storage.flush();
      assert(storage.have.isFull);
      assertEquals(memory.list(), [
        "done/here/torrent/f0",
        "done/here/torrent/f1",
        "done/here/torrent/f2",
        "done/here/torrent/f3",
      ]);
      const other = new MemoryFileSystem({ capacityBytes: 65536 });
      const error = await assertRejects(
        () => storage.move([], { fileSystem: other }),
        DiskError,
      );
      assertEquals(error.code, "disk-full");
      assertEquals(other.list(), []);
      other.capacityBytes = Infinity;
      await storage.recheck();
      assert(storage.have.isFull);
      await storage.move([], { fileSystem: other });
      assertEquals(memory.list(), []);
      assertFiles(other, torrent);
      await storage.recheck();
      assert(storage.have.isFull);
    }
  },
);

Deno.test(
  "remove deletes files and empty folders, and nothing else",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    memory.open(["torrent", "mine"], { write: true }).close();
    await using bench = await open(torrent, { memory });
    writeAll(bench.storage, torrent);
    await bench.disk.remove(torrent.infoHash, true);
    assertEquals(memory.list(), ["torrent/mine"]);
    assertEquals(bench.disk.bufferedBytes, 0);
    await using again = await open(torrent, { memory });
    writeAll(again.storage, torrent);
    await again.disk.remove(torrent.infoHash);
    assertEquals(memory.list().length, 5);
  },
);

Deno.test(
  "what was moved to another file system is closed too",
  pure,
  async () => {
    let openNow = 0;
    const target = interceptFileSystem(
      new MemoryFileSystem(),
      injectFaults((call) => {
        if (call.operation === "open") openNow++;
        if (call.operation === "close") openNow--;
        return undefined;
      }),
    );
    const bench = await open(torrent);
    writeAll(bench.storage, torrent);
    await bench.storage.move([], { fileSystem: target });
    await bench.storage.readBlock(0, 0, 1);
    assert(openNow > 0, "nothing was kept open");
    await bench.disk.close();
    assertEquals(openNow, 0);
  },
);

Deno.test("handles and caches are bounded", pure, async () => {
  let openNow = 0;
  let most = 0;
  const many = makeTorrent({
    pieceLength: 16384,
    files: new Array(50).fill(16384),
  });
  const fileSystem = interceptFileSystem(
    new MemoryFileSystem(),
    injectFaults((call) => {
      if (call.operation === "open") most = Math.max(most, ++openNow);
      if (call.operation === "close") openNow--;
      return undefined;
    }),
  );
  const disk = new DiskManager({
    fileSystem,
    maxHandles: 4,
    readCacheBytes: 1 << 20,
  });
  const storage = await disk.add(many, { existing: "assume-empty" });
  writeAll(storage, many);
  for (let i = 0; i < 50; i++) await storage.readBlock(i, 0, 16384);
  assert(most <= 5, `${most} were open`);
  assert(disk.cachedBytes > 0 && disk.cachedBytes <= 1 << 20);
  await disk.close();
  assertEquals(openNow, 0);
});

Deno.test(
  "managers with one budget share memory and open files",
  pure,
  async () => {
    const MIB = 1 << 20;
    const budget = new DiskBudget({
      maxBufferedBytes: MIB,
      readCacheBytes: MIB,
      maxHandles: 3,
    });
    const torrents = [1, 2, 3].map((id) =>
      makeTorrent({ id, pieceLength: MIB, files: [4 * MIB] })
    );
    const disks = torrents.map(() =>
      new DiskManager({ fileSystem: new MemoryFileSystem(), budget })
    );
    const storages = await Promise.all(
      disks.map((disk, i) =>
        disk.add(torrents[i]!, { existing: "assume-empty" })
      ),
    );
    // The first blocks of all pieces: no piece gets whole.
    for (let piece = 0; piece < 4; piece++) {
      for (let at = 0; at < MIB / 2; at += 16384) {
        storages.forEach((storage, i) =>
          storage.writeBlock(
            piece,
            at,
            torrents[i]!.content[piece]!.subarray(at, at + 16384),
          )
        );
        assert(budget.bufferedBytes <= 1.25 * MIB);
      }
    }
    storages.forEach((storage, i) => writeAll(storage, torrents[i]!));
    storages.forEach((storage, i) => {
      for (let piece = 0; piece < 4; piece++) {
        assert(storage.have.has(piece));
        storage.readBlock(piece, 0, MIB);
        assertEquals(
          storage.readBlock(piece, 0, 16384),
          torrents[i]!.content[piece]!.subarray(0, 16384),
        );
      }
    });
    assert(budget.cachedBytes > 0 && budget.cachedBytes <= MIB);
    assert(budgetParts(budget).handles.size <= 3);
    for (const disk of disks) await disk.close();
    assertEquals([budget.bufferedBytes, budget.cachedBytes], [0, 0]);
    assertEquals(budgetParts(budget).handles.size, 0);
  },
);

Deno.test("files get other names while blocks come in", pure, async () => {
  for (const slow of [false, true]) {
    const renamed = makeTorrent({
      pieceLength: 16384,
      files: [40_000, 0, 30_000],
    });
    await using bench = await open(renamed, { slow });
    const { storage, memory } = bench;
    // One that is not there yet.
    assertEquals(memory.list(), ["torrent/f1"]);
    memory.open(["taken"], { write: true }).close();
    const taken = await assertRejects(
      () => storage.renameFile(2, ["taken"]),
      DiskError,
    );
    assertEquals(taken.code, "exists");
    memory.remove(["taken"]);
    for (let i = 0; i < 3; i++) writePiece(storage, renamed, i);
    const renaming = storage.renameFile(0, ["other", "deep", "name"]);
    for (let i = 3; i < 5; i++) writePiece(storage, renamed, i);
    await renaming;
    await storage.renameFile(1, ["nothing"]);
    await storage.renameFile(2, ["torrent", "f2"]);
    await storage.flush();
    assert(storage.have.isFull);
    assertEquals(storage.paths, [
      ["other", "deep", "name"],
      ["nothing"],
      ["torrent", "f2"],
    ]);
    assertEquals(memory.list(), ["nothing", "other/deep/name", "torrent/f2"]);
    assertEquals(await storage.readBlock(0, 0, 16384), renamed.content[0]!);
    await storage.confirm();
    const resume = await storage.resumeData();
    const cases: [number, string[], string][] = [
      [3, ["x"], "out-of-bounds"],
      [0, [".."], "unsafe-path"],
      [0, ["a/b"], "unsafe-path"],
      [0, [], "unsafe-path"],
      [0, ["ä".repeat(128)], "unsafe-path"],
      [0, ["torrent", "f2"], "exists"],
    ];
    for (const [index, path, code] of cases) {
      const error = await assertRejects(
        () => storage.renameFile(index, path),
        DiskError,
      );
      assertEquals(error.code, code);
    }
    await storage.move(["moved"]);
    assertEquals(memory.list(), [
      "moved/nothing",
      "moved/other/deep/name",
      "moved/torrent/f2",
    ]);
    const paths = storage.paths.map((path) => path.slice(1));
    await storage.close();
    await using again = new DiskManager({ fileSystem: memory });
    const same = await again.add({ ...renamed, paths }, {
      existing: "resume",
      resume,
      folder: ["moved"],
    });
    assert(same.have.isFull);
    await same.remove({ deleteFiles: true });
    assertEquals(memory.list(), []);
  }
});

Deno.test("the first blocks may come while files are moved", pure, async () => {
  for (const slow of [false, true]) {
    await using bench = await open(torrent, { slow });
    const { storage, memory } = bench;
    const moving = storage.move(["moved"]);
    writeAll(storage, torrent);
    await moving;
    await storage.flush();
    assert(storage.have.isFull);
    assert(memory.list().every((path) => path.startsWith("moved/")));
  }
});
