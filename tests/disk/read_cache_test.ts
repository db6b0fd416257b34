import { assertEquals } from "@std/assert";
import { BufferPool } from "../../disk/buffer_pool.ts";
import { ReadCache } from "../../disk/read_cache.ts";

const pure = { permissions: "none" } as const;
const bytes = (n: number) => new Uint8Array(n);

Deno.test(
  "ReadCache drops what was used longest ago, over all torrents",
  pure,
  () => {
    const cache = new ReadCache(100);
    const a = cache.section();
    const b = cache.section();
    a.set(1, bytes(40));
    b.set(1, bytes(40));
    assertEquals(a.get(1)?.length, 40);
    b.set(2, bytes(40));
    assertEquals(b.get(1), undefined);
    assertEquals(a.get(1)?.length, 40);
    assertEquals(cache.bytes, 80);
    a.set(1, bytes(10));
    assertEquals(cache.bytes, 50);
    b.set(3, bytes(101));
    assertEquals(b.get(3), undefined);
    assertEquals(cache.bytes, 50);
    a.clear();
    assertEquals(cache.bytes, 40);
    b.set(4, bytes(60));
    b.set(5, bytes(100));
    assertEquals([b.get(2), b.get(4), b.get(5)?.length], [
      undefined,
      undefined,
      100,
    ]);
  },
);

Deno.test("ReadCache of nothing keeps nothing", pure, () => {
  const cache = new ReadCache(0);
  const section = cache.section();
  section.set(1, bytes(1));
  assertEquals(section.get(1), undefined);
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
  },
);
