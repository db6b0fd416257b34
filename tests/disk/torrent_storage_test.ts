import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { crypto } from "@std/crypto";
import { randomInt, seededRandom, shuffle } from "../../_shared/random.ts";
import { DiskError } from "../../disk/error.ts";
import type { FileSystem } from "../../disk/file_system.ts";
import {
  type AddTorrentOptions,
  DiskManager,
  type DiskManagerOptions,
} from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  type FileCall,
  type FileFault,
  injectFaults,
  interceptFileSystem,
} from "../../disk/middleware.ts";
import type {
  TorrentStorage,
  TorrentStorageEvent,
} from "../../disk/storage.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

interface Bench extends AsyncDisposable {
  readonly disk: DiskManager;
  readonly memory: MemoryFileSystem;
  readonly storage: TorrentStorage;
  readonly events: TorrentStorageEvent[];
  fault: ((call: FileCall) => FileFault | undefined) | undefined;
}

async function open(
  torrent: TestTorrent,
  options: {
    add?: AddTorrentOptions;
    disk?: Partial<DiskManagerOptions>;
    memory?: MemoryFileSystem;
    slow?: boolean;
  } = {},
): Promise<Bench> {
  const memory = options.memory ?? new MemoryFileSystem();
  const events: TorrentStorageEvent[] = [];
  let bench: Bench | undefined;
  let fileSystem: FileSystem = interceptFileSystem(
    memory,
    injectFaults((call) => bench?.fault?.(call)),
  );
  if (options.slow) {
    fileSystem = interceptFileSystem(
      fileSystem,
      injectFaults(() => ({ after: Promise.resolve() })),
    );
  }
  const disk = new DiskManager({ fileSystem, ...options.disk });
  const storage = await disk.add(torrent, {
    existing: "assume-empty",
    onEvent: (event) => events.push(event),
    ...options.add,
  });
  bench = {
    disk,
    memory,
    storage,
    events,
    fault: undefined,
    [Symbol.asyncDispose]: async () => {
      bench!.fault = undefined;
      await disk.close();
    },
  };
  return bench;
}

function writePiece(
  storage: TorrentStorage,
  torrent: TestTorrent,
  pieceIndex: number,
  step = 16384,
) {
  const piece = torrent.content[pieceIndex]!;
  for (let at = 0; at < piece.length; at += step) {
    storage.writeBlock(pieceIndex, at, piece.subarray(at, at + step));
  }
}

function writeAll(storage: TorrentStorage, torrent: TestTorrent) {
  for (let i = 0; i < torrent.content.length; i++) {
    writePiece(storage, torrent, i);
  }
}

function assertFiles(memory: MemoryFileSystem, torrent: TestTorrent) {
  torrent.fileContent.forEach((content, i) => {
    if (torrent.layout.files[i]!.pad) {
      assertEquals(memory.contents(torrent.paths[i]!), undefined);
    } else assertEquals(memory.contents(torrent.paths[i]!), content);
  });
}

const pure = { permissions: "none" } as const;

const shapes: [string, TestTorrent][] = [
  ["one file", makeTorrent({ pieceLength: 32768, files: [100_000] })],
  [
    "many files, empty ones, odd piece length",
    makeTorrent({
      pieceLength: 30_001,
      files: [1, 0, 40_000, 5, 0, 100_003, 29_999, 0],
    }),
  ],
  [
    "pieces of several buffers",
    makeTorrent({ pieceLength: 1 << 20, files: [700_000, 1_900_000] }),
  ],
  [
    "v2",
    makeTorrent({
      version: "v2",
      pieceLength: 65536,
      files: [10, 0, 65536, 200_000, 16385],
    }),
  ],
  [
    "hybrid with padding",
    makeTorrent({
      version: "hybrid",
      pieceLength: 65536,
      files: [
        10,
        { length: 65526, pad: true },
        200_000,
        { length: 62144, pad: true },
        70_000,
      ],
    }),
  ],
  [
    "v2, pieces of several buffers",
    makeTorrent({
      version: "v2",
      pieceLength: 1 << 20,
      files: [300_000, 2_500_000],
    }),
  ],
];

