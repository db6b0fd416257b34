import { assertEquals } from "@std/assert";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import { ReadCache } from "../../../disk/pieces/read_cache.ts";

const pure = { permissions: "none" } as const;
const bytes = (n: number) => new Uint8Array(n);

Deno.test(
  "ReadCache drops what was used longest ago, over all torrents",
  pure,
  () => {
    const cache = new ReadCache(100);
    const a = cache.section();
    const b = cache.section();
    a.set(1, bytes(40), true);
    b.set(1, bytes(40), true);
    assertEquals(a.get(1, true)?.length, 40);
    b.set(2, bytes(40), true);
    assertEquals(b.get(1, true), undefined);
    assertEquals(a.get(1, true)?.length, 40);
    assertEquals(cache.bytes, 80);
    a.set(1, bytes(10), true);
    assertEquals(cache.bytes, 50);
    b.set(3, bytes(101), true);
    assertEquals(b.get(3, true), undefined);
    assertEquals(cache.bytes, 50);
    a.clear();
    assertEquals(cache.bytes, 40);
    b.set(4, bytes(60), true);
    b.set(5, bytes(100), true);
    assertEquals([b.get(2, true), b.get(4, true), b.get(5, true)?.length], [
      undefined,
      undefined,
      100,
    ]);
  },
);

Deno.test(
  "ReadCache uses a buffer again once it cannot be looked at any more",
  pure,
  async () => {
    const cache = new ReadCache(100);
    const section = cache.section();
    const [brief, kept] = [bytes(60), bytes(60)];
    section.set(1, brief, false);
    section.set(2, kept, false);
    // Still looked at by those who read it in this turn.
    assertEquals(cache.buffer(60) === brief, false);
    await Promise.resolve();
    assertEquals(cache.buffer(60) === brief, true);
    assertEquals(section.get(2, true) === kept, true);
    section.set(3, bytes(90), true);
    assertEquals(section.get(2, false), undefined);
    await Promise.resolve();
    assertEquals(cache.buffer(60) === kept, false);
    section.set(4, bytes(20), false);
    assertEquals(cache.buffer(20).length, 20);
  },
);

Deno.test("ReadCache knows what was asked for lately", pure, () => {
  const cache = new ReadCache(100);
  const [a, b] = [cache.section(), cache.section()];
  // In a row.
  assertEquals(a.touch(7, 0, 16384), false);
  assertEquals(b.touch(7, 16384, 16384), false);
  assertEquals(a.touch(7, 16384, 16384), true);
  // All over it.
  assertEquals(b.touch(7, 0, 16384), false);
  assertEquals(b.touch(7, 49152, 16384), false);
  assertEquals(b.touch(7, 98304, 16384), true);
  for (let i = 0; i < 100_000; i++) a.touch(1000 + i, 0, 1);
  assertEquals(b.touch(7, 114_688, 16384), false);
});

Deno.test("ReadCache knows of many extents what was asked for", pure, () => {
  const section = new ReadCache(100).section();
  const keys = Array.from({ length: 200 }, (_, i) => i);
  for (const key of keys) section.touch(key, 0, 16_384);
  const isWorth = keys.map((key) => section.touch(key, 16_384, 16_384));
  assertEquals(isWorth.indexOf(false), -1);
});

Deno.test("ReadCache of nothing keeps nothing", pure, () => {
  const cache = new ReadCache(0);
  const section = cache.section();
  section.set(1, bytes(1), true);
  assertEquals(section.get(1, true), undefined);
  assertEquals(cache.bytes, 0);
});

Deno.test(
  "BufferPool uses buffers again and ends the pressure",
  pure,
  async () => {
    const pool = new BufferPool(100);
    const first = pool.take(60);
    assertEquals(pool.pressure, undefined);
    const second = pool.take(60);
    const { pressure } = pool;
    let isOver = true;
    const waiting = pressure!.then(() => isOver = false);
    await Promise.resolve();
    assertEquals(isOver, true);
    pool.give(second);
    await waiting;
    assertEquals(pool.pressure, undefined);
    assertEquals(pool.usedBytes, 60);
    assertEquals(pool.take(60) === second, true);
    pool.give(first);
    // Up to 16 MiB are kept.
    const large = Array.from({ length: 65 }, () => pool.take(262_144));
    for (const one of large) pool.give(one);
    const again = Array.from({ length: 65 }, () => pool.take(262_144));
    const kept = again.filter((one) => large.includes(one));
    assertEquals(kept.length, 63);
  },
);

Deno.test("BufferPool has smaller buffers for less memory", pure, () => {
  const KIB = 1024;
  for (
    const [max, chunk] of [
      [1, 16 * KIB],
      [1024 * KIB, 16 * KIB],
      [2048 * KIB - 1, 16 * KIB],
      [2048 * KIB, 32 * KIB],
      [8192 * KIB, 128 * KIB],
      [16384 * KIB - 1, 128 * KIB],
      [16384 * KIB, 256 * KIB],
      [65536 * KIB, 256 * KIB],
    ] as const
  ) assertEquals(new BufferPool(max).chunkSize, chunk, `${max}`);
});
