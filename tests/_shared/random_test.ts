import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  randomInt,
  seededRandom,
  shuffle,
  systemRandom,
} from "../../_shared/random.ts";
import { crc32c, encodeText } from "../../_shared/bytes.ts";

Deno.test(
  "seededRandom() repeats and differs by seed",
  { permissions: "none" },
  () => {
    const draw = (seed: number) => seededRandom(seed)(new Uint8Array(33));
    assertEquals(draw(5), draw(5));
    assert(draw(5).join() !== draw(6).join());
    assertEquals(systemRandom.getRandomValues(new Uint8Array(7)).length, 7);
  },
);

Deno.test("randomInt() is even over its range", { permissions: "none" }, () => {
  const random = seededRandom(1);
  const counts = new Array(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[randomInt(random, 7)]++;
  for (const count of counts) {
    assert(Math.abs(count - 10_000) < 500, String(counts));
  }
  assertEquals(randomInt(random, 1), 0);
  for (const below of [0, -1, NaN, 2 ** 32 + 1]) {
    assertThrows(() => randomInt(random, below), RangeError);
  }
  assert(randomInt(random, 2 ** 32) >= 0);
});

Deno.test("shuffle() keeps the elements and reaches every order", {
  permissions: "none",
}, () => {
  const random = seededRandom(2);
  const orders = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const list = shuffle(random, [1, 2, 3]);
    assertEquals([...list].sort(), [1, 2, 3]);
    orders.add(list.join());
  }
  assertEquals(orders.size, 6);
});

Deno.test("crc32c() gives the check value", { permissions: "none" }, () => {
  assertEquals(crc32c(encodeText("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array()), 0);
});