for (const [name, torrent] of shapes) {
  for (const slow of [false, true]) {
    const how = slow ? "asynchronous" : "at once";
    Deno.test(`writes and serves: ${name}, ${how}`, pure, async () => {
      await using bench = await open(torrent, { slow });
      const { storage, memory, events, disk } = bench;
      writeAll(storage, torrent);
      await storage.flush();
      assert(storage.have.isFull);
      assertEquals(
        events.map((event) => event.type),
        new Array(torrent.content.length).fill("piece-good"),
      );
      assertFiles(memory, torrent);
      for (let i = 0; i < torrent.content.length; i++) {
        const piece = torrent.content[i]!;
        assertEquals(await storage.readBlock(i, 0, piece.length), piece);
        assertEquals(
          await storage.readBlock(i, piece.length - 1, 1),
          piece.subarray(piece.length - 1),
        );
      }
      assertEquals(disk.bufferedBytes, 0);
      assertEquals(storage.stats().partialPieces, 0);
      assertEquals(storage.stats().writtenBytes, torrent.layout.totalLength);
    });
  }
}

Deno.test(
  "any order, any size, overlapping: equal to the content",
  pure,
  async () => {
    for (let seed = 1; seed <= 12; seed++) {
      const random = seededRandom(seed);
      const torrent = makeTorrent({
        pieceLength: 16384 * (1 + randomInt(random, 40)),
        files: Array.from(
          { length: 1 + randomInt(random, 5) },
          () => randomInt(random, 400_000),
        ),
        seed,
      });
      await using bench = await open(torrent, { slow: seed % 2 === 0 });
      const { storage, memory } = bench;
      const blocks: [number, number, number][] = [];
      torrent.content.forEach((piece, i) => {
        for (let at = 0; at < piece.length;) {
          const length = Math.min(
            piece.length - at,
            1 + randomInt(random, 40_000),
          );
          blocks.push([i, at, length]);
          at += Math.max(1, length - randomInt(random, 2) * (length >> 1));
        }
      });
      for (const [i, at, length] of shuffle(random, blocks)) {
        const block = torrent.content[i]!.slice(at, at + length);
        storage.writeBlock(i, at, block);
        // The view is the caller's again.
        block.fill(0xee);
      }
      await storage.flush();
      assert(storage.have.isFull, `seed ${seed}`);
      assertFiles(memory, torrent);
    }
  },
);

Deno.test("results of writeBlock", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [50_000] });
  await using bench = await open(torrent);
  const { storage } = bench;
  const piece = torrent.content[0]!;
  const block = piece.subarray(0, 16384);
  assertEquals(storage.writeBlock(0, 0, block), "accepted");
  assertEquals(storage.writeBlock(0, 0, block), "duplicate");
  assertEquals(storage.writeBlock(0, 100, block.subarray(100)), "duplicate");
  assertEquals(storage.writeBlock(0, 100, piece.subarray(100)), "accepted");
  assertEquals(storage.writeBlock(0, 0, block), "have");
  assertEquals(storage.have.has(0), true);
});

Deno.test("a verified piece cannot be changed", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [50_000] });
  await using bench = await open(torrent);
  const { storage, memory } = bench;
  writeAll(storage, torrent);
  const evil = new Uint8Array(16384).fill(0x66);
  for (let i = 0; i < 2; i++) {
    assertEquals(storage.writeBlock(i, 0, evil), "have");
  }
  assertFiles(memory, torrent);
  assertEquals(
    await storage.readBlock(0, 0, 100),
    torrent.content[0]!.subarray(0, 100),
  );
});

