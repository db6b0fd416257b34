import { assertEquals } from "@std/assert";
import {
  type QueueEntry,
  QueueMachine,
} from "../../../daemon/rules/queue_machine.ts";
import type { Limit } from "../../../daemon/settings.ts";

const none = { permissions: "none" } as const;
const OFF: Limit = { enabled: false, value: 0 };
const on = (value: number): Limit => ({ enabled: true, value });

/** Torrents such as `"d1 s2! d3~"`: kind, id, and `!` forced, `~` stalled, `-` not wanted. */
function entries(text: string): QueueEntry[] {
  return text.split(" ").map((word) => ({
    id: Number(/\d+/.exec(word)![0]),
    kind: word[0] === "s" ? "seed" : "download",
    wanted: !word.includes("-"),
    forced: word.includes("!"),
    stalled: word.includes("~"),
  }));
}

function turns(
  machine: QueueMachine,
  text: string,
  download: Limit,
  seed = OFF,
) {
  const { begin, end } = machine.plan(entries(text), { download, seed });
  return [begin.join(" "), end.join(" ")];
}

Deno.test(
  "a queue gives turns in order, and the next when one is free",
  none,
  () => {
    const machine = new QueueMachine();
    assertEquals(turns(machine, "d1 d2- d3 d4", on(2)), ["1 3", ""]);
    assertEquals(turns(machine, "d1 d2- d3 d4", on(2)), ["", ""]);
    assertEquals(turns(machine, "d1- d2- d3 d4", on(2)), ["4", "1"]);
    assertEquals(machine.has(4), true);
    assertEquals(machine.has(1), false);
  },
);

Deno.test("without a limit all have a turn", none, () => {
  assertEquals(turns(new QueueMachine(), "d1 s2 d3", OFF), ["1 2 3", ""]);
});

Deno.test(
  "a limit of nothing gives no turn but to those that are forced",
  none,
  () => {
    assertEquals(turns(new QueueMachine(), "d1 d2!", on(0)), ["2", ""]);
  },
);

Deno.test("those that stall do not count, and keep their turn", none, () => {
  const machine = new QueueMachine();
  turns(machine, "d1 d2 d3 d4", on(2));
  assertEquals(turns(machine, "d1~ d2 d3 d4", on(2)), ["3", ""]);
  assertEquals(turns(machine, "d1~ d2~ d3 d4", on(2)), ["4", ""]);
  // They wake up: nobody is interrupted.
  assertEquals(turns(machine, "d1 d2 d3 d4", on(2)), ["", ""]);
});

Deno.test("a turn is kept when others come before in the queue", none, () => {
  const machine = new QueueMachine();
  turns(machine, "d1 d2", on(1));
  assertEquals(turns(machine, "d2 d1", on(1)), ["", ""]);
});

Deno.test(
  "a lower limit ends the last turns, not forced or stalled ones",
  none,
  () => {
    const machine = new QueueMachine();
    turns(machine, "d1 d2 d3 d4! d5~", OFF);
    assertEquals(turns(machine, "d1 d2 d3 d4! d5~", on(2)), ["", "2 3"]);
    assertEquals(turns(machine, "d1 d2 d3 d4! d5~", on(3)), ["2", ""]);
  },
);

Deno.test("forced ones count", none, () => {
  const machine = new QueueMachine();
  assertEquals(turns(machine, "d1 d2 d3!", on(2)), ["1 3", ""]);
});

Deno.test("a download that became a seed needs a turn as such", none, () => {
  const machine = new QueueMachine();
  turns(machine, "s1 d2 d3", on(1), on(1));
  assertEquals(turns(machine, "s1 s2 d3", on(1), on(1)), ["3", "2"]);
  assertEquals(turns(machine, "s1~ s2 d3", on(1), on(1)), ["2", ""]);
  // With room for it, it goes on without a break.
  const other = new QueueMachine();
  turns(other, "d1 d2", on(1), on(1));
  assertEquals(turns(other, "s1 d2", on(1), on(1)), ["2", ""]);
});

Deno.test("who is gone has no turn", none, () => {
  const machine = new QueueMachine();
  turns(machine, "d1 d2", on(1));
  assertEquals(turns(machine, "d2", on(1)), ["2", "1"]);
});

Deno.test(
  "a lower limit ends no more turns than it has to, and all if it is none",
  none,
  () => {
    const machine = new QueueMachine();
    turns(machine, "d1 d2 d3", on(4));
    assertEquals(turns(machine, "d1 d2 d3", on(3)), ["", ""]);
    assertEquals(turns(machine, "d1 d2 d3", on(0)), ["", "1 2 3"]);
  },
);
