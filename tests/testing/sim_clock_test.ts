import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { drain, SimClock } from "../../testing/sim_clock.ts";

Deno.test({
  name: "SimClock - timers fire in the order of their times, then of making",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    const fired: string[] = [];
    const at = (ms: number, name: string) =>
      clock.schedule(ms, () => fired.push(`${name} ${clock.now()}`));
    for (let i = 20; i > 0; i--) at(10 * i, `t${i}`);
    at(30, "later");
    const cancel = at(40, "never");
    cancel();
    cancel();
    assertEquals(clock.pending, 21);
    await clock.advance(49);
    assertEquals(fired, ["t1 10", "t2 20", "t3 30", "later 30", "t4 40"]);
    assertEquals(clock.now(), 49);
    await clock.advance(1000);
    assertEquals(fired.length, 21);
    assertEquals([clock.pending, clock.now()], [0, 1049]);
    // What is late fires at once, and time does not go back.
    at(5, "late");
    await clock.advance(0);
    assertEquals(fired.at(-1), "late 1049");
  },
});

Deno.test({
  name: "SimClock - promises go on before time does",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    const seen: number[] = [];
    const sleep = (ms: number) =>
      new Promise<void>((resolve) =>
        clock.schedule(clock.now() + ms, () => resolve())
      );
    const running = (async () => {
      for (let i = 0; i < 3; i++) {
        await sleep(10);
        for (let j = 0; j < 50; j++) await Promise.resolve();
        seen.push(clock.now());
      }
    })();
    clock.schedule(15, () => seen.push(-15));
    await clock.advance(30);
    await running;
    assertEquals(seen, [10, -15, 20, 30]);
    let ready = false;
    void Promise.resolve().then(() => Promise.resolve()).then(() =>
      ready = true
    );
    await drain();
    assertEquals(ready, true);
  },
});

Deno.test({
  name: "SimClock - runs until a condition is met, looking at each moment",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    let count = 0;
    const again = () => {
      count++;
      clock.schedule(clock.now() + 10, again);
    };
    clock.schedule(10, again);
    assertEquals(await clock.runUntil(1000, () => count === 3), true);
    assertEquals(clock.now(), 30);
    assertEquals(await clock.runUntil(45, () => count === 9), false);
    assertEquals([clock.now(), count], [45, 4]);
    clock.onQuiet = () => {
      if (clock.now() >= 70) throw new Error("must always hold");
    };
    await assertRejects(() => clock.advance(100), Error, "must always hold");
    assertEquals(clock.now(), 70);
    // Without promises, and without looking whether all is quiet.
    assertEquals(clock.runSync(100, () => count === 9), true);
    assertEquals(clock.now(), 90);
    assertEquals(clock.runSync(95), false);
    assertEquals(clock.now(), 95);
  },
});

Deno.test({
  name: "SimClock - time that stands still is told",
  permissions: "none",
  fn() {
    const clock = new SimClock();
    const again = () => void clock.schedule(clock.now(), again);
    again();
    assertThrows(() => clock.runSync(10), Error, "Time stands still at 0");
  },
});
