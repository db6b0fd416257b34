import { assert, assertEquals } from "@std/assert";
import { equalBytes } from "../../../_shared/bytes.ts";
import { budgetParts, DiskBudget } from "../../../disk/budget.ts";
import { DiskManager } from "../../../disk/manager.ts";
import { MemoryFileSystem } from "../../../disk/memory_file_system.ts";
import { NativeFileSystem } from "../../../disk/native_file_system.ts";
import type { TorrentStorageEvent } from "../../../disk/storage.ts";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import type { HashHelper } from "../../../disk/pieces/hash_helper.ts";
import { PieceBuffer } from "../../../disk/pieces/piece_buffer.ts";
import {
  type JudgedPiece,
  PieceJudge,
} from "../../../disk/pieces/piece_judge.ts";
import { DiskTimings } from "../../../disk/timings.ts";
import { makeTorrent } from "../support.ts";
import { nextTurn } from "../../../metainfo/node.ts";
import { writeDigest } from "../../../metainfo/piece_digest.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import { TempDir } from "../../support/paths.ts";
import { SimClock } from "../../support/sim_clock.ts";

const PIECE = 8 * 1024 * 1024;
const COUNT = 12;
/** So many make a window. */
const WINDOW = 8;

/** Every piece has the same bytes. */
const bytes = new Uint8Array(PIECE);
for (let i = 0; i < PIECE; i += 1024) bytes[i] = i / 1024;
const pieces = new Uint8Array(20 * COUNT);
for (let i = 0; i < COUNT; i++) writeDigest("sha1", bytes, pieces, 20 * i);
const torrent = {
  infoHash: new Uint8Array(20),
  layout: new PieceLayout({
    pieceLength: PIECE,
    files: [{ length: COUNT * PIECE }],
  }),
  paths: [["file"]],
  pieces,
};

/** A storage to which a window of pieces came in no time. */
async function afterWindow(fileSystem: NativeFileSystem | MemoryFileSystem) {
  const budget = new DiskBudget({ clock: new SimClock() });
  const { helper } = budgetParts(budget);
  const disk = new DiskManager({ fileSystem, budget });
  const events: TorrentStorageEvent[] = [];
  const onEvent = (event: TorrentStorageEvent) => void events.push(event);
  const storage = await disk.add(torrent, { onEvent });
  for (let i = 0; i < WINDOW; i++) storage.writeBlock(i, 0, bytes);
  assertEquals(storage.have.count, WINDOW);
  return { disk, storage, helper, events };
}

Deno.test({
  name: "pieces of files that come fast are hashed by another thread",
  ignore: navigator.hardwareConcurrency < 2,
  async fn() {
    await using folder = new TempDir();
    const { disk, storage, helper, events } = await afterWindow(
      new NativeFileSystem(folder.path),
    );
    while (!helper.isFree) await nextTurn();
    const wrong = bytes.slice();
    wrong[PIECE - 1] = 1;
    storage.writeBlock(WINDOW, 0, bytes);
    assertEquals([storage.have.has(WINDOW), helper.isFree], [false, false]);
    // Now it has enough to do.
    storage.writeBlock(WINDOW + 1, 0, bytes);
    assert(storage.have.has(WINDOW + 1));
    await storage.flush();
    assert(storage.have.has(WINDOW));
    storage.writeBlock(WINDOW + 2, 0, bytes.subarray(0, PIECE / 2));
    storage.writeBlock(WINDOW + 2, PIECE / 2, wrong.subarray(PIECE / 2));
    await storage.flush();
    const last = events.at(-1);
    assertEquals([last?.type, storage.have.has(WINDOW + 2)], [
      "piece-bad",
      false,
    ]);
    storage.writeBlock(WINDOW + 2, 0, bytes);
    await disk.close();
    assert(storage.have.has(WINDOW + 2));
    assert(!helper.isFree);
    const written = await Deno.readFile(folder.join("file"));
    for (let i = 0; i < WINDOW + 3; i++) {
      assert(
        equalBytes(written.subarray(i * PIECE, (i + 1) * PIECE), bytes),
        `piece ${i}`,
      );
    }
  },
});

Deno.test("what is in memory is hashed here, at once", async () => {
  const { disk, storage, helper } = await afterWindow(new MemoryFileSystem());
  await nextTurn();
  storage.writeBlock(WINDOW, 0, bytes);
  assert(storage.have.has(WINDOW));
  assert(!helper.isFree);
  await disk.close();
});

Deno.test(
  "PieceJudge hashes full buffers ahead, but for those of another thread",
  {
    permissions: "none",
  },
  () => {
    const CHUNK = 16384;
    const small = makeTorrent({
      pieceLength: 4 * CHUNK,
      files: [3 * CHUNK + 9],
    });
    const pool = new BufferPool(64 * CHUNK);
    const setUp = (helper?: Pick<HashHelper, "isFree">, chunkSize = CHUNK) => {
      const judge = new PieceJudge(
        {
          torrent: small,
          pool,
          store: { readRange: () => false },
          timings: new DiskTimings(new SimClock()),
          helper: helper as HashHelper | undefined,
        } as unknown as ConstructorParameters<typeof PieceJudge>[0],
      );
      const piece: JudgedPiece = {
        buffer: new PieceBuffer(0, 3 * CHUNK + 9, chunkSize, pool),
        digest: undefined,
      };
      const write = (index: number, length = CHUNK) => {
        const start = index * CHUNK;
        piece.buffer.write(
          start,
          small.content[0]!.subarray(start, start + length),
        );
        judge.hashAhead(piece);
        return piece.digest?.offset;
      };
      return { write, piece };
    };
    const { write, piece } = setUp();
    assertEquals(write(1), undefined);
    assertEquals(write(0, CHUNK - 1), undefined);
    assertEquals(write(0), 2 * CHUNK);
    // The last one is not full.
    assertEquals(write(3), 2 * CHUNK);
    piece.buffer.markStored(2 * CHUNK, 3 * CHUNK);
    assertEquals(write(3), 2 * CHUNK);
    for (const isFree of [true, false]) {
      const bench = setUp({ isFree });
      assertEquals(bench.write(0), isFree ? undefined : CHUNK);
      assertEquals(bench.piece.isForHelper, isFree);
      assertEquals(bench.write(1), isFree ? undefined : 2 * CHUNK);
    }
    // A piece in one buffer is hashed at once at its end.
    const single = setUp(undefined, 4 * CHUNK);
    assertEquals([single.write(0), single.write(1)], [undefined, undefined]);
  },
);
