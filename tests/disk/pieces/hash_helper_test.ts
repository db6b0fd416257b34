import { assert, assertEquals } from "@std/assert";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import {
  HashHelper,
  type StartHashThread,
} from "../../../disk/pieces/hash_helper.ts";
import { PieceBuffer } from "../../../disk/pieces/piece_buffer.ts";
import { PieceHasher } from "../../../metainfo/piece_digest.ts";
import type { HashThread } from "../../../metainfo/hash_thread.ts";
import { SimClock } from "../../support/sim_clock.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const WINDOW = 64 * 1024 * 1024;
const PIECE = 32_768;
const torrent = makeTorrent({ pieceLength: PIECE, files: [PIECE, 20_000] });

/** A thread that answers when it is told to, or dies. */
class FakeThread implements Pick<HashThread, "hash" | "close"> {
  isClosed = false;
  readonly waiting: (() => void)[] = [];

  hash(...[wanted, size, buffers]: Parameters<HashThread["hash"]>) {
    const { promise, resolve } = Promise.withResolvers<
      Awaited<ReturnType<HashThread["hash"]>>
    >();
    const copies = buffers.map((buffer) => buffer.transfer());
    this.waiting.push(() => {
      if (this.isClosed) return resolve(undefined);
      const hasher = new PieceHasher(wanted);
      for (const copy of copies) {
        const length = Math.min(copy.byteLength, size - hasher.offset);
        hasher.update(new Uint8Array(copy, 0, length));
      }
      resolve({ ...hasher.finish(), buffers: copies });
    });
    return promise;
  }

  close(): void {
    this.isClosed = true;
    this.answer();
  }

  answer(): void {
    for (const answer of this.waiting.splice(0)) answer();
  }
}

class World {
  readonly clock = new SimClock();
  readonly pool = new BufferPool(2 ** 26);
  readonly threads: FakeThread[] = [];
  readonly helper: HashHelper;

  constructor(
    start: StartHashThread = () => {
      const thread = new FakeThread();
      this.threads.push(thread);
      return Promise.resolve(thread);
    },
  ) {
    this.helper = new HashHelper(this.clock, start);
    this.helper.use();
  }

  /** So much comes in so long a time. */
  async come(ms: number): Promise<void> {
    await this.clock.advance(ms);
    this.helper.note(WINDOW / 2);
    this.helper.note(WINDOW / 2);
    await this.clock.advance(0);
  }

  piece(pieceIndex: number, change?: (bytes: Uint8Array) => void): PieceBuffer {
    const bytes = torrent.content[pieceIndex]!.slice();
    change?.(bytes);
    const { pool } = this;
    const piece = new PieceBuffer(pieceIndex, bytes.length, PIECE / 2, pool);
    piece.write(0, bytes);
    return piece;
  }

  judge(piece: PieceBuffer) {
    return this.helper.judge(torrent, piece, this.pool);
  }
}

Deno.test("a thread hashes once pieces come fast", pure, async () => {
  const world = new World();
  const { helper, pool, threads } = world;
  await world.come(501);
  assertEquals([threads.length, helper.isFree], [0, false]);
  const early = world.piece(0);
  assertEquals(world.judge(early), undefined);
  assertEquals(early.chunk(0)?.length, PIECE / 2);
  await world.come(500);
  await world.come(1);
  assertEquals([threads.length, helper.isFree], [1, true]);
  const right = world.piece(0);
  const wrong = world.piece(0, (bytes) => bytes[PIECE - 1]! ^= 1);
  const last = world.piece(1);
  const verdicts = [right, wrong, last].map((piece) => world.judge(piece));
  // Nobody has the bytes here meanwhile, but they are counted.
  assertEquals([right.chunk(0), right.memoryBytes], [undefined, PIECE]);
  assertEquals(pool.leavingBytes, 3 * PIECE);
  threads[0]!.answer();
  assertEquals(await Promise.all(verdicts), ["good", "hash", "good"]);
  assertEquals(pool.leavingBytes, 0);
  assertEquals(last.chunk(1), torrent.content[1]!.subarray(PIECE / 2));
  for (const piece of [early, right, wrong, last]) piece.release();
  assertEquals(pool.usedBytes, 0);
  helper.release();
  assert(threads[0]!.isClosed);
});

Deno.test("what is not all in memory is hashed here", pure, async () => {
  const world = new World();
  await world.come(1);
  const piece = new PieceBuffer(0, PIECE, PIECE / 2, world.pool);
  piece.write(0, new Uint8Array(PIECE / 2));
  piece.markStored(PIECE / 2, PIECE);
  assertEquals(world.judge(piece), undefined);
  assertEquals(piece.chunk(0)?.length, PIECE / 2);
  world.helper.release();
});

Deno.test("a thread that falls behind is given no more", pure, async () => {
  const world = new World();
  await world.come(1);
  const judged: Promise<unknown>[] = [];
  while (world.helper.isFree) judged.push(world.judge(world.piece(0))!);
  assertEquals(judged.length, 8 * 1024 * 1024 / PIECE);
  assertEquals(world.judge(world.piece(1)), undefined);
  world.threads[0]!.answer();
  await Promise.all(judged);
  assert(world.helper.isFree);
  world.helper.release();
});

Deno.test("a thread that dies takes pieces with it, once", pure, async () => {
  const world = new World();
  await world.come(1);
  const pieces = [world.piece(0), world.piece(0)];
  const judged = pieces.map((piece) => world.judge(piece));
  world.threads[0]!.close();
  assertEquals(await Promise.all(judged), ["lost", "lost"]);
  assertEquals([world.helper.isFree, world.pool.leavingBytes], [false, 0]);
  for (const piece of pieces) piece.release();
  assertEquals(world.pool.usedBytes, 0);
  await world.come(1);
  await world.clock.advance(60_000);
  await world.come(1);
  assertEquals(world.threads.length, 1);
  world.helper.release();
});

Deno.test(
  "a thread ends when little comes, and comes again",
  pure,
  async () => {
    const world = new World();
    const { clock, helper, threads } = world;
    await world.come(1);
    await clock.advance(6_000);
    helper.note(WINDOW);
    await clock.advance(9_000);
    assertEquals([threads[0]!.isClosed, helper.isFree], [false, true]);
    // What it has is waited for.
    const judged = world.judge(world.piece(0));
    await clock.advance(20_000);
    assertEquals(threads[0]!.isClosed, false);
    threads[0]!.answer();
    assertEquals(await judged, "good");
    await clock.advance(10_000);
    assertEquals([threads[0]!.isClosed, helper.isFree], [true, false]);
    await world.come(1);
    await world.come(1);
    assertEquals([threads.length, helper.isFree], [2, true]);
    helper.release();
    await clock.advance(60_000);
  },
);

Deno.test("no thread is left when the last user goes", pure, async () => {
  const world = new World();
  world.helper.use();
  world.helper.release();
  world.helper.note(WINDOW);
  world.helper.release();
  await world.clock.advance(0);
  assertEquals(world.threads.map((thread) => thread.isClosed), [true]);
  // Another may come.
  world.helper.use();
  await world.come(1);
  assert(world.helper.isFree);
  world.helper.release();
  for (
    const start of [
      () => Promise.resolve(undefined),
      () => Promise.reject(new Error("not here")),
    ]
  ) {
    const without = new World(start);
    await without.come(1);
    assertEquals(without.helper.isFree, false);
    without.helper.release();
  }
});
