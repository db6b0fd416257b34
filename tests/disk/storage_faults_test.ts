import {
  assert,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

import { DiskError } from "../../disk/error.ts";

import { MemoryFileSystem } from "../../disk/memory_file_system.ts";

import { SimClock } from "../../testing/sim_clock.ts";
import { makeTorrent } from "./support.ts";

import { assertFiles, open, writeAll, writePiece } from "./storage_bench.ts";
const pure = { permissions: "none" } as const;

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

Deno.test(
  "a file is where it was renamed to, even if it cannot be looked at there",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 1 << 16, files: [1 << 16] });
    await using bench = await open(torrent);
    const { storage, memory } = bench;
    writePiece(storage, torrent, 0);
    const error = new DiskError("io", "Broken", { operation: "look at" });
    bench.fault = ({ operation, path }) =>
      operation === "stat" && path[0] === "b" &&
        memory.stat(["b"]) !== undefined
        ? { error }
        : undefined;
    await storage.renameFile(0, ["b"]);
    bench.fault = undefined;
    await storage.renameFile(0, ["c"]);
    assertEquals(memory.list(), ["c"]);
    assertEquals(memory.contents(["c"]), torrent.fileContent[0]);
  },
);

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

Deno.test("after a failure there is as much room as before", pure, async () => {
  const torrent = makeTorrent({ pieceLength: 1 << 19, files: [16 << 20] });
  const max = 1 << 20;
  for (const slow of [false, true]) {
    await using bench = await open(torrent, {
      slow,
      disk: { maxBufferedBytes: max },
    });
    const { storage, disk, memory } = bench;
    const write = (i: number, at: number) =>
      storage.writeBlock(i, at, torrent.content[i]!.subarray(at, at + 16384));
    bench.fault = (call) =>
      call.operation === "write" ? { error: new Error("EIO") } : undefined;
    // Beyond what there is room for: it is to be written out, and cannot.
    const lost: [number, number][] = [];
    for (let at = 0; at < 4 * 16384; at += 16384) {
      for (let i = 0; i < 32; i++) {
        if (write(i, at) === "refused") lost.push([i, at]);
      }
    }
    await storage.flush().catch(() => {});
    assertEquals(storage.state, "paused");
    const { bufferedBytes } = storage.stats();
    assert(bufferedBytes > 0 && bufferedBytes === disk.bufferedBytes);
    bench.fault = undefined;
    assertEquals(await storage.resume(), true);
    let most = 0;
    const place = async (i: number, at: number) => {
      if (storage.pressure !== undefined) await storage.pressure;
      assertEquals(write(i, at), "accepted");
      most = Math.max(most, disk.bufferedBytes);
    };
    for (const [i, at] of lost) await place(i, at);
    for (let at = 4 * 16384; at < 1 << 19; at += 16384) {
      for (let i = 0; i < 32; i++) await place(i, at);
    }
    await storage.flush();
    assert(most <= max * 1.5, `${most} bytes were buffered`);
    assert(storage.have.isFull);
    assertFiles(memory, torrent);
    assertEquals(storage.stats().bufferedBytes, 0);
  }
});

