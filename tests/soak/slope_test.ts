import { assert, assertEquals } from "@std/assert";
import { floors, slopePerMinute } from "./slope.ts";

Deno.test("slopePerMinute - a line's slope, whatever swings about it", () => {
  const line = (swing: number) =>
    Array.from({ length: 1200 }, (_, second) => ({
      at: second * 1000,
      value: 100 + second / 60 * 3 + (second % 2 === 0 ? swing : -swing),
    }));
  assert(Math.abs(slopePerMinute(line(0)) - 3) < 1e-9);
  assert(Math.abs(slopePerMinute(line(50)) - 3) < 0.1);
  assertEquals(slopePerMinute([]), 0);
  assertEquals(slopePerMinute([{ at: 1, value: 1 }]), 0);
});

Deno.test("floors - the least of each part", () => {
  const samples = [5, 3, 9, 7, 2, 8].map((value, i) => ({ at: i * 10, value }));
  assertEquals(floors(samples, 30).map(({ value }) => value), [3, 2]);
});
