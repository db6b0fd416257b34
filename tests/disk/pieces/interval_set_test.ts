import { assertEquals } from "@std/assert";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { IntervalSet } from "../../../disk/pieces/interval_set.ts";

const pure = { permissions: "none" } as const;

Deno.test("IntervalSet agrees with a plain set", pure, () => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = seededRandom(seed);
    const size = 1 + randomInt(random, 60);
    const set = new IntervalSet();
    const model = new Set<number>();
    for (let step = 0; step < 120; step++) {
      const start = randomInt(random, size);
      const end = start + randomInt(random, size - start + 1);
      let missing = 0;
      for (let i = start; i < end; i++) if (!model.has(i)) missing++;
      const where = `seed ${seed}, step ${step}`;
      assertEquals(set.covers(start, end), missing === 0, where);
      assertEquals(set.overlaps(start, end), missing < end - start, where);
      const gaps = set.gaps(start, end);
      let inGaps = 0;
      for (let i = 0; i < gaps.length; i += 2) {
        for (let k = gaps[i]!; k < gaps[i + 1]!; k++) {
          assertEquals(model.has(k), false, where);
          inGaps++;
        }
      }
      assertEquals(inGaps, missing, where);
      const isAdding = randomInt(random, 3) > 0;
      for (let i = start; i < end; i++) {
        if (isAdding) model.add(i);
        else model.delete(i);
      }
      if (isAdding) set.add(start, end);
      else set.remove(start, end);
      assertEquals(set.total, model.size, where);
      const { bounds } = set;
      for (let i = 1; i < bounds.length; i++) {
        assertEquals(bounds[i - 1]! < bounds[i]!, true, where);
      }
      const listed = [];
      for (let i = 0; i < bounds.length; i += 2) {
        for (let k = bounds[i]!; k < bounds[i + 1]!; k++) listed.push(k);
      }
      assertEquals(listed, [...model].sort((a, b) => a - b), where);
    }
  }
});

Deno.test("IntervalSet merges what touches", pure, () => {
  const set = new IntervalSet();
  set.add(0, 10);
  set.add(20, 30);
  assertEquals(set.bounds, [0, 10, 20, 30]);
  set.add(10, 20);
  assertEquals(set.bounds, [0, 30]);
  set.remove(10, 20);
  assertEquals(set.runs(5, 25), [5, 10, 20, 25]);
  assertEquals(set.runs(10, 20), []);
  set.remove(0, 30);
  assertEquals(set.total, 0);
  assertEquals(set.gaps(3, 5), [3, 5]);
  assertEquals(set.covers(3, 3), true);
});

Deno.test(
  "IntervalSet: 8192 blocks in the worst order stay quick",
  pure,
  () => {
    const set = new IntervalSet();
    for (let i = 0; i < 8192; i += 2) set.add(i * 16384, (i + 1) * 16384);
    for (let i = 8191; i > 0; i -= 2) set.add(i * 16384, (i + 1) * 16384);
    assertEquals(set.bounds, [0, 8192 * 16384]);
  },
);
