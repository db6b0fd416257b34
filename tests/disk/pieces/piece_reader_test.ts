import { assert, assertEquals, assertRejects } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import type { FileSystem } from "../../../disk/file_system.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../../disk/middleware.ts";
import { PieceReader } from "../../../disk/pieces/piece_reader.ts";
import { ReadCache } from "../../../disk/pieces/read_cache.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import type { TorrentStorage } from "../../../disk/storage.ts";
import { makeTorrent, type TestTorrent } from "../support.ts";
import { writeAll } from "../storage_bench.ts";
import { TempDir } from "../../support/paths.ts";

const MIB = 1 << 20;
const pure = { permissions: "none" } as const;

async function stored(
  fileSystem: FileSystem,
  torrent: TestTorrent,
  readCacheBytes: number,
): Promise<[DiskManager, TorrentStorage]> {
  const disk = new DiskManager({ fileSystem, readCacheBytes });
  const storage = await disk.add(torrent, { existing: "assume-empty" });
  writeAll(storage, torrent);
  await storage.flush();
  return [disk, storage];
}

const slow = () =>
  interceptFileSystem(
    new MemoryFileSystem(),
    injectFaults(() => ({ after: Promise.resolve() })),
  );

/** Many blocks are lent before the first of them is looked at. */
async function lendAndLook(fileSystem: FileSystem, readCacheBytes: number) {
  const torrent = makeTorrent({
    pieceLength: 262_144,
    files: [24 * 262_144],
  });
  const [disk, storage] = await stored(fileSystem, torrent, readCacheBytes);
  for (const inOrder of [true, false]) {
    const lent: [number, number, Uint8Array][] = [];
    const waiting: Promise<void>[] = [];
    for (let k = 0; k < 24 * 16; k++) {
      const piece = inOrder ? k >> 4 : k % 24;
      const offset = (inOrder ? k & 15 : Math.floor(k / 24)) * 16384;
      const bytes = storage.readBlock(piece, offset, 16384, { brief: true });
      if (bytes instanceof Uint8Array) lent.push([piece, offset, bytes]);
      else {
        waiting.push(bytes.then((bytes) => {
          lent.push([piece, offset, bytes]);
        }));
      }
    }
    for (const [piece, offset, bytes] of lent) {
      const right = torrent.content[piece]!;
      assertEquals(bytes, right.subarray(offset, offset + 16384));
    }
    await Promise.all(waiting);
    for (const [piece, offset, bytes] of lent.slice(-waiting.length)) {
      if (waiting.length === 0) break;
      const right = torrent.content[piece]!;
      assertEquals(bytes, right.subarray(offset, offset + 16384));
    }
  }
  await disk.close();
}

for (const cacheBytes of [0, MIB, 3 * MIB]) {
  Deno.test(
    `lent bytes stay right, memory, cache of ${cacheBytes}`,
    pure,
    () => lendAndLook(new MemoryFileSystem(), cacheBytes),
  );
  Deno.test(
    `lent bytes stay right, slow, cache of ${cacheBytes}`,
    pure,
    () => lendAndLook(slow(), cacheBytes),
  );
  Deno.test({
    name: `lent bytes stay right, native, cache of ${cacheBytes}`,
    permissions: { read: true, write: true },
    async fn() {
      await using temp = new TempDir();
      await lendAndLook(new NativeFileSystem(temp.path), cacheBytes);
    },
  });
}

Deno.test(
  "what is asked for in order is read a run at a time",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [8 * MIB] });
    let reads = 0;
    const fileSystem = interceptFileSystem(
      new MemoryFileSystem(),
      injectFaults((call) => {
        if (call.operation === "read") reads++;
        return undefined;
      }),
    );
    const [disk, storage] = await stored(fileSystem, torrent, 4 * MIB);
    for (let at = 0; at < 8 * MIB; at += 16384) {
      storage.readBlock(Math.floor(at / MIB), at % MIB, 16384, { brief: true });
    }
    assert(reads <= 8 * 4 + 1, `${reads} reads of 32 runs`);
    await disk.close();
  },
);

Deno.test(
  "who asks here and there does not have more read than asked for",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [64 * MIB] });
    const [disk, storage] = await stored(
      new MemoryFileSystem(),
      torrent,
      32 * MIB,
    );
    const random = seededRandom(5);
    let asked = 0;
    for (const length of [1, 16384]) {
      for (let i = 0; i < 2000; i++) {
        const offset = randomInt(random, MIB / 16384) * 16384;
        storage.readBlock(randomInt(random, 64), offset, length);
        asked += length;
      }
    }
    const { readBytes } = storage.stats();
    assert(readBytes < 5 * asked, `${readBytes} read for ${asked}`);
    await disk.close();
  },
);

