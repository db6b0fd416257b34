import { assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { BLOCK_SIZE } from "../../../metainfo/piece_layout.ts";
import { makeTorrent } from "../support.ts";
import { full, setUp, torrent } from "./assembler_world.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "PieceAssembler: a whole piece is hashed, written and told",
  pure,
  () => {
    const { assembler, pool, have, block, events, taken, bytes } = setUp();
    assertEquals(pool.holders.size, 0);
    assertEquals(block(0, 1), "accepted");
    assertEquals([...pool.holders], [assembler]);
    assertEquals(block(0, 1), "duplicate");
    assertEquals(assembler.has(0), true);
    assertEquals(assembler.has(1), false);
    assertEquals(assembler.partialPieces(), [0]);
    assertEquals(assembler.bufferedBytes, BLOCK_SIZE);
    assertEquals([...assembler.blocksOf(0)!], [1]);
    assertEquals(assembler.blocksOf(1), undefined);
    assertEquals(taken(), []);
    assertEquals(block(0, 0), "accepted");
    assertEquals(taken(), [{
      name: "piece",
      pieceIndex: 0,
      runs: [[0, BLOCK_SIZE], [BLOCK_SIZE, BLOCK_SIZE]],
    }]);
    assertEquals(bytes[0], torrent.content[0]);
    assertEquals(events, [
      { type: "piece-good", pieceIndex: 0, blockDigests: undefined },
    ]);
    assertEquals([...have], [0]);
    assertEquals([assembler.partialCount, assembler.bufferedBytes], [0, 0]);
    assertEquals([pool.usedBytes, pool.leavingBytes, pool.holders.size], [
      0,
      0,
      0,
    ]);
  },
);

Deno.test(
  "PieceAssembler: blocks of the last attempt are told once it is right",
  pure,
  () => {
    const { assembler, block, events, have } = setUp();
    assembler.write(0, 0, new Uint8Array(BLOCK_SIZE));
    block(0, 1);
    const [bad] = events.splice(0);
    assertEquals(bad!.type, "piece-bad");
    const digests = bad!.type === "piece-bad" ? bad!.blockDigests! : undefined;
    assertEquals(digests!.length, 40);
    assertEquals([assembler.badPieces, assembler.partialCount], [1, 0]);
    assertEquals(have.isEmpty, true);
    block(0, 0);
    block(0, 1);
    const [good] = events.splice(0);
    const right = good!.type === "piece-good" ? good!.blockDigests! : undefined;
    assertEquals(right!.length, 40);
    assertEquals(right!.subarray(20), digests!.subarray(20));
    assertEquals(right!.subarray(0, 20) === digests!.subarray(0, 20), false);
    // Others were not bad before.
    block(1, 0);
    block(1, 1);
    assertEquals(events, [
      { type: "piece-good", pieceIndex: 1, blockDigests: undefined },
    ]);
    assertEquals(assembler.badPieces, 1);
  },
);

Deno.test(
  "PieceAssembler: a failed write pauses all, and resume() writes what waits",
  pure,
  async () => {
    const bench = setUp();
    const { assembler, pool, block, told, taken, have, work } = bench;
    bench.answer = () => {
      throw full;
    };
    block(0, 0);
    block(0, 1);
    assertEquals(assembler.error, full);
    assertEquals([told(), taken().length], [["error"], 1]);
    assertEquals([assembler.bufferedBytes, pool.leavingBytes], [
      2 * BLOCK_SIZE,
      0,
    ]);
    // It is whole already; other pieces wait, too.
    assertEquals(block(0, 0), "duplicate");
    block(1, 0);
    block(1, 1);
    assertEquals([told(), taken().length], [[], 0]);
    assertEquals(assembler.spillable(), []);
    assembler.resume();
    // The other one does not get its turn after that.
    assertEquals([told(), taken().length], [["error"], 1]);
    bench.answer = () => Promise.reject(full);
    assembler.resume();
    assertEquals(assembler.error, undefined);
    // Both are on their way: the second, verified, is told of no more.
    assertEquals(taken().map(({ pieceIndex }) => pieceIndex), [0, 1]);
    assertEquals(pool.leavingBytes, 4 * BLOCK_SIZE);
    await Promise.all(work);
    assertEquals([told(), pool.leavingBytes], [["error"], 0]);
    bench.answer = undefined;
    assembler.resume();
    assertEquals(told(), ["piece-good", "piece-good"]);
    assertEquals([...have], [0, 1]);
    assembler.resume();
    assertEquals([told(), taken().length], [[], 2]);
  },
);

