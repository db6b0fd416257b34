import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { PieceStore } from "../../../disk/piece_store.ts";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import { PieceBuffer } from "../../../disk/pieces/piece_buffer.ts";
import { eachChunk } from "../../../disk/pieces/piece_judge.ts";

const CHUNK = 16384;

/** Files of which every byte is its offset in chunks, or that fail. */
function filesOf(slow: boolean, error?: Error): PieceStore {
  const readRange = (_: number, offset: number, into: Uint8Array) => {
    if (error !== undefined) {
      if (slow) return Promise.reject(error);
      throw error;
    }
    into.fill(offset / CHUNK);
    return slow ? Promise.resolve(true) : true;
  };
  return { readRange } as unknown as PieceStore;
}

for (const slow of [false, true]) {
  Deno.test({
    name: `eachChunk() shows stored and held bytes in order${
      slow ? ", later" : ""
    }`,
    permissions: "none",
    async fn() {
      const pool = new BufferPool(64 * CHUNK);
      const buffer = new PieceBuffer(0, 3 * CHUNK + 5, CHUNK, pool);
      buffer.write(CHUNK, new Uint8Array(CHUNK).fill(9));
      buffer.markStored(0, CHUNK);
      buffer.markStored(2 * CHUNK, 3 * CHUNK + 5);
      const held = pool.usedBytes;
      const seen: number[][] = [];
      const use = (chunk: Uint8Array, offset: number) => {
        seen.push([offset, chunk.length, chunk[0]!, chunk.at(-1)!]);
      };
      const context = { pool, store: filesOf(slow) };
      assertEquals(await eachChunk(buffer, 0, context, use), true);
      assertEquals(seen, [
        [0, CHUNK, 0, 0],
        [CHUNK, CHUNK, 9, 9],
        [2 * CHUNK, CHUNK, 2, 2],
        [3 * CHUNK, 5, 3, 3],
      ]);
      assertEquals(pool.usedBytes, held);

      const error = new Error("broken");
      const broken = { pool, store: filesOf(slow, error) };
      const run = () => eachChunk(buffer, 0, broken, use);
      if (slow) await assertRejects(async () => await run(), Error, "broken");
      else assertThrows(run, Error, "broken");
      // The memory to read into is given back all the same.
      assertEquals(pool.usedBytes, held);
    },
  });
}
