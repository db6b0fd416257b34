import { assert, assertEquals } from "@std/assert";
import {
  randomBytes,
  randomInt,
  seededRandom,
} from "../../../_shared/random.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";
import type { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import {
  type DetachedRuns,
  padsOf,
  PieceBuffer,
} from "../../../disk/pieces/piece_buffer.ts";

const pure = { permissions: "none" } as const;
const SIZE = 90;
const CHUNK = 16;

/** Buffers with garbage in them, counted. */
function makePool() {
  const counts = { out: 0 };
  const pool = {
    take: (length: number) => (counts.out++, new Uint8Array(length).fill(0xee)),
    give: () => void counts.out--,
  } as unknown as BufferPool;
  return { counts, pool };
}

/** Runs of numbers for which something holds: start, end, … */
function runsOf(
  holds: (i: number) => boolean,
  start = 0,
  end = SIZE,
): number[] {
  const runs: number[] = [];
  for (let i = start; i < end; i++) {
    if (!holds(i)) continue;
    if (runs.at(-1) === i) runs[runs.length - 1] = i + 1;
    else runs.push(i, i + 1);
  }
  return runs;
}

Deno.test("PieceBuffer agrees with bytes kept one by one", pure, () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const draw = (below: number) => randomInt(random, below);
    const pads = seed % 2 === 0 ? [] : [10, 20, 40, 66];
    const { counts, pool } = makePool();
    const buffer = new PieceBuffer(seed, SIZE, CHUNK, pool, pads);
    const isPad = (i: number) =>
      (i >= pads[0]! && i < pads[1]!) || (i >= pads[2]! && i < pads[3]!);
    /** What there is: in memory only, in both, in the files only. */
    const place = Array.from(
      { length: SIZE },
      (_, i): "none" | "new" | "both" | "away" => isPad(i) ? "both" : "none",
    );
    const bytes = new Uint8Array(SIZE);
    let detached: [DetachedRuns, number[]] | undefined;
    for (let step = 0; step < 60; step++) {
      const start = draw(SIZE);
      const end = start + 1 + draw(Math.min(30, SIZE - start));
      const action = draw(10);
      if (action < 6) {
        const data = randomBytes(random, end - start);
        let isNews = false;
        data.forEach((byte, k) => {
          if (place[start + k] !== "none") return;
          isNews = true;
          bytes[start + k] = byte;
          place[start + k] = "new";
        });
        const wrote = buffer.write(start, data);
        assertEquals(wrote, isNews, `Seed ${seed}`);
      } else if (action === 6) {
        const gaps = runsOf((i) => place[i] === "none", start, end);
        for (let k = 0; k < gaps.length; k += 2) {
          buffer.markStored(gaps[k]!, gaps[k + 1]!);
          place.fill("away", gaps[k], gaps[k + 1]);
        }
      } else if (action === 7) {
        buffer.markWritten(buffer.dirtyRuns());
        place.forEach((was, i) => was === "new" && (place[i] = "both"));
      } else if (action === 8 && detached === undefined) {
        const news = runsOf((i) => place[i] === "new");
        detached = [buffer.detach(), news];
        place.forEach((was, i) => was !== "none" && (place[i] = "away"));
        assertEquals(buffer.memoryBytes, 0);
      } else if (detached !== undefined) {
        const [runs, news] = detached;
        detached = undefined;
        if (draw(2) === 0) {
          buffer.reattach(runs);
          for (let k = 0; k < news.length; k += 2) {
            place.fill("new", news[k], news[k + 1]);
          }
        } else for (const chunk of runs.chunks) pool.give(chunk);
      }
      check(buffer, place, bytes, [start, end]);
    }
    if (detached !== undefined) {
      for (const chunk of detached[0].chunks) pool.give(chunk);
    }
    buffer.release();
    assertEquals([counts.out, buffer.memoryBytes], [0, 0], `Seed ${seed}`);
  }
});

function check(
  buffer: PieceBuffer,
  place: readonly string[],
  bytes: Uint8Array,
  [start, end]: readonly [number, number],
): void {
  assertEquals(buffer.isWhole, place.every((was) => was !== "none"));
  const range = place.slice(start, end);
  assertEquals(buffer.has(start, end), range.every((was) => was !== "none"));
  assertEquals(
    buffer.storedRuns(start, end),
    runsOf((i) => place[i] === "away", start, end),
  );
  // Runs are cut where buffers end.
  const expected: [number, number[]][] = [];
  const news = runsOf((i) => place[i] === "new");
  for (let k = 0; k < news.length; k += 2) {
    for (let at = news[k]!; at < news[k + 1]!;) {
      const stop = Math.min(news[k + 1]!, (Math.floor(at / CHUNK) + 1) * CHUNK);
      expected.push([at, [...bytes.subarray(at, stop)]]);
      at = stop;
    }
  }
  const dirty = buffer.dirtyRuns();
  assertEquals(dirty.map((run) => [run.offset, [...run.bytes]]), expected);
  let memory = 0;
  for (let i = 0; i < Math.ceil(buffer.size / buffer.chunkSize); i++) {
    const chunk = buffer.chunk(i);
    if (chunk === undefined) continue;
    memory += CHUNK;
    assertEquals(chunk.length, Math.min(CHUNK, SIZE - i * CHUNK));
    chunk.forEach((byte, k) => {
      const was = place[i * CHUNK + k]!;
      // Padding is zeros.
      if (was === "new" || was === "both") {
        assertEquals(byte, bytes[i * CHUNK + k]!);
      }
    });
  }
  assertEquals(buffer.memoryBytes, memory);
  assert(memory > 0 || expected.length === 0);
}

Deno.test(
  "PieceBuffer knows which blocks are there, the short last one too",
  pure,
  () => {
    const { pool } = makePool();
    const size = 3 * 16_384 + 5;
    const buffer = new PieceBuffer(0, size, 65_536, pool);
    const has = (stored?: boolean) => [...buffer.blocks(stored)];
    buffer.write(1, new Uint8Array(16_384));
    assertEquals(has(), []);
    buffer.write(0, new Uint8Array(1));
    assertEquals(has(), [0]);
    buffer.write(2 * 16_384, new Uint8Array(16_384 + 4));
    assertEquals(has(), [0, 2]);
    buffer.write(size - 1, new Uint8Array(1));
    assertEquals([has(), has(true)], [[0, 2, 3], []]);
    buffer.markStored(16_385, 32_768);
    buffer.markWritten(buffer.dirtyRuns().slice(-1));
    assertEquals([has(), has(true)], [[0, 1, 2, 3], [2, 3]]);
  },
);

Deno.test("padsOf() names padding in pieces", pure, () => {
  const layout = new PieceLayout({
    pieceLength: 10,
    files: [
      { length: 3 },
      { length: 2, pad: true },
      { length: 4 },
      { length: 11, pad: true },
      { length: 5 },
    ],
  });
  assertEquals([0, 1, 2].map((i) => padsOf(layout, i)), [
    [3, 5, 9, 10],
    [0, 10],
    [],
  ]);
});
