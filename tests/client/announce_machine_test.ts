import { assert, assertEquals } from "@std/assert";
import { type AnnounceResponse, TrackerError } from "../../_shared/announce.ts";
import { seededRandom } from "../../_shared/random.ts";
import {
  announceBackoffMs,
  AnnounceMachine,
  type AnnounceOutput,
} from "../../client/announce_machine.ts";

const MINUTE = 60_000;
function machine(tiers: string[][], allTiers = false): AnnounceMachine {
  return new AnnounceMachine({ tiers, allTiers, random: seededRandom(1) });
}
function drain(m: AnnounceMachine): string[] {
  const list: string[] = [];
  for (let o: AnnounceOutput | undefined; (o = m.poll()) !== undefined;) {
    list.push(o.event === undefined ? o.url : `${o.url} ${o.event}`);
  }
  return list;
}
const ok = (extra: Partial<AnnounceResponse> = {}): AnnounceResponse => ({
  intervalMs: 30 * MINUTE,
  peers: [],
  ...extra,
});
const down = (retryInMs?: number) =>
  new TrackerError("unreachable", "Tracker is away", { retryInMs });

Deno.test(
  "AnnounceMachine uses the first tier that works and goes back to it",
  {
    permissions: "none",
  },
  () => {
    const m = machine([["a"], ["b"]]);
    m.handle({ type: "start" }, 0);
    assertEquals(drain(m), ["a started"]);
    m.handle({ type: "failed", url: "a", error: down() }, 100);
    assertEquals(drain(m), ["b started"]);
    m.handle({ type: "result", url: "b", response: ok() }, 200);
    assertEquals(drain(m), []);
    assertEquals(m.deadline, 100 + announceBackoffMs(1));
    m.handleTimeout(m.deadline!);
    assertEquals(drain(m), ["a started"]);
    const now = 100 + announceBackoffMs(1);
    m.handle({ type: "result", url: "a", response: ok() }, now);
    assertEquals(m.deadline, now + 30 * MINUTE);
    m.handleTimeout(m.deadline!);
    assertEquals(drain(m), ["a"]);
    m.handle({ type: "stop" }, now);
    assertEquals(drain(m).sort(), ["a stopped", "b stopped"]);
    assertEquals(m.deadline, undefined);
  },
);

Deno.test("AnnounceMachine promotes what works inside a tier", {
  permissions: "none",
}, () => {
  const m = machine([["a", "b", "c"]]);
  m.handle({ type: "start" }, 0);
  const [first] = drain(m)[0]!.split(" ");
  m.handle({ type: "failed", url: first!, error: down() }, 0);
  const [second] = drain(m)[0]!.split(" ");
  assert(first !== second);
  m.handle({ type: "result", url: second!, response: ok() }, 0);
  assertEquals(m.trackers[0]!.url, second);
  assertEquals(m.trackers[1]!.url, first);
});

Deno.test("AnnounceMachine serves every tier when asked to", {
  permissions: "none",
}, () => {
  const m = machine([["a"], ["b"]], true);
  m.handle({ type: "start" }, 0);
  assertEquals(drain(m), ["a started", "b started"]);
});

Deno.test("AnnounceMachine sends completed once, after started", {
  permissions: "none",
}, () => {
  const m = machine([["a"]]);
  m.handle({ type: "start" }, 0);
  drain(m);
  m.handle({ type: "completed" }, 10);
  assertEquals(drain(m), [], "started is still under way");
  m.handle({ type: "result", url: "a", response: ok() }, 20);
  assertEquals(drain(m), ["a completed"]);
  m.handle({ type: "result", url: "a", response: ok() }, 30);
  assertEquals(drain(m), []);
  m.handleTimeout(m.deadline!);
  assertEquals(drain(m), ["a"]);
});

Deno.test("AnnounceMachine backs off, and longer when told to (BEP 31)", {
  permissions: "none",
}, () => {
  const m = machine([["a"]]);
  m.handle({ type: "start" }, 0);
  let now = 0;
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    assertEquals(drain(m), ["a started"]);
    m.handle({ type: "failed", url: "a", error: down() }, now);
    waits.push(m.deadline! - now);
    now = m.deadline!;
    m.handleTimeout(now);
  }
  assertEquals(waits, [7_500, 15_000, 27_500, 45_000, 67_500, 95_000]);
  m.handle({ type: "failed", url: "a", error: down(10 * MINUTE) }, now);
  assertEquals(m.deadline, now + 10 * MINUTE);
  m.handleTimeout(m.deadline!);
  m.handle({ type: "failed", url: "a", error: down(Infinity) }, now);
  assertEquals(m.deadline, undefined, "never again");
});

Deno.test("AnnounceMachine obeys the minimum interval when peers are wanted", {
  permissions: "none",
}, () => {
  const m = machine([["a"]]);
  m.handle({ type: "start" }, 0);
  drain(m);
  m.handle({
    type: "result",
    url: "a",
    response: ok({ minIntervalMs: 5 * MINUTE, trackerId: "x" }),
  }, 0);
  m.handle({ type: "want-peers" }, MINUTE);
  assertEquals(drain(m), []);
  assertEquals(m.deadline, 5 * MINUTE);
  m.handleTimeout(5 * MINUTE);
  assertEquals(m.poll(), {
    type: "announce",
    url: "a",
    event: undefined,
    trackerId: "x",
  });
});

Deno.test(
  "AnnounceMachine ignores late answers after stop, and bounds the list",
  {
    permissions: "none",
  },
  () => {
    const m = machine([["a"]]);
    m.handle({ type: "start" }, 0);
    drain(m);
    m.handle({ type: "stop" }, 1);
    assertEquals(drain(m), ["a stopped"]);
    m.handle({ type: "result", url: "a", response: ok() }, 2);
    assertEquals(drain(m), []);
    assertEquals(m.deadline, undefined);
    m.handle({ type: "start" }, 3);
    assertEquals(drain(m), ["a started"]);
    const many = machine([Array.from({ length: 10_000 }, (_, i) => `u${i}`)]);
    assertEquals(many.trackers.length, 200);
    assertEquals(machine([["a", "a"], ["a"]]).trackers.length, 1);
  },
);
