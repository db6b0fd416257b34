import { assertEquals } from "@std/assert";
import { Driver } from "../../_shared/drive.ts";
import { type Machine, TimerTable } from "../../_shared/machine.ts";
import { SimClock } from "../../testing/sim_clock.ts";

class Echo implements Machine<string, string> {
  readonly timers = new TimerTable<"idle" | "late">();
  readonly outputs: string[] = [];
  get deadline() {
    return this.timers.deadline;
  }
  handle(input: string, now: number) {
    this.outputs.push(`${input}@${now}`);
    if (input === "two") this.outputs.push("second");
    this.timers.set("idle", now + 100);
  }
  poll() {
    return this.outputs.shift();
  }
  handleTimeout(now: number) {
    for (
      let name = this.timers.takeDue(now);
      name;
      name = this.timers.takeDue(now)
    ) {
      this.outputs.push(`${name}@${now}`);
    }
  }
}

Deno.test("Driver drains after each mutation and keeps one timer", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const machine = new Echo();
  const seen: string[] = [];
  const driver = new Driver(machine, {
    clock,
    perform: (output) => {
      seen.push(output);
      if (output === "second") driver.input("nested");
    },
  });
  driver.input("two");
  assertEquals(seen, ["two@0", "second", "nested@0"]);
  await clock.advance(60);
  driver.input("more");
  assertEquals(clock.pending, 1);
  await clock.advance(99);
  assertEquals(seen.at(-1), "more@60");
  await clock.advance(1);
  assertEquals(seen.at(-1), "idle@160");
  assertEquals(clock.pending, 0);
  machine.timers.set("late", 200);
  machine.timers.set("idle", 180);
  driver.start();
  await clock.advance(1000);
  assertEquals(seen.slice(-2), ["idle@180", "late@200"]);
  driver.input("x");
  driver.close();
  driver.input("y");
  assertEquals(seen.at(-1), "x@1160");
  assertEquals(clock.pending, 0);
});
