import { assert, assertEquals } from "@std/assert";
import { TokenBucket } from "../../_shared/token_bucket.ts";

const none = { permissions: "none" } as const;

Deno.test("a burst, then the rate", none, () => {
  const bucket = new TokenBucket(2, 3, 0);
  assertEquals([1, 2, 3, 4].map(() => bucket.take(0)), [
    true,
    true,
    true,
    false,
  ]);
  assertEquals(bucket.nextAt(0), 500);
  assert(!bucket.take(499));
  assert(bucket.take(500));
  assert(!bucket.take(500));
  // Never more than the burst, and time that goes back gives nothing.
  let taken = 0;
  while (bucket.take(1e9)) taken++;
  assertEquals(taken, 3);
  assert(!bucket.take(0));
  assert(!bucket.take(1e9));
});

Deno.test("an infinite rate never ends", none, () => {
  const bucket = new TokenBucket(Infinity, Infinity, 0);
  for (let i = 0; i < 1000; i++) assert(bucket.take(0));
  assertEquals(bucket.nextAt(0), 0);
});

Deno.test("who waits for the next token gets it", none, () => {
  const bucket = new TokenBucket(30, 1, 0);
  let now = 0;
  for (let i = 0; i < 1000; i++) {
    assert(bucket.take(now), `${i}`);
    now = bucket.nextAt(now);
  }
  assert(Math.abs(now - 1000 * 1000 / 30) < 1);
});

Deno.test("a new rate counts from now on", none, () => {
  const bucket = new TokenBucket(10, 100, 0);
  bucket.spend(100, 0);
  // A second at ten, then one at one.
  bucket.setRate(1, 1000);
  assertEquals(bucket.level(2000), 11);
  // A smaller burst holds at once.
  bucket.setRate(1, 2000, 5);
  assertEquals(bucket.nextAt(2000, 5), 2000);
  bucket.spend(5, 2000);
  assertEquals(bucket.level(2000), 0);
  assertEquals(bucket.nextAt(2000, 2), 4000);
  // What is given back is no more than the burst.
  bucket.spend(-100, 2000);
  assertEquals(bucket.level(2000), 5);
  bucket.setRate(Infinity, 2000, 7);
  bucket.spend(1000, 2000);
  assertEquals(bucket.level(2000), 7);
});

Deno.test(
  "whatever is asked first, time counts once and up to the burst",
  none,
  () => {
    const bucket = new TokenBucket(1, 10, 0);
    bucket.spend(4, 20_000);
    assertEquals(bucket.level(20_000), 6);
    bucket.spend(6, 20_000);
    assertEquals(bucket.nextAt(25_000, 6), 26_000);
  },
);
