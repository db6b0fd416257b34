import { assertEquals } from "@std/assert";
import { BLOCK_SIZE } from "../../../metainfo/piece_layout.ts";
import { makeTorrent } from "../support.ts";
import { full, setUp } from "./assembler_world.ts";

const pure = { permissions: "none" } as const;

/** Twelve pieces of one block: runs of four. */
const many = makeTorrent({ pieceLength: BLOCK_SIZE, files: [12 * BLOCK_SIZE] });
const inRuns = { of: many, ranges: false, runPieces: 4 };

Deno.test(
  "PieceAssembler: a run is written at once, and told when it is",
  pure,
  async () => {
    const bench = setUp(inRuns);
    const { assembler, piece, written, have, told, work, bytes, pool } = bench;
    piece(2, 0, 5, 3);
    assertEquals([written(), told(), work.length], ["", [], 0]);
    assertEquals(have.isEmpty, true);
    assertEquals(assembler.partialCount, 4);
    assertEquals(assembler.write(2, 0, many.content[2]!), "duplicate");
    const { promise, resolve } = Promise.withResolvers<void>();
    bench.answer = () => promise;
    piece(1);
    assertEquals([written(), told(), pool.leavingBytes], [
      "0+4",
      [],
      4 * BLOCK_SIZE,
    ]);
    resolve();
    await Promise.all(work);
    assertEquals(told(), Array(4).fill("piece-good"));
    assertEquals([...have], [0, 1, 2, 3]);
    assertEquals(bytes.slice(0, 4), many.content.slice(0, 4));
    assertEquals([pool.leavingBytes, pool.usedBytes], [0, BLOCK_SIZE]);
  },
);

Deno.test(
  "PieceAssembler: pieces that wait too long, or for nothing, are written each",
  pure,
  async () => {
    const { block, clock, piece, written, have } = setUp({
      ...inRuns,
      of: makeTorrent({
        pieceLength: 2 * BLOCK_SIZE,
        files: [12 * 2 * BLOCK_SIZE],
      }),
    });
    block(9, 0);
    piece(1, 0);
    await clock.advance(4999);
    assertEquals(written(), "");
    await clock.advance(1);
    assertEquals(written(), "1+1 0+1");
    // That run gets whole no more.
    piece(3, 4);
    assertEquals(written(), "3+1");
    block(9, 1);
    // Nothing else is in the making.
    await clock.advance(500);
    assertEquals(written(), "4+1 9+1");
    assertEquals([...have], [0, 1, 3, 4, 9]);
  },
);

Deno.test(
  "PieceAssembler: where memory is short, what waits goes before anything is dropped",
  pure,
  () => {
    const { assembler, pool, piece, written, told } = setUp({
      ...inRuns,
      maxBytes: 16 * BLOCK_SIZE,
    });
    const half = BLOCK_SIZE / 2;
    assembler.write(8, 0, new Uint8Array(half));
    piece(0, 4, 1);
    assembler.write(9, 0, new Uint8Array(half));
    assertEquals(
      assembler.spillable().map(({ pieceIndex }) => pieceIndex).toSorted(),
      [0, 1, 4, 9],
    );
    // As if others had taken the rest.
    const others = Array.from({ length: 12 }, () => pool.take(BLOCK_SIZE));
    assertEquals(pool.isOver, true);
    pool.makeRoom();
    // A quarter is to be free: both runs go, and the emptier of the others.
    assertEquals(written(), "0+1 1+1 4+1");
    assertEquals(told(), [...Array(3).fill("piece-good"), "piece-bad"]);
    for (const other of others) pool.give(other);
    // Runs that take too much of it do not wait at all.
    const tight = setUp({ ...inRuns, maxBytes: 15 * BLOCK_SIZE });
    tight.piece(0, 1, 2, 3);
    assertEquals(tight.written(), "0+1 1+1 2+1 3+1");
  },
);

Deno.test(
  "PieceAssembler: a run that fails is written at once later, with what waits",
  pure,
  async () => {
    const bench = setUp(inRuns);
    const { assembler, clock, piece, written, told, work, pool, have } = bench;
    bench.answer = () => {
      throw full;
    };
    piece(4, 0, 1, 2, 3);
    assertEquals([written(), told()], ["0+4", ["error"]]);
    assertEquals([assembler.spillable(), pool.leavingBytes], [[], 0]);
    await clock.advance(60_000);
    piece(5);
    assertEquals([written(), told()], ["", []]);
    bench.answer = () => Promise.reject(full);
    assembler.resume();
    await Promise.all(work.splice(0));
    assertEquals([written(), told(), pool.leavingBytes], ["0+4", ["error"], 0]);
    bench.answer = undefined;
    assembler.resume();
    assertEquals(written(), "0+4");
    piece(6, 7);
    assertEquals(written(), "4+4");
    assertEquals(have.count, 8);
    // What waits when another run fails is kept, too.
    piece(8);
    bench.answer = () => {
      throw full;
    };
    assembler.hold();
    assertEquals([written(), told().at(-1)], ["8+1", "error"]);
    bench.answer = undefined;
    assembler.unhold();
    assembler.resume();
    assembler.spillAll();
    assertEquals(assembler.error, undefined);
    assertEquals(written(), "8+1");
  },
);

Deno.test(
  "PieceAssembler: nothing waits over a hold, a flush or an end",
  pure,
  async () => {
    const { assembler, clock, piece, written, pool } = setUp(inRuns);
    piece(0, 1);
    assembler.hold();
    assertEquals(written(), "0+1 1+1");
    assembler.unhold();
    piece(4, 8);
    assembler.spillAll();
    assertEquals(assembler.error, undefined);
    assertEquals(written(), "4+1 8+1");
    piece(9, 5);
    assertEquals(written(), "9+1 5+1");
    const other = setUp(inRuns);
    other.piece(4);
    other.assembler.discard();
    await other.clock.advance(60_000);
    assertEquals([other.written(), other.pool.usedBytes], ["", 0]);
    await clock.advance(60_000);
    assertEquals([written(), pool.usedBytes], ["", 0]);
  },
);

Deno.test(
  "PieceAssembler: a piece that is due does not wait, nor do those that wait for it",
  pure,
  () => {
    const { assembler, piece, written, have } = setUp({
      ...inRuns,
      of: makeTorrent({
        pieceLength: 2 * BLOCK_SIZE,
        files: [12 * 2 * BLOCK_SIZE],
      }),
    });
    piece(1, 4);
    const { content } = makeTorrent({
      pieceLength: 2 * BLOCK_SIZE,
      files: [12 * 2 * BLOCK_SIZE],
    });
    const [first, second] = [0, 1].map((i) =>
      content[2]!.subarray(i * BLOCK_SIZE, (i + 1) * BLOCK_SIZE)
    );
    // One block says so.
    assembler.write(2, 0, first!, true);
    assertEquals(written(), "");
    assembler.write(2, BLOCK_SIZE, second!);
    assertEquals(written(), "1+1 2+1");
    assertEquals([...have], [1, 2]);
  },
);

Deno.test(
  "PieceAssembler: a store that takes parts of pieces takes no runs",
  pure,
  () => {
    const { piece, written } = setUp({ ...inRuns, ranges: true });
    piece(0, 1);
    assertEquals(written(), "0+1 1+1");
  },
);
