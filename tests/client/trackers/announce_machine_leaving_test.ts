/** What the announce machine tells trackers at the end. */
import { assertEquals } from "@std/assert";
import { Driven, MINUTE, SECOND } from "./announce_bench.ts";

Deno.test("AnnounceMachine tells completed and stopped when it leaves", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.ok("a");
  m.machine.handle({ type: "completed" }, 0);
  m.machine.handle({ type: "stop" }, 0);
  // What had no turn yet is taken back and becomes part of the good-bye.
  assertEquals(m.drain(), ["a completed", "a cancelled", "a completed"]);
  assertEquals(m.ok("a"), ["a stopped"]);
  assertEquals(m.ok("a"), ["left"]);
  // It was under way: it may end.
  const n = new Driven([["a"]]);
  n.input({ type: "start" });
  n.ok("a");
  assertEquals(n.input({ type: "completed" }), ["a completed"]);
  assertEquals(n.input({ type: "stop" }), []);
  assertEquals(n.ok("a"), ["a stopped"]);
  assertEquals(n.down("a"), ["left"]);
  assertEquals(n.machine.deadline, undefined);
});

Deno.test("AnnounceMachine gives a first answer a second when it leaves", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.input({ type: "completed" });
  assertEquals(m.input({ type: "stop" }), []);
  m.now = 900;
  assertEquals(m.ok("a"), ["a completed"]);
  assertEquals(m.ok("a"), ["a stopped"]);
  // No answer comes, nor a word of good-bye.
  assertEquals(m.until(60 * SECOND), [[4_900, "a cancelled"], [4_900, "left"]]);
  const n = new Driven([["a"]]);
  n.input({ type: "start" });
  n.input({ type: "stop" });
  assertEquals(n.until(60 * SECOND), [[1_000, "a cancelled"], [1_000, "left"]]);
});

Deno.test("AnnounceMachine does not wait for the dead when it leaves", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"], ["b"], ["c"]]);
  m.input({ type: "start" });
  m.until(6 * SECOND);
  m.down("b");
  m.ok("c");
  assertEquals(m.input({ type: "stop" }), ["a cancelled", "c stopped"]);
  assertEquals(m.ok("c"), ["left"]);
  assertEquals(m.input({ type: "stop" }), ["left"]);
});

Deno.test("AnnounceMachine goes on when it is started before it has left", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"], ["b"]]);
  m.input({ type: "start" });
  m.ok("a");
  m.input({ type: "reannounce", url: "b" });
  m.ok("b");
  m.machine.handle({ type: "stop" }, 0);
  m.machine.handle({ type: "asked", url: "a" }, 0);
  m.machine.handle({ type: "start" }, 0);
  // Only the one that may have heard of the end is told that we are back.
  assertEquals(m.drain(), ["a stopped", "b stopped", "b cancelled", "left"]);
  assertEquals(m.ok("a"), ["a started"]);
  m.ok("a");
  assertEquals(m.until(30 * MINUTE), [[30 * MINUTE, "a"]]);
});

Deno.test("AnnounceMachine ignores late answers after stop", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.input({ type: "stop" });
  m.until(2 * SECOND);
  assertEquals(m.ok("a"), []);
  assertEquals(m.machine.deadline, undefined);
  assertEquals(m.input({ type: "start" }), ["a started"]);
});

Deno.test("AnnounceMachine tells who may have forgotten us that we are back", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.now = 10 * MINUTE;
  m.input({ type: "start" });
  m.ok("a");
  // It falls silent and is not told that we leave.
  assertEquals(m.until(40 * MINUTE), [[40 * MINUTE, "a"]]);
  m.now += 6 * SECOND;
  assertEquals(m.input({ type: "stop" }), ["a cancelled", "left"]);
  assertEquals(m.input({ type: "start" }), ["a started"]);
  m.ok("a");
  // What was not said yet is said when it goes on.
  m.machine.handle({ type: "completed" }, m.now);
  m.machine.handle({ type: "stop" }, m.now);
  m.machine.handle({ type: "start" }, m.now);
  assertEquals(m.drain(), [
    "a completed",
    "a cancelled",
    "a completed",
    "a cancelled",
    "left",
    "a completed",
  ]);
});

Deno.test("AnnounceMachine gives a late first answer no more than its second", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.now = 10 * MINUTE;
  m.input({ type: "start" });
  m.now += 4_999;
  assertEquals(m.input({ type: "stop" }), []);
  assertEquals(m.until(m.now + MINUTE).length, 2);
  m.input({ type: "start" });
  m.now += 5_000;
  assertEquals(m.input({ type: "stop" }), ["a cancelled", "left"]);
});

Deno.test(
  "AnnounceMachine takes a tracker back that is being told good-bye",
  { permissions: "none" },
  () => {
    const m = new Driven([["a"], ["b"]]);
    m.input({ type: "start" });
    m.ok("a");
    const urls = () => m.machine.trackers.map(({ url }) => url);
    const replace = (...tiers: string[][]) =>
      m.input({ type: "trackers", tiers, replace: true });
    assertEquals(replace(["b"]), ["a stopped", "b started"]);
    m.ok("b");
    assertEquals(replace(["a"], ["b"]), ["a cancelled", "a started"]);
    assertEquals(urls(), ["a", "b"]);
    m.ok("a");
    // The torrent pauses: all are told good-bye, and stay.
    assertEquals(m.input({ type: "stop" }), ["a stopped", "b stopped"]);
    assertEquals(replace(["b"], ["a"], ["c"]), []);
    assertEquals(urls(), ["b", "a", "c"]);
    m.ok("a");
    assertEquals(m.ok("b"), ["left"]);
    assertEquals(m.input({ type: "start" }), ["b started"]);
    // And if it goes on meanwhile.
    m.ok("b");
    m.input({ type: "stop" });
    replace(["b"]);
    m.input({ type: "start" });
    assertEquals(urls(), ["b"]);
  },
);