Deno.test("blocks outside are an error of the caller", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [50_000] });
  await using bench = await open(torrent);
  const { storage, memory } = bench;
  const bad: [number, number, number][] = [
    [0, 32768, 1],
    [0, 16385, 16384],
    [1, 17232, 1],
    [1, 17000, 233],
    [2, 0, 1],
    [-1, 0, 1],
    [0.5, 0, 1],
    [0, -1, 2],
    [0, 0, 0],
    [NaN, 0, 1],
    [2 ** 32, 0, 1],
  ];
  for (const [piece, offset, length] of bad) {
    const error = assertThrows(
      () => storage.writeBlock(piece, offset, new Uint8Array(length)),
      DiskError,
    );
    assertEquals(error.code, "out-of-bounds");
    const onRead = assertThrows(
      () => storage.readBlock(piece, offset, length),
      DiskError,
    );
    assertEquals(onRead.code, "out-of-bounds");
  }
  assertEquals(memory.list(), []);
  writeAll(storage, torrent);
  assertFiles(memory, torrent);
});

Deno.test("nothing unverified is served", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [50_000] });
  await using bench = await open(torrent);
  const { storage } = bench;
  storage.writeBlock(0, 0, torrent.content[0]!.subarray(0, 16384));
  await storage.flush();
  const error = assertThrows(() => storage.readBlock(0, 0, 1), DiskError);
  assertEquals(error.code, "not-verified");
});

for (const slow of [false, true]) {
  Deno.test(`a bad piece names its blocks, slow: ${slow}`, pure, async () => {
    const torrent = makeTorrent({ pieceLength: 65536, files: [100_000] });
    await using bench = await open(torrent, { slow });
    const { storage, events, memory } = bench;
    const wrong = torrent.content[0]!.slice();
    wrong[20_000]! ^= 1;
    for (let at = 0; at < 65536; at += 16384) {
      storage.writeBlock(0, at, wrong.subarray(at, at + 16384));
    }
    await storage.flush();
    const bad = events[0]!;
    assert(bad.type === "piece-bad" && bad.reason === "hash");
    assertEquals(storage.have.has(0), false);
    assertEquals(storage.blocksOf(0), undefined);
    writePiece(storage, torrent, 0);
    await storage.flush();
    const good = events[1]!;
    assert(good.type === "piece-good");
    const differ = [];
    for (let i = 0; i < 4; i++) {
      const range = [20 * i, 20 * i + 20] as const;
      const a = bad.blockDigests!.subarray(...range);
      const b = good.blockDigests!.subarray(...range);
      assertEquals(
        b,
        new Uint8Array(crypto.subtle.digestSync(
          "SHA-1",
          torrent.content[0]!.slice(16384 * i, 16384 * (i + 1)),
        )),
      );
      if (a.some((byte, k) => byte !== b[k])) differ.push(i);
    }
    assertEquals(differ, [1]);
    writePiece(storage, torrent, 1);
    await storage.flush();
    assertFiles(memory, torrent);
    assertEquals(events[2], {
      type: "piece-good",
      pieceIndex: 1,
      blockDigests: undefined,
    });
    assertEquals(storage.stats().badPieces, 1);
  });
}

Deno.test(
  "hybrid: either hash being wrong makes a piece bad",
  pure,
  async () => {
    const good = makeTorrent({
      version: "hybrid",
      pieceLength: 32768,
      files: [30_000, { length: 2768, pad: true }, 10],
    });
    const other = makeTorrent({
      version: "hybrid",
      pieceLength: 32768,
      files: [30_000, { length: 2768, pad: true }, 10],
      seed: 2,
    });
    for (
      const torrent of [
        { ...good, pieces: other.pieces },
        { ...good, pieceRoot: other.pieceRoot },
      ]
    ) {
      await using bench = await open(torrent);
      writeAll(bench.storage, good);
      assertEquals(bench.events.map((event) => event.type), [
        "piece-bad",
        "piece-bad",
      ]);
      assert(bench.storage.have.isEmpty);
    }
  },
);

Deno.test("a piece without any hash is never good", pure, async () => {
  const { pieces: _, ...torrent } = makeTorrent({
    pieceLength: 32768,
    files: [10],
  });
  await using bench = await open(torrent);
  writeAll(bench.storage, torrent);
  assertEquals(bench.events[0]?.type, "piece-bad");
});

