import { assert, assertEquals } from "@std/assert";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import type { PieceBuffer } from "../../../disk/pieces/piece_buffer.ts";

const pure = { permissions: "none" } as const;
const MiB = 2 ** 20;

Deno.test(
  "BufferPool gives buffers of one size again, up to 16 MiB of them",
  pure,
  () => {
    const pool = new BufferPool(64 * MiB);
    const taken = [pool.take(MiB), pool.take(MiB), pool.take(5)];
    assertEquals(pool.usedBytes, 2 * MiB + 5);
    for (const buffer of taken) pool.give(buffer);
    assertEquals(pool.usedBytes, 0);
    const again = [pool.take(MiB), pool.take(MiB), pool.take(MiB)];
    assertEquals(again.map((buffer) => taken.includes(buffer)), [
      true,
      true,
      false,
    ]);
    assertEquals(taken.includes(pool.take(5)), true);
    for (const buffer of again) pool.give(buffer);
    const many = Array.from({ length: 20 }, () => pool.take(MiB));
    for (const buffer of many) pool.give(buffer);
    const kept = Array.from({ length: 20 }, () => pool.take(MiB))
      .filter((buffer) => many.includes(buffer));
    assertEquals(kept.length, 16);
  },
);

Deno.test(
  "BufferPool: the pressure ends when no more is out than may be",
  pure,
  async () => {
    const pool = new BufferPool(100);
    const all = [60, 40, 30].map((size) => pool.take(size));
    assertEquals(pool.isOver, true);
    let ended = 0;
    const pressure = pool.pressure!;
    void pressure.then(() => ended++);
    assert(pool.pressure === pressure);
    pool.give(new Uint8Array(29));
    await Promise.resolve();
    assertEquals([ended, pool.isOver], [0, true]);
    pool.give(new Uint8Array(1));
    await pressure;
    assertEquals([ended, pool.isOver, pool.pressure], [1, false, undefined]);
    // Or when everything is given up.
    pool.take(1);
    const second = pool.pressure!;
    pool.relieve();
    await second;
    assert(all.length === 3);
  },
);

Deno.test(
  "BufferPool has the coldest pieces written until a quarter is free",
  pure,
  () => {
    for (
      const [leavingBytes, expected] of [[0, [2, 3]], [30, [2]], [
        60,
        [],
      ]] as const
    ) {
      const pool = new BufferPool(100);
      pool.take(120);
      pool.leavingBytes = leavingBytes;
      const spilled: number[] = [];
      const holder = (...pieces: readonly (readonly [number, number])[]) => ({
        spillable: () =>
          pieces.map(([lastUse, memoryBytes]) =>
            ({ lastUse, memoryBytes }) as PieceBuffer
          ),
        spill: ({ lastUse }: PieceBuffer) => void spilled.push(lastUse),
      });
      pool.holders.add(holder([5, 50], [2, 25])).add(holder([3, 20], [9, 1]));
      assert(pool.pressure !== undefined);
      assertEquals(spilled, [...expected], `${leavingBytes}`);
    }
  },
);

Deno.test("BufferPool numbers uses", pure, () => {
  const pool = new BufferPool(1);
  assertEquals([pool.tick(), pool.tick()], [1, 2]);
});
