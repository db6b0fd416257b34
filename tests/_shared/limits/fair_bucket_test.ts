import { assertEquals } from "@std/assert";
import { FairBucket } from "../../../_shared/limits/fair_bucket.ts";

Deno.test("half is for everybody, half for those who take little", {
  permissions: "none",
}, () => {
  const bucket = new FairBucket(100, 10, 0);
  const take = (name: string, count: number, now: number) => {
    let taken = 0;
    for (let i = 0; i < count; i++) if (bucket.take(name, now)) taken++;
    return taken;
  };
  assertEquals(take("flood", 1000, 0), 51);
  const others = Array.from({ length: 10 }, (_, i) => take(`${i}`, 5, 0));
  assertEquals(others, [5, 5, 5, 5, 5, 5, 5, 5, 5, 4]);
  assertEquals(take("flood", 1000, 200), 2);
  assertEquals(take("late", 1000, 200), 10);
});