Deno.test(
  "padding need not be asked for and cannot be forged",
  pure,
  async () => {
    const torrent = makeTorrent({
      version: "hybrid",
      pieceLength: 65536,
      files: [20_000, { length: 45_536, pad: true }, 5],
    });
    await using bench = await open(torrent);
    const { storage } = bench;
    assertEquals([...storage.blocksOf(0)!], [2, 3]);
    assertEquals(storage.blocksOf(1), undefined);
    assertEquals(
      storage.writeBlock(0, 32768, new Uint8Array(16384).fill(1)),
      "duplicate",
    );
    storage.writeBlock(0, 0, torrent.content[0]!.subarray(0, 16384));
    const last = torrent.content[0]!.slice(16384, 32768);
    last.fill(0xff, 20_000 - 16384);
    assertEquals(storage.writeBlock(0, 16384, last), "accepted");
    assert(storage.have.has(0));
    assertEquals(await storage.readBlock(0, 0, 65536), torrent.content[0]!);
    assertEquals(bench.memory.list(), ["torrent/f0"]);
  },
);

Deno.test("pieces of nothing but padding are there at once", pure, async () => {
  const torrent = makeTorrent({
    pieceLength: 16384,
    files: [16384, { length: 40_000, pad: true }, 10],
  });
  await using bench = await open(torrent);
  assertEquals([...bench.storage.have], [1, 2]);
  assertEquals(
    await bench.storage.readBlock(1, 0, 16384),
    new Uint8Array(16384),
  );
});

Deno.test(
  "memory stays bounded and spilled pieces complete",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 1 << 19, files: [8 << 20] });
    const max = 1 << 20;
    for (const slow of [false, true]) {
      await using bench = await open(torrent, {
        slow,
        disk: { maxBufferedBytes: max },
      });
      const { storage, disk, memory } = bench;
      let most = 0;
      // Every piece gets its first block before any gets its second.
      for (let at = 0; at < 1 << 19; at += 16384) {
        for (let i = 0; i < 16; i++) {
          if (storage.pressure !== undefined) await storage.pressure;
          const block = torrent.content[i]!.subarray(at, at + 16384);
          assertEquals(storage.writeBlock(i, at, block), "accepted");
          most = Math.max(most, disk.bufferedBytes);
        }
      }
      await storage.flush();
      assert(most <= max * 1.5, `${most} bytes were buffered`);
      assert(storage.have.isFull);
      assertFiles(memory, torrent);
      assertEquals(disk.bufferedBytes, 0);
    }
  },
);

Deno.test(
  "a spilled piece that is wrong is still told block by block",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 1 << 19, files: [1 << 19] });
    await using bench = await open(torrent);
    const { storage, events } = bench;
    const wrong = torrent.content[0]!.slice();
    wrong[0]! ^= 1;
    for (let at = 0; at < wrong.length; at += 16384) {
      storage.writeBlock(0, at, wrong.subarray(at, at + 16384));
      if (at % 49152 === 0) await storage.flush();
    }
    assert(events[0]?.type === "piece-bad");
    assertEquals(events[0].blockDigests?.length, 20 * 32);
    writePiece(storage, torrent, 0);
    assert(events[1]?.type === "piece-good");
    const a = events[0].blockDigests!;
    const b = events[1].blockDigests!;
    assert(a.subarray(0, 20).some((byte, i) => byte !== b[i]));
    assertEquals(a.subarray(20), b.subarray(20));
  },
);

Deno.test("spilled bytes that are gone are told as lost", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 1 << 16, files: [1 << 16] });
  await using bench = await open(torrent);
  const { storage, events, memory } = bench;
  const piece = torrent.content[0]!;
  storage.writeBlock(0, 0, piece.subarray(0, 32768));
  await storage.flush();
  const handle = memory.open(["torrent", "f0"], { write: true });
  handle.truncate(100);
  handle.close();
  storage.writeBlock(0, 32768, piece.subarray(32768));
  assertEquals(events, [{
    type: "piece-bad",
    pieceIndex: 0,
    reason: "lost",
    blockDigests: undefined,
  }]);
  writePiece(storage, torrent, 0);
  assert(storage.have.isFull);
});

