import { assert, assertEquals, assertRejects } from "@std/assert";
import { seededRandom } from "../../_shared/random.ts";
import { DiskError } from "../../disk/error.ts";
import { partFileName } from "../../disk/files/part_file.ts";
import { DiskManager } from "../../disk/manager.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { injectFaults, interceptFileSystem } from "../../disk/middleware.ts";
import type { FileAllocation } from "../../disk/storage.ts";
import { assertFiles, open, writeAll, writePiece } from "./storage_bench.ts";
import { makeTorrent, type TestTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;
const MODES: readonly FileAllocation[] = ["sparse", "full", "compact"];
const torrent = makeTorrent({
  pieceLength: 32768,
  files: [
    100_000,
    0,
    10,
    { length: 32758 - 100_000 % 32768 + 300, pad: true },
    200_000,
    7,
  ],
});
const partName = partFileName(torrent.infoHash);

function sizes(memory: MemoryFileSystem, { paths }: TestTorrent) {
  return paths.map((path) => memory.stat(path)?.size);
}

Deno.test(
  "sparse: a file has its length from its first write",
  pure,
  async () => {
    await using bench = await open(torrent);
    writePiece(bench.storage, torrent, 1);
    assertEquals(sizes(bench.memory, torrent).slice(0, 3), [
      100_000,
      0,
      undefined,
    ]);
  },
);

Deno.test("full: space is taken before the first byte", pure, async () => {
  const told: number[] = [];
  await using bench = await open(torrent, {
    add: {
      allocation: "full",
      skippedFiles: new Set([5]),
      onReserve: ({ reservedBytes, totalBytes }) => {
        told.push(reservedBytes);
        assertEquals(totalBytes, 300_010);
      },
    },
  });
  const { memory, storage } = bench;
  assertEquals(sizes(memory, torrent), [
    100_000,
    0,
    10,
    undefined,
    200_000,
    undefined,
  ]);
  assert(memory.usedBytes >= 300_010);
  assertEquals(told.at(-1), 300_010);
  assert(storage.have.isEmpty);
  const used = memory.usedBytes;
  writeAll(storage, torrent);
  await storage.flush();
  // Only what the part file has is more.
  memory.remove([partName]);
  assertEquals(memory.usedBytes, used);
});

Deno.test(
  "full: a disk without room is told before the first byte, and is as it was",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const handle = memory.open(torrent.paths[4]!, { write: true });
    handle.write(torrent.fileContent[4]!.subarray(0, 150_000), 0);
    memory.capacityBytes = memory.usedBytes + 65536;
    const before = memory.usedBytes;
    const failed = await assertRejects(
      () =>
        open(torrent, {
          memory,
          add: { allocation: "full", existing: "verify" },
        }),
      DiskError,
    );
    assertEquals(failed.code, "disk-full");
    assertEquals(
      memory.contents(torrent.paths[4]!),
      torrent.fileContent[4]!.subarray(0, 150_000),
    );
    assertEquals(memory.stat(torrent.paths[0]!), undefined);
    assertEquals(memory.usedBytes, before);
  },
);

Deno.test(
  "full: taking space can be ended, and holes of another run are filled",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    const ended = new AbortController();
    const reason = new Error("enough");
    const big = makeTorrent({ pieceLength: 65536, files: [5_000_000] });
    const error = await assertRejects(() =>
      open(big, {
        memory,
        add: {
          allocation: "full",
          signal: ended.signal,
          onReserve: () => ended.abort(reason),
        },
      })
    );
    assertEquals(error, reason);
    assertEquals(memory.list(), []);
    {
      await using bench = await open(big, { memory });
      writePiece(bench.storage, big, 7);
      assert(memory.usedBytes < 200_000);
    }
    await using bench = await open(big, {
      memory,
      add: { allocation: "full", existing: "verify" },
    });
    assertEquals([...bench.storage.have], [7]);
    assert(memory.usedBytes >= 5_000_000);
    assertEquals(
      await bench.storage.readBlock(7, 0, 100),
      big.content[7]!.subarray(0, 100),
    );
  },
);

Deno.test(
  "full: a file that is wanted later takes its space then, or is not wanted",
  pure,
  async () => {
    const memory = new MemoryFileSystem();
    await using bench = await open(torrent, {
      memory,
      add: { allocation: "full", skippedFiles: new Set([4]) },
    });
    const { storage } = bench;
    // Blocks of a border that were written out stay.
    storage.writeBlock(4, 0, torrent.content[4]!.subarray(0, 16384));
    await storage.resumeData();
    memory.capacityBytes = memory.usedBytes + 65536;
    const failed = await assertRejects(
      () => storage.setFileWanted(4, true),
      DiskError,
    );
    assertEquals(failed.code, "disk-full");
    assertEquals(storage.isFileWanted(4), false);
    memory.capacityBytes = Infinity;
    await storage.setFileWanted(4, true);
    assert(memory.usedBytes >= 300_000);
    writeAll(storage, torrent);
    await storage.flush();
    assertFiles(memory, torrent);
  },
);

