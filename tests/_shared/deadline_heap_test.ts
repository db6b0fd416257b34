import { assertEquals } from "@std/assert";
import { type Deadline, DeadlineHeap } from "../../_shared/deadline_heap.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";

const none = { permissions: "none" } as const;

Deno.test("DeadlineHeap gives what is due in the order of time", none, () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = seededRandom(seed);
    const heap = new DeadlineHeap<number>();
    const open = new Map<number, Deadline<number>>();
    for (let step = 0; step < 400; step++) {
      const kind = randomInt(random, 8);
      if (kind < 4) open.set(step, heap.add(randomInt(random, 200), step));
      else if (kind < 7) {
        const keys = [...open.keys()];
        const key = keys[randomInt(random, keys.length || 1)]!;
        const deadline = open.get(key);
        heap.cancel(deadline);
        // Once is enough, and nothing is nothing.
        heap.cancel(deadline);
        heap.cancel(undefined);
        open.delete(key);
      } else {
        const now = randomInt(random, 60);
        const due = [...open.values()].filter(({ at }) => at <= now);
        const value = heap.takeDue(now);
        assertEquals(value !== undefined, due.length > 0, `seed ${seed}`);
        if (value === undefined) continue;
        const soonest = Math.min(...due.map((one) => one.at));
        // What was added first comes first of those that are due at once.
        assertEquals(
          value,
          Math.min(
            ...due.filter(({ at }) => at === soonest)
              .map((one) => one.value),
          ),
        );
        heap.cancel(open.get(value));
        open.delete(value);
      }
      assertEquals(heap.size, open.size);
      const ats = [...open.values()].map(({ at }) => at);
      assertEquals(
        heap.earliest,
        ats.length === 0 ? undefined : Math.min(...ats),
        `seed ${seed} step ${step}`,
      );
    }
    const left: number[] = [];
    for (let value; (value = heap.takeDue(Infinity)) !== undefined;) {
      left.push(open.get(value)!.at);
    }
    assertEquals(left.length, open.size);
    assertEquals(left, left.toSorted((a, b) => a - b));
  }
});