for (const slow of [false, true]) {
  Deno.test(
    `disk full pauses; resume loses nothing, slow: ${slow}`,
    pure,
    async () => {
      const torrent = makeTorrent({ pieceLength: 65536, files: [10 * 65536] });
      const memory = new MemoryFileSystem({ capacityBytes: 3 * 65536 });
      await using bench = await open(torrent, { memory, slow });
      const { storage, events } = bench;
      writeAll(storage, torrent);
      await storage.resume();
      assertEquals(storage.state, "paused");
      assertEquals(storage.error?.code, "disk-full");
      assertEquals(storage.error?.path, "torrent/f0");
      assertEquals(storage.have.count, 3);
      assert(events.some((event) => event.type === "error" && event.paused));
      assertEquals(storage.partialPieces().length, 7);
      assertEquals(await storage.resume(), false);
      assertEquals(
        await storage.readBlock(0, 0, 10),
        torrent.content[0]!.subarray(0, 10),
      );
      memory.capacityBytes = Infinity;
      assertEquals(await storage.resume(), true);
      assertEquals(storage.state, "ready");
      assert(storage.have.isFull);
      assertFiles(memory, torrent);
    },
  );
}

Deno.test(
  "a full disk and full memory refuse, then everything arrives",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 1 << 18, files: [4 << 20] });
    const memory = new MemoryFileSystem({ capacityBytes: 65536 });
    await using bench = await open(torrent, {
      memory,
      disk: { maxBufferedBytes: 1 << 20 },
    });
    const { storage, disk } = bench;
    const refused: [number, number][] = [];
    const piecesOf = (i: number, at: number) =>
      storage.writeBlock(i, at, torrent.content[i]!.subarray(at, at + 16384));
    for (let i = 0; i < 16; i++) {
      for (let at = 0; at < 1 << 18; at += 16384) {
        if (piecesOf(i, at) === "refused") refused.push([i, at]);
      }
    }
    assert(refused.length > 100);
    // Half of the memory is kept for torrents that can be written.
    assert(disk.bufferedBytes <= (1 << 19) + (1 << 18));
    assertEquals(storage.pressure, undefined);
    memory.capacityBytes = Infinity;
    assertEquals(await storage.resume(), true);
    for (const [i, at] of refused) assertEquals(piecesOf(i, at), "accepted");
    assert(storage.have.isFull);
    assertFiles(memory, torrent);
  },
);

Deno.test("any one failing call loses nothing", pure, async () => {
  const torrent = makeTorrent({
    pieceLength: 65536,
    files: [100_000, 3, 150_000],
  });
  for (const slow of [false, true]) {
    for (let n = 0;; n++) {
      await using bench = await open(torrent, { slow });
      const { storage, memory, events } = bench;
      let calls = 0;
      let hit = false;
      bench.fault = (call) => {
        if (call.operation === "stat" || call.operation === "close") return;
        if (calls++ !== n) return;
        hit = true;
        const error = new DiskError("io", "Broken", {
          operation: call.operation,
          path: call.path,
        });
        return call.operation === "write" ? { error, length: 5 } : { error };
      };
      writeAll(storage, torrent);
      // A fault in the middle of a piece stops it half written.
      await storage.resume();
      await storage.resume();
      assert(storage.have.isFull, `call ${n}`);
      assertFiles(memory, torrent);
      if (hit) {
        assertEquals(
          events.filter((event) => event.type === "error").length,
          1,
        );
        continue;
      }
      assert(n > 5, `only ${n} calls were seen`);
      break;
    }
  }
});

