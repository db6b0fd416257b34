import { assertEquals } from "@std/assert";
import { FairBucket } from "../../../_shared/limits/fair_bucket.ts";

Deno.test("half is for everybody, half for those who take little", {
  permissions: "none",
}, () => {
  const bucket = new FairBucket({ perSecond: 100, each: 10 }, 0);
  const take = (name: string, count: number, now: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) if (bucket.take(name, now)) taken++;
    return taken;
  };
  // Half, and then its own.
  assertEquals(take("flood", 1000, 0), 61);
  const others = Array.from({ length: 10 }, (_, i) => take(`${i}`, 4, 0));
  assertEquals(others, [4, 4, 4, 4, 4, 4, 4, 4, 4, 3]);
  assertEquals(take("flood", 1000, 200), 2);
  assertEquals(take("late", 1000, 200), 10);
  assertEquals(bucket.take("late", 300, 1), true);
  assertEquals(bucket.take("other", 300, 50), false);
});
