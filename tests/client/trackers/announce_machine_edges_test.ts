// What happens at the very moment that something is due, or names nobody.
import { assertEquals } from "@std/assert";
import { Driven, MINUTE, SECOND } from "./announce_bench.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "AnnounceMachine: who is told good-bye is known by its own URL",
  none,
  () => {
    const m = new Driven([["a"], ["b"]]);
    m.input({ type: "start" });
    m.ok("a");
    m.now = 2 * MINUTE;
    m.input({ type: "reannounce", url: "b" });
    m.ok("b");
    const tiers = [[], ["c"], [], ["d"]];
    assertEquals(m.input({ type: "trackers", tiers, replace: true }), [
      "a stopped",
      "b stopped",
      "c started",
    ]);
    // Tiers of nothing are none.
    assertEquals(m.machine.trackers.map(({ url, tier }) => [url, tier]), [
      ["c", 0],
      ["d", 1],
    ]);
    m.ok("c");
    assertEquals(m.machine.deadline, 2 * MINUTE + 5_000);
    m.ok("b");
    assertEquals(m.machine.deadline, 2 * MINUTE + 5_000);
    m.ok("a");
    assertEquals(m.machine.deadline, 7 * MINUTE);
  },
);

Deno.test(
  "AnnounceMachine starts anew where a good-bye was not answered",
  none,
  () => {
    const m = new Driven([["a"]]);
    m.input({ type: "start" });
    m.ok("a");
    assertEquals(m.input({ type: "stop" }), ["a stopped"]);
    assertEquals(m.until(MINUTE), [[5_000, "a cancelled"], [5_000, "left"]]);
    assertEquals(m.input({ type: "start" }), ["a started"]);
  },
);

Deno.test(
  "AnnounceMachine says good-bye again after it came back",
  none,
  () => {
    const m = new Driven([["a"]]);
    m.input({ type: "start" });
    m.ok("a");
    m.machine.handle({ type: "stop" }, 0);
    m.machine.handle({ type: "start" }, 0);
    m.drain();
    assertEquals(m.input({ type: "stop" }), ["a stopped"]);
    assertEquals(m.ok("a"), ["left"]);
  },
);

Deno.test(
  "AnnounceMachine passes over answers and failures of nobody it asked",
  none,
  () => {
    const m = new Driven([["a"]]);
    m.input({ type: "start" });
    m.ok("a");
    for (const url of ["a", "b"]) {
      assertEquals([m.down(url), m.ok(url)], [[], []]);
      m.input({ type: "asked", url });
    }
    const [{ failures, state, lastAt }] = m.machine.trackers as [
      typeof m.machine.trackers[0],
    ];
    assertEquals([failures, state, lastAt], [0, "working", 0]);
  },
);

Deno.test(
  "AnnounceMachine wakes for what a person wants of a later tier",
  none,
  () => {
    const m = new Driven([["a"], ["b"]]);
    m.input({ type: "start" });
    m.ok("a");
    assertEquals(m.input({ type: "reannounce", url: "b" }), ["b started"]);
    m.ok("b");
    m.now = 30 * SECOND;
    assertEquals(m.input({ type: "reannounce", url: "b" }), []);
    assertEquals(m.machine.deadline, MINUTE);
    assertEquals(m.until(MINUTE), [[MINUTE, "b"]]);
  },
);

Deno.test(
  "AnnounceMachine asks one of two that are due again at once",
  none,
  () => {
    const m = new Driven([["a"], ["b"]]);
    assertEquals(m.input({ type: "start" }), ["a started"]);
    assertEquals(m.down("a"), ["b started"]);
    assertEquals(m.down("b"), []);
    assertEquals(m.until(7_500), [[7_500, "a started"]]);
  },
);

Deno.test("AnnounceMachine is not early at a tracker that fails", none, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.ok("a");
  assertEquals(m.until(30 * MINUTE), [[30 * MINUTE, "a"]]);
  m.wanted = true;
  assertEquals(m.down("a"), []);
  assertEquals(m.machine.deadline, 30 * MINUTE + 7_500);
});

Deno.test(
  "AnnounceMachine is early the moment that it may, and due when it is",
  none,
  () => {
    const m = new Driven([["a"]]);
    m.input({ type: "start" });
    m.ok("a", { intervalMs: 5 * MINUTE });
    assertEquals(m.machine.deadline, 5 * MINUTE);
    m.now = 5 * MINUTE;
    m.machine.handleTimeout(m.now);
    assertEquals(m.drain(), ["a"]);
    m.ok("a");
    m.wanted = true;
    m.now = 10 * MINUTE - 1;
    m.machine.handleTimeout(m.now);
    assertEquals([m.drain(), m.machine.deadline], [[], 10 * MINUTE]);
    assertEquals(m.until(10 * MINUTE), [[10 * MINUTE, "a"]]);
  },
);

Deno.test(
  "AnnounceMachine tells of a next time only where there is one",
  none,
  () => {
    const m = new Driven([["a"], ["b"], ["c"]]);
    const told = (): unknown[][] =>
      m.machine.trackers.map(({ state, nextAt }) => [state, nextAt]);
    m.input({ type: "start" });
    const idle = ["idle", undefined];
    assertEquals(told(), [["announcing", undefined], idle, idle]);
    m.ok("a");
    assertEquals(told(), [["working", 30 * MINUTE], idle, idle]);
    m.now = MINUTE;
    m.input({ type: "reannounce", url: "a" });
    assertEquals(told()[0], ["announcing", undefined]);
    m.down("a");
    assertEquals(told()[0], ["failed", MINUTE + 7_500]);
    m.until(MINUTE + 7_500);
    m.ok("a");
    m.input({ type: "stop" });
    m.ok("a");
    assertEquals(told()[0], idle);
    const never = new Driven([["a"]]);
    never.input({ type: "start" });
    never.down("a", Infinity);
    const [{ state, nextAt }] = never.machine.trackers as [
      typeof m.machine.trackers[0],
    ];
    assertEquals([state, nextAt], ["disabled", undefined]);
  },
);
