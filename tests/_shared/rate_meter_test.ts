import { assert, assertEquals } from "@std/assert";
import { RateMeter } from "../../_shared/rate_meter.ts";

const none = { permissions: "none" } as const;

Deno.test("a steady flow reads as its rate, at once and later", none, () => {
  const meter = new RateMeter();
  assertEquals(meter.rate(0), 0);
  for (let now = 1_000; now <= 31_000; now += 10) {
    meter.add(1_000, now);
    if (now >= 1_500) {
      const rate = meter.rate(now);
      assert(Math.abs(rate - 100_000) < 4_000, `${rate} at ${now}`);
    }
  }
  assertEquals(meter.total, 3_001_000);
});

Deno.test("a flow that stops fades", none, () => {
  const meter = new RateMeter(4_000);
  for (let now = 0; now <= 20_000; now += 100) meter.add(10_000, now);
  const before = meter.rate(20_000);
  const after = meter.rate(24_000);
  assert(after < before * 0.4 && after > before * 0.3, `${before} ${after}`);
  assert(meter.rate(120_000) < 1);
});