Deno.test(
  "PieceAssembler: what is held waits, but for what was found meanwhile",
  pure,
  () => {
    const { assembler, block, told, taken, have, pool } = setUp();
    block(1, 0);
    assembler.hold();
    block(0, 0);
    block(0, 1);
    block(1, 1);
    block(2, 0);
    assertEquals([told(), taken(), assembler.spillable()], [[], [], []]);
    have.set(0);
    have.set(2);
    assembler.unhold();
    assertEquals(told(), ["piece-good"]);
    assertEquals(taken().map(({ pieceIndex }) => pieceIndex), [1]);
    assertEquals([assembler.partialCount, pool.usedBytes], [0, 0]);
    assertEquals(pool.holders.size, 0);
  },
);

Deno.test(
  "PieceAssembler: what is spilled needs no memory and is read back",
  pure,
  () => {
    const { assembler, block, told, taken, pool } = setUp();
    block(0, 1);
    block(1, 0, 100);
    assertEquals(assembler.spillable().map((one) => one.pieceIndex), [0, 1]);
    assembler.spillAll();
    assertEquals(assembler.error, undefined);
    assertEquals(taken(), [
      { name: "write", pieceIndex: 0, runs: [[BLOCK_SIZE, BLOCK_SIZE]] },
      { name: "write", pieceIndex: 1, runs: [[0, 100]] },
    ]);
    assertEquals(
      [assembler.bufferedBytes, pool.usedBytes, pool.leavingBytes],
      [0, 0, 0],
    );
    assertEquals(assembler.spillable(), []);
    const stored = [...assembler.storedBlocks()];
    assertEquals(stored.map(([i, blocks]) => [i, ...blocks]), [[0, 1]]);
    assertEquals(block(0, 1), "duplicate");
    block(0, 0);
    assertEquals(told(), ["piece-good"]);
    assertEquals(taken(), [
      { name: "read", pieceIndex: 0, runs: [[BLOCK_SIZE, BLOCK_SIZE]] },
      { name: "piece", pieceIndex: 0, runs: [[0, BLOCK_SIZE]] },
    ]);
  },
);

Deno.test(
  "PieceAssembler: bytes that cannot be spilled stay in memory",
  pure,
  async () => {
    const bench = setUp();
    const { assembler, block, told, taken, pool, work } = bench;
    block(0, 0);
    block(1, 0);
    bench.answer = () => {
      throw full;
    };
    assembler.spillAll();
    assertEquals(assembler.error, full);
    // The first failure ends it.
    assertEquals([told(), taken().length], [["error"], 1]);
    assertEquals(
      [assembler.bufferedBytes, pool.leavingBytes],
      [2 * BLOCK_SIZE, 0],
    );
    assembler.resume();
    bench.answer = () => Promise.reject(full);
    assembler.spillAll();
    assertEquals(assembler.error, undefined);
    assertEquals(pool.leavingBytes, 2 * BLOCK_SIZE);
    assertEquals([assembler.spillable(), [...assembler.storedBlocks()]], [
      [],
      [],
    ]);
    // A block comes before that one is back: it is hashed after that.
    block(0, 1);
    await Promise.all(work.splice(0));
    assertEquals(assembler.error, full);
    assertEquals([told(), pool.leavingBytes], [["error"], 0]);
    bench.answer = undefined;
    assembler.resume();
    await Promise.all(work);
    assertEquals(told(), ["piece-good"]);
    assertEquals(assembler.partialPieces(), [1]);
  },
);

Deno.test(
  "PieceAssembler: where nothing unverified is kept, all but the fullest are dropped",
  pure,
  () => {
    const { assembler, block, events, taken, pool, have } = setUp({
      ranges: false,
    });
    block(0, 0);
    block(1, 0);
    block(1, 1, 5);
    block(2, 0);
    assertEquals(assembler.spillable().map((one) => one.pieceIndex), [0, 2]);
    assembler.spillAll();
    assertEquals(assembler.error, undefined);
    assembler.writeAhead();
    assertEquals([events, taken()], [[], []]);
    const [first] = assembler.spillable();
    assembler.spill(first!);
    assertEquals(events.splice(0), [
      { type: "piece-bad", pieceIndex: 0, reason: "lost" },
    ]);
    assertEquals(assembler.badPieces, 0);
    // It is another one by now.
    block(0, 0);
    assembler.spill(first!);
    assertEquals(events, []);
    assertEquals(assembler.partialPieces(), [1, 2, 0]);
    assertEquals(pool.usedBytes, 4 * BLOCK_SIZE);
    block(0, 1);
    assertEquals([...have], [0]);
  },
);