Deno.test(
  "compact: files grow without gaps, what comes early waits",
  pure,
  async () => {
    for (const slow of [false, true]) {
      await using bench = await open(torrent, {
        slow,
        add: { allocation: "compact" },
      });
      const { memory, storage } = bench;
      const { content } = torrent;
      const room = 65536 * 2;
      for (let i = content.length - 1; i >= 0; i--) {
        writePiece(storage, torrent, i);
        await storage.flush();
        const arrived = content.slice(i).reduce(
          (sum, { length }) => sum + length,
          0,
        );
        const { layout } = torrent;
        const { first, end } = layout.filePieces(0);
        if (i > first && i < end) {
          assertEquals(
            memory.stat(torrent.paths[0]!),
            undefined,
          );
        }
        if (!slow) {
          assert(
            memory.usedBytes <= arrived + 4 * room,
            `${i}: ${memory.usedBytes}`,
          );
        }
        assertEquals(
          await storage.readBlock(i, 0, 10),
          content[i]!.subarray(0, 10),
        );
      }
      await storage.confirm();
      assertFiles(memory, torrent);
      assertEquals(memory.list().includes(partName), false);
    }
  },
);

Deno.test(
  "compact: the part file gives its space back as pieces leave it",
  pure,
  async () => {
    const big = makeTorrent({ pieceLength: 65536, files: [65536 * 64] });
    await using bench = await open(big, { add: { allocation: "compact" } });
    const { memory, storage } = bench;
    const order = Array.from({ length: 63 }, (_, i) => 1 + i * 37 % 63);
    for (const i of order) writePiece(storage, big, i);
    const before = memory.usedBytes;
    let most = 0;
    const watch = setInterval(() => most = Math.max(most, memory.usedBytes), 0);
    writePiece(storage, big, 0);
    await storage.confirm();
    clearInterval(watch);
    most = Math.max(most, memory.usedBytes);
    assert(most <= before + 4 * 65536, `${most} after ${before}`);
    assertFiles(memory, big);
  },
);

Deno.test(
  "compact: a full disk leaves what came in the part file, and is told at the end",
  pure,
  async () => {
    const big = makeTorrent({ pieceLength: 65536, files: [65536 * 8] });
    await using bench = await open(big, { add: { allocation: "compact" } });
    const { memory, storage } = bench;
    for (let i = 7; i > 0; i--) writePiece(storage, big, i);
    bench.fault = ({ operation, path }) =>
      operation === "write" && path.length === 2 &&
        memory.stat(path)!.size >= 65536
        ? {
          error: new DiskError("disk-full", "No space", { operation: "write" }),
        }
        : undefined;
    writePiece(storage, big, 0);
    await storage.flush();
    assert(storage.have.isFull);
    for (let i = 0; i < 8; i++) {
      assertEquals(
        await storage.readBlock(i, 9, 9),
        big.content[i]!.subarray(9, 18),
      );
    }
    const failed = await assertRejects(() => storage.confirm(), DiskError);
    assertEquals(failed.code, "disk-full");
    bench.fault = undefined;
    await storage.confirm();
    assertFiles(memory, big);
  },
);

Deno.test(
  "a part file with two pieces in one slot keeps the others",
  pure,
  async () => {
    const big = makeTorrent({ pieceLength: 32768, files: [32768 * 8] });
    const memory = new MemoryFileSystem();
    {
      await using bench = await open(big, {
        memory,
        add: { allocation: "compact" },
      });
      for (const i of [5, 3, 2]) writePiece(bench.storage, big, i);
    }
    const name = [partFileName(big.infoHash)];
    // The table begins behind 40 bytes: piece 7 in the slot of piece 5.
    memory.open(name, { write: true }).write(
      new Uint8Array([0, 0, 0, 1]),
      40 + 4 * 7,
    );
    for (const have of [[2, 3], [2, 3, 6]]) {
      await using bench = await open(big, {
        memory,
        add: { allocation: "compact", existing: "verify" },
      });
      assertEquals([...bench.storage.have], have);
      // What takes that slot next has it alone.
      writePiece(bench.storage, big, 6);
    }
  },
);

