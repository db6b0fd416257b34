import { assert, assertEquals } from "@std/assert";
import { FairBucket } from "../../_shared/token_bucket.ts";

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
  assertEquals(others, [4, 4, 4, 4, 4, 4, 4, 3, 2, 1]);
  assertEquals(take("flood", 1000, 200), 2);
  assertEquals(take("late", 1000, 200), 10);
  assertEquals(bucket.take("late", 300, 1), true);
  assertEquals(bucket.take("other", 300, 50), false);
});

Deno.test(
  "hundreds who ask without end leave something to those who ask little",
  {
    permissions: "none",
  },
  () => {
    const bucket = new FairBucket({ perSecond: 100, each: 10 }, 0);
    const taken = { crowd: 0, others: 0 };
    // 400 ask a thousand times a second, 30 others once in twenty.
    for (let now = 0; now < 60_000; now++) {
      if (bucket.take(`${now % 400}`, now)) taken.crowd++;
      const other = now % 20_000 / 600;
      if (now >= 20_000 && Number.isInteger(other) && other < 30) {
        if (bucket.take(`other ${other}`, now)) taken.others++;
      }
    }
    assertEquals(taken.others, 2 * 30);
    // Nothing is kept back.
    assert(taken.crowd > 5_900, `${taken.crowd}`);
  },
);