Deno.test(
  "short reads and missing files are errors when served",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 65536, files: [200_000] });
    await using bench = await open(torrent, { disk: { readCacheBytes: 0 } });
    const { storage, events } = bench;
    writeAll(storage, torrent);
    bench.fault = (call) =>
      call.operation === "read" ? { length: 3 } : undefined;
    const short = assertThrows(() => storage.readBlock(0, 0, 10), DiskError);
    assertEquals(short.code, "short-read");
    assertEquals(events[events.length - 1]?.type, "error");
    bench.fault = undefined;
    assertEquals(
      await storage.readBlock(0, 0, 10),
      torrent.content[0]!.subarray(0, 10),
    );
  },
);

Deno.test("concurrent reads of a run load it once", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 65536, files: [65536] });
  await using bench = await open(torrent, { slow: true });
  const { storage } = bench;
  writeAll(storage, torrent);
  await storage.flush();
  let reads = 0;
  bench.fault = (call) => {
    if (call.operation === "read") reads++;
    return undefined;
  };
  const blocks = await Promise.all(
    [0, 1, 2, 3].map((i) => storage.readBlock(0, i * 16384, 16384)),
  );
  assertEquals(reads, 1);
  blocks.forEach((block, i) =>
    assertEquals(
      block,
      torrent.content[0]!.subarray(i * 16384, (i + 1) * 16384),
    )
  );
  assert(!(storage.readBlock(0, 5, 7) instanceof Promise));
});

Deno.test("sync tells of every file that failed", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 16384, files: [10, 20, 30] });
  await using bench = await open(torrent);
  writeAll(bench.storage, torrent);
  bench.fault = (call) =>
    call.operation === "sync" && call.path[1] !== "f1"
      ? { error: new Error("EIO") }
      : undefined;
  const error = await assertRejects(
    () => bench.storage.sync(),
    AggregateError,
  );
  assertEquals(
    error.errors.map((error) => (error as DiskError).path),
    ["torrent/f0", "torrent/f2"],
  );
  bench.fault = undefined;
  await bench.storage.sync();
});

Deno.test(
  "a file that is too long is cut, one that exists is kept",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [10] });
    const memory = new MemoryFileSystem();
    const handle = memory.open(["torrent", "f0"], { write: true });
    handle.write(new Uint8Array(100).fill(1), 0);
    await using bench = await open(torrent, { memory });
    assertEquals(memory.stat(["torrent", "f0"])?.size, 100);
    writeAll(bench.storage, torrent);
    assertFiles(memory, torrent);
  },
);

Deno.test(
  "allocation: sparse has the length at once, none grows",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [100_000] });
    for (const allocation of ["sparse", "none"] as const) {
      await using bench = await open(torrent, { add: { allocation } });
      writePiece(bench.storage, torrent, 1);
      assertEquals(
        bench.memory.stat(["torrent", "f0"])?.size,
        allocation === "sparse" ? 100_000 : 32768,
      );
    }
  },
);

Deno.test("closed: calls say so, closing again is fine", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 32768, files: [100_000] });
  const bench = await open(torrent);
  const { storage, disk, memory } = bench;
  writePiece(storage, torrent, 0);
  storage.writeBlock(1, 0, torrent.content[1]!.subarray(0, 16384));
  await storage.close();
  await storage.close();
  assertEquals(storage.state, "closed");
  for (
    const call of [
      () => storage.writeBlock(2, 0, new Uint8Array(1)),
      () => storage.readBlock(0, 0, 1),
    ]
  ) assertEquals(assertThrows(call, DiskError).code, "closed");
  await assertRejects(() => storage.check(), DiskError);
  assertEquals(await storage.resume(), false);
  // What came in before is in the file.
  assertEquals(
    memory.contents(["torrent", "f0"])!.subarray(0, 49152),
    torrent.fileContent[0]!.subarray(0, 49152),
  );
  assertEquals(disk.get(torrent.infoHash), undefined);
  assertEquals(disk.bufferedBytes, 0);
  assertEquals(await storage.events.next(), undefined);
  await disk.close();
  await disk.close();
});
