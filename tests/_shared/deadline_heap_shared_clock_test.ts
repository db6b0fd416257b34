import { assertEquals } from "@std/assert";
import { SharedClock } from "../../_shared/deadline_heap.ts";
import { SimClock } from "../../testing/sim_clock.ts";

Deno.test("SharedClock calls thousands back in time with one timer", {
  permissions: "none",
}, async () => {
  const sim = new SimClock();
  const clock = new SharedClock(sim);
  const called: number[] = [];
  const cancels: (() => void)[] = [];
  for (let i = 0; i < 5000; i++) {
    const at = (i * 7919) % 5000;
    cancels.push(clock.schedule(at, () => called.push(at - sim.now())));
  }
  assertEquals(sim.pending, 1);
  for (let i = 0; i < 5000; i += 2) cancels[i]!();
  await sim.advance(6000);
  assertEquals(called.length, 2500);
  assertEquals(called.every((late) => late === 0), true);
  assertEquals([sim.pending, clock.now()], [0, 6000]);
});

Deno.test("SharedClock lets callbacks schedule and cancel", {
  permissions: "none",
}, async () => {
  const sim = new SimClock();
  const clock = new SharedClock(sim);
  const called: string[] = [];
  clock.schedule(10, () => {
    called.push("a");
    cancel();
    clock.schedule(5, () => called.push("late"));
    clock.schedule(30, () => called.push("c"));
  });
  const cancel = clock.schedule(10, () => called.push("b"));
  await sim.advance(10);
  assertEquals(called, ["a", "late"]);
  await sim.advance(20);
  assertEquals(called, ["a", "late", "c"]);
  assertEquals(sim.pending, 0);
});
