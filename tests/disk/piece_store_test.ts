import { assert, assertEquals, assertRejects } from "@std/assert";
import { DiskManager } from "../../disk/manager.ts";
import { DiskError } from "../../disk/error.ts";
import { FileStorage } from "../../disk/file_storage.ts";
import type { FileSystem } from "../../disk/file_system.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { MemoryStorage } from "../../disk/memory_storage.ts";
import {
  FileTimings,
  injectFaults,
  interceptStorage,
} from "../../disk/middleware.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { PieceStorage } from "../../disk/piece_store.ts";
import { testPieceStorage } from "../../testing/compliance/piece_storage.ts";
import { SimClock } from "../../testing/sim_clock.ts";
import { SwarmWorld } from "../../testing/swarm_world.ts";
import { simTorrent } from "../../testing/sim_torrent.ts";
import { makeTorrent } from "./support.ts";

function filesOf(make: () => FileSystem, cleanUp = () => {}) {
  const opened: FileStorage[] = [];
  return {
    open() {
      opened.push(new FileStorage(make()));
      return opened.at(-1)!;
    },
    async [Symbol.asyncDispose]() {
      for (const storage of opened) await storage.close();
      cleanUp();
    },
  };
}

testPieceStorage({
  name: "memory",
  permissions: "none",
  make() {
    const storage = new MemoryStorage();
    return { open: () => storage, async [Symbol.asyncDispose]() {} };
  },
});

testPieceStorage({
  name: "slow memory",
  permissions: "none",
  make() {
    const storage = interceptStorage(
      interceptStorage(new MemoryStorage(), new FileTimings(new SimClock())),
      injectFaults(() => ({ after: Promise.resolve() })),
    );
    return { open: () => storage, async [Symbol.asyncDispose]() {} };
  },
});

testPieceStorage({
  name: "files in memory",
  permissions: "none",
  make() {
    const files = new MemoryFileSystem();
    // Who closes it does not take the files of others along.
    return filesOf(() => ({
      open: (path, options) => files.open(path, options),
      stat: (path) => files.stat(path),
      remove: (path) => files.remove(path),
      removeEmptyFolder: (path) => files.removeEmptyFolder(path),
      rename: (from, to, options) => files.rename(from, to, options),
      close: () => {},
    }));
  },
});

testPieceStorage({
  name: "files on disk",
  permissions: { read: true, write: true },
  make() {
    const folder = Deno.makeTempDirSync({ prefix: "bip_disk_" });
    return filesOf(
      () => new NativeFileSystem(folder),
      () => Deno.removeSync(folder, { recursive: true }),
    );
  },
});

const pure = { permissions: "none" } as const;

/** A storage that keeps nothing unverified, and lets writes wait. */
function gated(inner: PieceStorage = new MemoryStorage()) {
  const waiting: (() => void)[] = [];
  const gate = { isOpen: false, waiting, storage: inner };
  gate.storage = interceptStorage(
    inner,
    injectFaults(({ operation }) =>
      operation !== "write" || gate.isOpen ? undefined : {
        after: new Promise<void>((resolve) => waiting.push(resolve)),
      }
    ),
  );
  return gate;
}

Deno.test(
  "writes that wait count as memory in use, and are not dropped",
  pure,
  async () => {
    const { storage: from, waiting } = gated();
    const torrent = makeTorrent({ pieceLength: 1 << 20, files: [12 << 20] });
    await using disk = new DiskManager({
      storage: from,
      maxBufferedBytes: 4 << 20,
    });
    const storage = await disk.add(torrent);
    for (const [i, length] of [[10, 262_144], [11, 524_288]] as const) {
      storage.writeBlock(i, 0, torrent.content[i]!.subarray(0, length));
    }
    let taken = 0;
    for (; storage.pressure === undefined; taken++) {
      storage.writeBlock(taken, 0, torrent.content[taken]!);
    }
    assertEquals(taken, 4);
    assertEquals(storage.have.count, 0);
    assertEquals(storage.partialPieces().length, 6);
    const pressure = storage.pressure;
    for (const go of waiting.splice(0)) go();
    await pressure;
    while (storage.have.count < taken) await Promise.resolve();
    assertEquals(disk.bufferedBytes, 786_432);
    assertEquals(storage.partialPieces(), [10, 11]);
  },
);

Deno.test(
  "where nothing unverified is kept, short memory drops pieces, but not the fullest",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 1 << 20, files: [8 << 20] });
    const dropped: number[] = [];
    await using disk = new DiskManager({
      storage: new MemoryStorage(),
      maxBufferedBytes: 2 << 20,
    });
    const storage = await disk.add(torrent, {
      onEvent(event) {
        if (event.type !== "piece-bad") return;
        assertEquals(event.reason, "lost");
        dropped.push(event.pieceIndex);
      },
    });
    const half = 1 << 19;
    storage.writeBlock(0, 0, torrent.content[0]!.subarray(0, half + 65536));
    for (let i = 1; i < 8; i++) {
      storage.writeBlock(i, 0, torrent.content[i]!.subarray(0, half));
      assert(disk.bufferedBytes <= (2 << 20) + half);
    }
    assert(dropped.length > 0 && !dropped.includes(0), `${dropped}`);
    assertEquals(storage.stats().badPieces, 0);
    storage.writeBlock(0, half, torrent.content[0]!.subarray(half));
    assert(storage.have.has(0));
  },
);

