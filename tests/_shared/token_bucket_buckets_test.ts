import { assertEquals } from "@std/assert";
import { TokenBuckets } from "../../_shared/token_bucket.ts";

const pure = { permissions: "none" } as const;

Deno.test("each name has a bucket of its own", pure, () => {
  const buckets = new TokenBuckets(10, 3, 2);
  const take = (name: string, now: number) => buckets.use(name, now).take(now);
  const taken = [0, 0, 0, 0].map((now) => take("a", now));
  assertEquals(taken, [true, true, true, false]);
  assertEquals(take("b", 0), true);
  assertEquals(buckets.nextAt("a", 0), 100);
  assertEquals([take("a", 100), take("a", 100)], [true, false]);
});

Deno.test("the bucket not used for longest is forgotten", pure, () => {
  const buckets = new TokenBuckets(1, 1, 2);
  for (const name of ["a", "b", "a", "c"]) buckets.use(name, 0).take(0);
  const waits = ["a", "b", "c"].map((name) => buckets.nextAt(name, 0));
  assertEquals(waits, [1000, 0, 1000]);
});
