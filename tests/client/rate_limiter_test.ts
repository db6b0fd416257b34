import { assert, assertEquals, assertThrows } from "@std/assert";
import { RateLimiter } from "../../client/rate_limiter.ts";
import { FakeClock, settle } from "../support/fake_clock.ts";

Deno.test("RateLimiter passes everything without a limit", {
  permissions: "none",
}, () => {
  const limiter = new RateLimiter({ clock: new FakeClock() });
  for (let i = 0; i < 100; i++) assertEquals(limiter.take(1e9), undefined);
});

Deno.test("RateLimiter holds the average over many takers", {
  permissions: "none",
}, async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ clock, bytesPerSecond: 100_000 });
  let passed = 0;
  let stop = false;
  const taker = async (bite: number) => {
    while (!stop) {
      await limiter.take(bite);
      if (stop) return;
      passed += bite;
    }
  };
  const takers = [taker(16384), taker(16384), taker(1000)];
  await clock.advance(20_000);
  const rate = passed / 20;
  assert(rate > 90_000 && rate < 110_000, `rate ${rate}`);
  stop = true;
  limiter.close();
  await Promise.all(takers);
  assertEquals(clock.pending, 0);
});

Deno.test("RateLimiter lets waiters go when the limit is lifted", {
  permissions: "none",
}, async () => {
  const clock = new FakeClock();
  const limiter = new RateLimiter({ clock, bytesPerSecond: 1000 });
  limiter.take(1_000_000);
  let free = false;
  const wait = limiter.take(1)!.then(() => free = true);
  await settle();
  assertEquals(free, false);
  limiter.rate = Infinity;
  await wait;
  assert(free);
  assertEquals(clock.pending, 0);
});

Deno.test("RateLimiter refuses a rate that is not positive", {
  permissions: "none",
}, () => {
  const limiter = new RateLimiter({ clock: new FakeClock() });
  assertThrows(() => limiter.rate = 0, RangeError, "must be positive");
  assertThrows(() => limiter.rate = NaN, RangeError, "must be positive");
});