Deno.test(
  "a download whose memory is short comes to an end",
  pure,
  async () => {
    await using world = new SwarmWorld();
    const torrent = await simTorrent([["big", 24 << 20]], {
      pieceLength: 1 << 20,
    });
    const seeders = await Promise.all(
      [1, 2, 3].map(() => world.seeder(torrent)),
    );
    const storage = new MemoryStorage();
    const leecher = await world.host({ maxBufferedBytes: 2 << 20, storage });
    const download = leecher.session.add(torrent.metainfo, {
      peers: seeders.map(({ address }) => address),
    });
    await world.until(() => download.state === "seeding", 600_000);
    assertEquals(download.stats().piecesDone, 24);
  },
);

Deno.test(
  "a failed write pauses; what is there is written once it works",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [100_000] });
    let broken = true;
    const errors: string[] = [];
    await using disk = new DiskManager({
      storage: interceptStorage(
        new MemoryStorage(),
        injectFaults(({ operation, path }) =>
          broken && operation === "write" && path[0] === "2"
            ? { error: new DiskError("io", "Broken", { operation }), length: 9 }
            : undefined
        ),
      ),
    });
    const storage = await disk.add(torrent, {
      onEvent: (event) =>
        event.type === "error" && errors.push(event.error.code),
    });
    torrent.content.forEach((piece, i) => storage.writeBlock(i, 0, piece));
    assertEquals([...storage.have], [0, 1]);
    assertEquals(errors, ["io"]);
    broken = false;
    assert(await storage.resume());
    assertEquals(storage.have.count, 4);
  },
);

Deno.test(
  "a recheck finds what was damaged, and what cannot be read is lost",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [100_000] });
    const gone = new Set<string>();
    const inner = new MemoryStorage();
    await using disk = new DiskManager({
      storage: interceptStorage(
        inner,
        injectFaults(({ operation, path }) =>
          operation === "read" && gone.has(path[0]!) ? { length: 0 } : undefined
        ),
      ),
      readCacheBytes: 0,
    });
    const lost: number[] = [];
    const storage = await disk.add(torrent, {
      onEvent: (event) =>
        event.type === "pieces-lost" && lost.push(...event.pieces),
    });
    torrent.content.forEach((piece, i) => storage.writeBlock(i, 0, piece));
    gone.add("1");
    await assertRejects(
      async () => await storage.readBlock(1, 0, 9),
      DiskError,
    );
    await storage.flush();
    assertEquals(lost, [1]);
    gone.add("3");
    await storage.recheck();
    assertEquals([...storage.have], [0, 2]);
    assertEquals((await storage.resumeData()).length, 0);
    await assertRejects(() => storage.move(["x"]), DiskError, "no files");
    await assertRejects(
      () => storage.renameFile(0, ["x"]),
      DiskError,
      "no files",
    );
  },
);

Deno.test(
  "files are finished once all of them is there, and again after a failure",
  pure,
  async () => {
    const torrent = makeTorrent({
      pieceLength: 32768,
      files: [70_000, 0, 40_000, 5],
    });
    const finished: number[] = [];
    let fails = false;
    const inner = new MemoryStorage();
    const storage: PieceStorage = {
      open: (torrent) => ({
        ...inner.open(torrent),
        finish(fileIndex) {
          if (fails) throw new DiskError("io", "No", { operation: "finish" });
          finished.push(fileIndex);
        },
      }),
    };
    {
      await using disk = new DiskManager({ storage });
      const stored = await disk.add(torrent, { skippedFiles: new Set([3]) });
      assertEquals(finished, [1]);
      torrent.content.slice(0, 3).forEach((piece, i) =>
        stored.writeBlock(i, 0, piece)
      );
      assertEquals(finished, [1, 0]);
      fails = true;
      stored.writeBlock(3, 0, torrent.content[3]!);
      await assertRejects(() => stored.confirm(), DiskError, "No");
      fails = false;
      await stored.confirm();
      assertEquals(finished, [1, 0, 2]);
      await stored.setFileWanted(3, true);
      assertEquals(finished, [1, 0, 2, 3]);
    }
    await using disk = new DiskManager({ storage });
    await disk.add(torrent);
    assertEquals(finished.length, 8);
    await disk.remove(torrent.infoHash, true);
    await disk.add(torrent, { readOnly: true });
    assertEquals(finished.length, 8);
  },
);

Deno.test("what is found that is no piece is passed over", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [100_000] });
  const strange = [NaN, -1, 0.5, 4, Infinity];
  const inner = new MemoryStorage().open(torrent);
  const find = () => ({ good: [...strange, 1], doubtful: strange });
  await using disk = new DiskManager({
    storage: { open: () => ({ ...inner, find }) },
  });
  assertEquals([...(await disk.add(torrent)).have], [1]);
});