Deno.test(
  "a read over the ends of runs is put together",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: MIB, files: [2 * MIB - 100] });
    for (const fileSystem of [new MemoryFileSystem(), slow()]) {
      const [disk, storage] = await stored(fileSystem, torrent, 4 * MIB);
      for (
        const [piece, offset, length] of [
          [0, 262_144 - 5, 16384],
          [0, 2 * 262_144 - 16383, 16384],
          [1, 262_144 - 1, 2],
          [1, 3 * 262_144 - 100, 262_144],
          [0, 1, 600_000],
        ] as const
      ) {
        assertEquals(
          await storage.readBlock(piece, offset, length),
          torrent.content[piece]!.subarray(offset, offset + length),
          `${piece} ${offset} ${length}`,
        );
      }
      await disk.close();
    }
  },
);

Deno.test("half of a run is worth the whole of it", pure, async () => {
  const run = 262_144;
  const torrent = makeTorrent({ pieceLength: MIB, files: [MIB] });
  for (const [length, read] of [[run / 2, run], [16384, 16384]]) {
    const memory = new MemoryFileSystem();
    const [disk, storage] = await stored(memory, torrent, 4 * MIB);
    storage.readBlock(0, run, length!);
    assertEquals(storage.stats().readBytes, read);
    await disk.close();
  }
  // The last run of a piece is as long as what is left of it.
  const odd = makeTorrent({ pieceLength: MIB, files: [run + 30_000] });
  for (const [length, read] of [[15_000, 30_000], [14_999, 14_999]]) {
    const [disk, storage] = await stored(new MemoryFileSystem(), odd, 4 * MIB);
    storage.readBlock(0, run, length!);
    assertEquals(storage.stats().readBytes, read);
    await disk.close();
  }
  // What lies across two runs is joined.
  const [disk, storage] = await stored(new MemoryFileSystem(), odd, 4 * MIB);
  for (const [offset, length] of [[run - 10, 20], [run - 1, 20_001]]) {
    assertEquals(
      await storage.readBlock(0, offset!, length!),
      odd.content[0]!.subarray(offset!, offset! + length!),
    );
  }
  await disk.close();
  // Of a short one less is half.
  const short = makeTorrent({ pieceLength: MIB, files: [20_000] });
  for (const [length, read] of [[10_000, 20_000], [9_999, 9_999]]) {
    const memory = new MemoryFileSystem();
    const [disk, storage] = await stored(memory, short, 4 * MIB);
    storage.readBlock(0, 0, length!);
    assertEquals(storage.stats().readBytes, read);
    await disk.close();
  }
});

/** A reader of far pieces whose reads end when they are told to. */
function farReader() {
  const torrent = makeTorrent({ pieceLength: MIB, files: [2 * MIB] });
  const waiting: ((good: boolean | Error) => void)[] = [];
  const reader = new PieceReader(
    {
      readRange: (pieceIndex, offset, into) =>
        new Promise<boolean>((resolve, reject) =>
          waiting.push((good) => {
            if (good instanceof Error) return reject(good);
            into.set(
              torrent.content[pieceIndex]!.subarray(
                offset,
                offset + into.length,
              ),
            );
            resolve(good);
          })
        ),
    },
    torrent.layout,
    new ReadCache(8 * MIB),
    true,
  );
  const read = (offset: number) => Promise.resolve(reader.read(0, offset, 16));
  const right = (offset: number) =>
    torrent.content[0]!.subarray(offset, offset + 16);
  return { reader, waiting, read, right };
}

Deno.test(
  "reads of one run wait for one load, and the next find it",
  pure,
  async () => {
    const { waiting, read, right } = farReader();
    const [first, second] = [read(0), read(5)];
    assertEquals(waiting.length, 1);
    waiting[0]!(true);
    assertEquals([await first, await second], [right(0), right(5)]);
    assertEquals([await read(9), waiting.length], [right(9), 1]);
  },
);

Deno.test(
  "a load that fails, or is short, is tried again by the next read",
  pure,
  async () => {
    const { waiting, read, right } = farReader();
    for (
      const [result, message] of [
        [new Error("broken"), "broken"],
        [false, "A file of piece 0 is missing or shorter than it was"],
      ] as const
    ) {
      const failed = read(0);
      waiting.pop()!(result);
      await assertRejects(() => failed, Error, message);
    }
    const again = read(0);
    waiting.pop()!(true);
    assertEquals(await again, right(0));
  },
);

Deno.test(
  "what was loading when all was forgotten is not kept",
  pure,
  async () => {
    const { reader, waiting, read, right } = farReader();
    const before = read(0);
    reader.clear();
    const after = read(0);
    assertEquals(waiting.length, 2);
    waiting[0]!(true);
    assertEquals(await before, right(0));
    // The later one is still the one to wait for.
    void read(3);
    assertEquals(waiting.length, 2);
    waiting[1]!(true);
    assertEquals(await after, right(0));
    const failing = read(MIB - 16);
    reader.clear();
    void read(MIB - 16);
    waiting[2]!(new Error("broken"));
    await assertRejects(() => failing, Error, "broken");
    void read(MIB - 16);
    assertEquals(waiting.length, 4);
  },
);