Deno.test(
  "close tells that the last bytes were not written",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 32768, files: [100_000] });
    for (const slow of [false, true]) {
      await using bench = await open(torrent, { slow });
      const { storage, disk } = bench;
      storage.writeBlock(0, 0, torrent.content[0]!.subarray(0, 16384));
      bench.fault = (call) =>
        call.operation === "write" ? { error: new Error("EIO") } : undefined;
      await assertRejects(() => storage.close(), DiskError, "EIO");
      // It is closed all the same; the promise stays the same one.
      assertEquals(storage.state, "closed");
      assertStrictEquals(storage.close(), storage.close());
      await assertRejects(() => storage.close(), DiskError, "EIO");
      assertEquals(disk.get(torrent.infoHash), undefined);
      assertEquals(disk.bufferedBytes, 0);
      const again = await disk.add(torrent, { existing: "assume-empty" });
      again.writeBlock(0, 0, torrent.content[0]!.subarray(0, 16384));
      // The old one does not make room for a third, and dispose tells nothing.
      await storage[Symbol.asyncDispose]();
      await assertRejects(() => disk.add(torrent), DiskError);
      await assertRejects(() => disk.close(), AggregateError, "last bytes");
      assertEquals(again.state, "closed");
    }
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
  "what cannot be read any more is lost; the rest is served",
  pure,
  async () => {
    const torrent = makeTorrent({
      pieceLength: 65536,
      files: [200_000, 10, 100_000],
    });
    for (const readCacheBytes of [0, 1 << 20]) {
      for (const slow of [false, true]) {
        await using bench = await open(torrent, {
          disk: { readCacheBytes },
          slow,
        });
        const { storage, events, memory } = bench;
        writeAll(storage, torrent);
        await storage.flush();
        const read = async (i: number) =>
          assertEquals(
            await storage.readBlock(i, 0, 9),
            torrent.content[i]!.subarray(0, 9),
          );
        // One piece that the disk cannot give.
        bench.fault = (call) =>
          call.operation === "read" ? { error: new Error("EIO") } : undefined;
        events.length = 0;
        const first = await assertRejects(
          async () => await storage.readBlock(2, 0, 9),
          DiskError,
        );
        assertEquals(first.code, "io");
        bench.fault = undefined;
        await storage.flush();
        assertEquals(events, [{
          type: "pieces-lost",
          pieces: [2],
          error: first,
        }]);
        assertEquals([...storage.have], [0, 1, 3, 4]);
        await read(1);
        // A file that was cut: all pieces that reach behind its end.
        const handle = memory.open(["torrent", "f0"], { write: true });
        handle.truncate(70_000);
        handle.close();
        await read(0);
        const short = await assertRejects(
          async () => await storage.readBlock(3, 0, 9),
          DiskError,
        );
        assertEquals(short.code, "short-read");
        await storage.flush();
        assertEquals([...storage.have], [0, 4]);
        await read(4);
        assertEquals(events.length, 2);
        const again = await assertRejects(
          async () => await storage.readBlock(1, 0, 9),
          DiskError,
        );
        assertEquals(again.code, "not-verified");
        // What comes in again makes it whole.
        writeAll(storage, torrent);
        await storage.flush();
        assert(storage.have.isFull);
        assertFiles(memory, torrent);
        for (let i = 0; i < 5; i++) await read(i);
      }
    }
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
  // The first block alone, then all of them.
  assertEquals(reads, 2);
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
  await assertRejects(() => storage.recheck(), DiskError);
  assertEquals(await storage.resume(), false);
  // What came in before is in the file.
  assertEquals(
    memory.contents(["torrent", "f0"])!.subarray(0, 49152),
    torrent.fileContent[0]!.subarray(0, 49152),
  );
  assertEquals(disk.get(torrent.infoHash), undefined);
  assertEquals(disk.bufferedBytes, 0);
  assertEquals(await Array.fromAsync(storage.events()), []);
  await disk.close();
  await disk.close();
});

Deno.test(
  "no descriptors: it is tried again in a second, until the storage is closed",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 16384, files: [16384] });
    for (const isClosed of [false, true]) {
      const clock = new SimClock();
      await using bench = await open(torrent, { disk: { clock } });
      const { storage, memory, events } = bench;
      const error = new DiskError("too-many-files", "None left", {
        operation: "open",
      });
      bench.fault = ({ operation }) =>
        operation === "open" ? { error } : undefined;
      writeAll(storage, torrent);
      await clock.advance(999);
      assertEquals([storage.state, clock.pending], ["paused", 1]);
      bench.fault = undefined;
      if (isClosed) {
        await storage.close().catch(() => {});
        assertEquals(clock.pending, 0);
        continue;
      }
      await clock.advance(1);
      await storage.flush();
      assertEquals(events.map(({ type }) => type), ["piece-good"]);
      assertFiles(memory, torrent);
    }
  },
);