Deno.test(
  "PieceAssembler: what is written ahead stays in memory, and is written once",
  pure,
  async () => {
    const bench = setUp();
    const { assembler, block, told, taken, work } = bench;
    block(0, 0);
    block(1, 1);
    let go = () => {};
    bench.answer = () => new Promise((resolve) => go = resolve);
    assembler.writeAhead();
    assertEquals(taken().map(({ pieceIndex }) => pieceIndex), [0, 1]);
    bench.answer = undefined;
    go();
    await work[1];
    assertEquals([...assembler.storedBlocks()].map(([i]) => i), [1]);
    assertEquals(assembler.bufferedBytes, 2 * BLOCK_SIZE);
    block(1, 0);
    assertEquals(told(), ["piece-good"]);
    assertEquals(taken().at(-1)!.runs, [[0, BLOCK_SIZE]]);
    bench.answer = () => {
      throw full;
    };
    block(2, 0);
    const second = setUp();
    second.block(0, 0);
    second.block(1, 0);
    second.answer = bench.answer;
    second.assembler.writeAhead();
    // The first failure ends it.
    assertEquals([second.told(), second.taken().length], [["error"], 1]);
    assertEquals([...second.assembler.storedBlocks()], []);
  },
);

Deno.test("PieceAssembler: blocks in the files count as there", pure, () => {
  const { assembler, block, told, taken, bytes, have, pool } = setUp();
  bytes.forEach((piece, i) => piece.set(torrent.content[i]!));
  const blocks = (count: number, ...set: number[]) => {
    const field = new Bitfield(count);
    for (const i of set) field.set(i);
    return field;
  };
  have.set(1);
  assembler.adopt(1, blocks(2, 0));
  assertEquals([assembler.partialCount, pool.holders.size], [0, 0]);
  assembler.adopt(0, blocks(2, 1));
  assertEquals([...assembler.blocksOf(0)!], [1]);
  assertEquals([...pool.holders], [assembler]);
  assertEquals([...assembler.storedBlocks()].length, 1);
  assembler.adopt(0, blocks(2, 1));
  assertEquals([told(), taken()], [[], []]);
  block(0, 0);
  assertEquals(told(), ["piece-good"]);
  taken();
  // The last block is shorter.
  assembler.adopt(2, blocks(2, 0, 1));
  assertEquals(told(), ["piece-good"]);
  assertEquals(taken().at(-1), { name: "piece", pieceIndex: 2, runs: [] });
  assertEquals([...have], [0, 1, 2]);
});

Deno.test("PieceAssembler: padding is there from the start", pure, () => {
  const padded = makeTorrent({
    pieceLength: 2 * BLOCK_SIZE,
    files: [
      BLOCK_SIZE,
      { length: BLOCK_SIZE, pad: true },
      BLOCK_SIZE + 5,
      { length: BLOCK_SIZE - 5, pad: true },
      7,
    ],
  });
  const { assembler, block, told } = setUp({ of: padded });
  assertEquals([...assembler.blocksOf(0)!], [1]);
  // Padding that covers no whole block says nothing.
  assertEquals(assembler.blocksOf(1), undefined);
  assertEquals(assembler.blocksOf(2), undefined);
  assertEquals(assembler.partialCount, 0);
  assertEquals(block(0, 1), "duplicate");
  assertEquals(block(0, 0), "accepted");
  assertEquals(told(), ["piece-good"]);
});

Deno.test(
  "PieceAssembler: room is made once others are written",
  pure,
  async () => {
    const long = makeTorrent({
      pieceLength: 4 * BLOCK_SIZE,
      files: [200 * BLOCK_SIZE],
    });
    const bench = setUp({ of: long, maxBytes: 64 * BLOCK_SIZE });
    const { assembler, block, pool, work, taken } = bench;
    let go = () => {};
    bench.answer = () => new Promise((resolve) => go = resolve);
    for (let i = 0; i < 25; i++) block(i, 0);
    pool.makeRoom();
    assertEquals(taken(), []);
    assembler.spill(assembler.spillable()[0]!);
    assertEquals(taken().length, 1);
    for (let i = 25; i < 50; i++) for (const k of [0, 1]) block(i, k);
    assertEquals(pool.isOver, true);
    bench.answer = undefined;
    go();
    await Promise.all(work);
    assertEquals(pool.isOver, false);
    assertEquals(pool.usedBytes <= 48 * BLOCK_SIZE, true);
    assembler.discard();
    assertEquals([pool.usedBytes, pool.holders.size], [0, 0]);
    assertEquals(assembler.partialCount, 0);
  },
);
