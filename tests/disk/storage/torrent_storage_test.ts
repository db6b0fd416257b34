import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { crypto } from "@std/crypto";
import { randomInt, seededRandom, shuffle } from "../../../_shared/random.ts";
import { budgetParts, DiskBudget } from "../../../disk/budget.ts";
import { DiskError } from "../../../disk/error.ts";

import { makeTorrent, type TestTorrent } from "../support.ts";

import { assertFiles, open, writeAll, writePiece } from "../storage_bench.ts";
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
  const { message } = assertThrows(
    () => storage.readBlock(1, 17000, 233),
    Error,
  );
  assertEquals(
    message,
    "Cannot read block: There are no bytes 17000 to 17233 in piece 1 of 2",
  );
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
      const bad = [0, 1].map((pieceIndex) => ({
        type: "piece-bad",
        pieceIndex,
        // Nobody is to blame but who made the torrent.
        reason: "contradiction",
        blockDigests: undefined,
      }));
      assertEquals(bench.events as unknown[], bad);
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
  "memory that is on its way to the files is counted until it comes back",
  pure,
  async () => {
    const torrent = makeTorrent({ pieceLength: 65536, files: [400_000] });
    const budget = new DiskBudget();
    const { pool } = budgetParts(budget);
    for (const fails of [false, true]) {
      await using bench = await open(torrent, { slow: true, disk: { budget } });
      const { storage } = bench;
      for (const i of [0, 1, 2]) {
        storage.writeBlock(i, 0, torrent.content[i]!.subarray(0, 16384));
      }
      const used = budget.bufferedBytes;
      assertEquals(used, 3 * 65536);
      const error = new Error("EIO");
      if (fails) {
        bench.fault = ({ operation }) =>
          operation === "write" ? { error } : undefined;
      }
      const flushed = storage.flush();
      assertEquals(pool.leavingBytes, 3 * 65536);
      if (fails) await assertRejects(() => flushed, DiskError, "EIO");
      else await flushed;
      assertEquals(pool.leavingBytes, 0);
      assertEquals(budget.bufferedBytes, fails ? used : 0);
      bench.fault = undefined;
      assertEquals(await storage.resume(), true);
    }
  },
);