Deno.test(
  "a slot that could not be given back belongs to the next piece alone",
  pure,
  async () => {
    const big = makeTorrent({ pieceLength: 32768, files: [32768 * 8] });
    const memory = new MemoryFileSystem();
    const add = { allocation: "compact", existing: "verify" } as const;
    {
      await using bench = await open(big, { memory, add });
      for (const i of [5, 1]) writePiece(bench.storage, big, i);
      const name = partFileName(big.infoHash);
      bench.fault = ({ operation, path }) =>
        operation === "write" && path.join() === name
          ? { error: new DiskError("io", "Gone", { operation: "write" }) }
          : undefined;
      writePiece(bench.storage, big, 0);
      await bench.storage.flush();
      bench.fault = undefined;
      // It takes the slot of piece 1.
      writePiece(bench.storage, big, 7);
    }
    await using bench = await open(big, { memory, add });
    assertEquals([...bench.storage.have], [0, 1, 5, 7]);
  },
);

Deno.test(
  "what could not leave the part file leaves it the next time",
  pure,
  async () => {
    const big = makeTorrent({ pieceLength: 32768, files: [32768 * 8] });
    const add = { existing: "verify", allocation: "sparse" } as const;
    for (const failing of [0, 1, 2]) {
      const memory = new MemoryFileSystem();
      {
        await using bench = await open(big, {
          memory,
          add: { allocation: "compact" },
        });
        for (const i of [0, 7, 3, 5]) writePiece(bench.storage, big, i);
      }
      let writes = 0;
      const fileSystem = interceptFileSystem(
        memory,
        injectFaults(({ operation, path }) =>
          operation === "write" && path.at(-1) === "f0" && writes++ === failing
            ? { error: new DiskError("disk-full", "Full", { operation }) }
            : undefined
        ),
      );
      await using disk = new DiskManager({ fileSystem });
      await assertRejects(() => disk.add(big, add), DiskError, "Full");
      await using bench = await open(big, { memory, add });
      assertEquals([...bench.storage.have], [0, 3, 5, 7], `${failing}`);
      writeAll(bench.storage, big);
      await bench.storage.confirm();
      assertFiles(memory, big);
    }
  },
);

Deno.test(
  "pieces that were in a part file which is gone are not had",
  pure,
  async () => {
    for (const allocation of MODES) {
      const memory = new MemoryFileSystem();
      let resume: Uint8Array;
      {
        await using bench = await open(torrent, {
          memory,
          add: { allocation: "compact" },
        });
        for (const i of [0, 2, 6]) writePiece(bench.storage, torrent, i);
        await bench.storage.flush();
        resume = await bench.storage.resumeData();
      }
      memory.remove([partName]);
      await using bench = await open(torrent, {
        memory,
        add: { allocation, existing: "resume", resume },
      });
      assertEquals([...bench.storage.have], [0], allocation);
    }
  },
);

Deno.test(
  "every mode goes on from every other, after a clean end and after none",
  pure,
  async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const below = (n: number) => random(new Uint8Array(1))[0]! % n;
      const memory = new MemoryFileSystem();
      const done = new Set<number>();
      let resume: Uint8Array | undefined;
      for (let run = 0; run < 4; run++) {
        const allocation = MODES[below(3)]!;
        const skippedFiles = new Set(
          run < 3 ? [0, 2, 4, 5].filter(() => below(4) === 0) : [],
        );
        const note = `seed ${seed}, run ${run}, ${allocation}`;
        const bench = await open(torrent, {
          memory,
          slow: below(3) === 0,
          add: {
            allocation,
            skippedFiles,
            existing: resume !== undefined && below(2) === 0
              ? "resume"
              : "verify",
            resume,
          },
        });
        const { storage } = bench;
        const isPad = (i: number) => torrent.layout.payloadSize(i) === 0;
        assertEquals(
          [...storage.have].filter((i) => !isPad(i)),
          [...done].sort((a, b) => a - b),
          note,
        );
        for (let n = below(12); n > 0; n--) {
          const i = below(torrent.content.length);
          if (isPad(i)) continue;
          const isLong = torrent.layout.payloadSize(i) > 16384;
          if (isLong && below(4) === 0) {
            storage.writeBlock(i, 0, torrent.content[i]!.subarray(0, 16384));
            await storage.resumeData();
            continue;
          }
          writePiece(storage, torrent, i);
          done.add(i);
          if (below(4) === 0) {
            await storage.flush();
            assertEquals(
              await storage.readBlock(i, 0, 99),
              torrent.content[i]!.subarray(0, 99),
              note,
            );
          }
        }
        if (below(2) === 0) resume = await storage.resumeData();
        if (run === 3) {
          writeAll(storage, torrent);
          await storage.confirm();
          assert(storage.have.isFull, note);
          assertFiles(memory, torrent);
          assertEquals(memory.list().includes(partName), false, note);
        }
        await storage.flush();
        for (const i of done) {
          assertEquals(
            await storage.readBlock(i, 0, torrent.content[i]!.length),
            torrent.content[i]!,
            `${note}, piece ${i}`,
          );
        }
        await bench[Symbol.asyncDispose]();
      }
    }
  },
);
