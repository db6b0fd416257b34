import { assert, assertEquals } from "@std/assert";
import { announceBackoffMs } from "../../../client/trackers/tracker_entry.ts";
import { Driven, MINUTE, SECOND } from "./announce_bench.ts";

Deno.test(
  "AnnounceMachine uses the first tier that works and goes back to it",
  {
    permissions: "none",
  },
  () => {
    const m = new Driven([["a"], ["b"]]);
    assertEquals(m.input({ type: "start" }), ["a started"]);
    m.now = 100;
    assertEquals(m.down("a"), ["b started"]);
    assertEquals(m.ok("b"), []);
    const again = 100 + announceBackoffMs(1);
    assertEquals(m.until(again), [[again, "a started"]]);
    m.ok("a");
    const next = again + 30 * MINUTE;
    assertEquals(m.until(next), [[next, "a"]]);
    m.ok("a");
    assertEquals(m.input({ type: "stop" }), ["a stopped", "b stopped"]);
    m.ok("a");
    assertEquals(m.ok("b"), ["left"]);
    assertEquals(m.machine.deadline, undefined);
  },
);

Deno.test("AnnounceMachine promotes what works inside a tier", {
  permissions: "none",
}, () => {
  const m = new Driven([["a", "b", "c"]]);
  const [first] = m.input({ type: "start" })[0]!.split(" ");
  const [second] = m.down(first!)[0]!.split(" ");
  assert(first !== second);
  m.ok(second!);
  const [one, two] = m.machine.trackers;
  assertEquals([one!.url, two!.url], [second, first]);
});

Deno.test("AnnounceMachine does not let silent trackers keep others waiting", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"], ["b"], ["c"], ["d"], ["udp://e:1"]]);
  assertEquals(m.input({ type: "start" }), ["a started"]);
  // Where several are silent the next is asked sooner still.
  assertEquals(m.until(30 * SECOND), [
    [5_000, "b started"],
    [7_500, "c started"],
    [8_750, "d started"],
    [9_750, "udp://e:1 started"],
  ]);
  m.ok("udp://e:1");
  assertEquals(m.until(20 * MINUTE), []);
  // It answers at last: from then on it comes first.
  m.ok("a");
  m.now = 50 * MINUTE;
  m.machine.handleTimeout(m.now);
  assertEquals(m.drain(), ["a"]);
});

Deno.test("AnnounceMachine waits its turn: only what is under way is silent", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"], ["b"]]);
  m.machine.handle({ type: "start" }, 0);
  assertEquals(m.machine.poll()?.type, "announce");
  assertEquals(m.until(10 * MINUTE), []);
  m.input({ type: "asked", url: "a" });
  assertEquals(m.until(11 * MINUTE), [[10 * MINUTE + 5_000, "b started"]]);
});

Deno.test("AnnounceMachine sends completed once, after started", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.now = 10;
  assertEquals(m.input({ type: "completed" }), [], "started is under way");
  assertEquals(m.ok("a"), ["a completed"]);
  assertEquals(m.ok("a"), []);
  assertEquals(m.until(30 * MINUTE + 10), [[30 * MINUTE + 10, "a"]]);
});

Deno.test("AnnounceMachine backs off, and longer when told to (BEP 31)", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  assertEquals(m.input({ type: "start" }), ["a started"]);
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    m.down("a");
    waits.push(m.machine.deadline! - m.now);
    assertEquals(m.until(m.machine.deadline!).map(([, o]) => o), ["a started"]);
  }
  assertEquals(waits, [7_500, 15_000, 27_500, 45_000, 67_500, 95_000]);
  m.down("a", 10 * MINUTE);
  assertEquals(m.machine.deadline, m.now + 10 * MINUTE);
  m.until(m.machine.deadline!);
  m.down("a", Infinity);
  assertEquals(m.machine.deadline, undefined, "never again");
  assertEquals(m.machine.trackers[0]!.state, "disabled");
  // Nor does a new start forget it; a person may ask all the same.
  m.input({ type: "stop" });
  assertEquals(m.input({ type: "start" }), []);
  m.now += MINUTE;
  assertEquals(m.input({ type: "reannounce", url: "a" }), ["a started"]);
});

Deno.test("AnnounceMachine honours the interval; once it may be early", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  const seen: [number, string][] = [];
  const run = (until: number) => {
    while ((m.machine.deadline ?? Infinity) <= until) {
      for (const [at, what] of m.until(m.machine.deadline!)) {
        seen.push([at / MINUTE, what]);
        m.ok("a");
      }
    }
    m.now = until;
  };
  m.wanted = true;
  m.input({ type: "start" });
  m.ok("a");
  // Nobody there: one announce after five minutes, then the interval.
  run(3 * 60 * MINUTE);
  assertEquals(seen.map(([at]) => at), [5, 35, 65, 95, 125, 155]);
  // There were peers when it was announced last: early once more.
  seen.length = 0;
  m.wanted = false;
  run(186 * MINUTE);
  m.wanted = true;
  run(240 * MINUTE);
  assertEquals(seen.map(([at]) => at), [185, 190, 220]);
});

Deno.test(
  "AnnounceMachine is never early where peers are there, or none wanted",
  {
    permissions: "none",
  },
  () => {
    const m = new Driven([["a"]]);
    m.input({ type: "start" });
    m.ok("a");
    assertEquals(m.until(29 * MINUTE), []);
    // Lost now: it need not wait for the end of the interval.
    const n = new Driven([["a"]]);
    n.input({ type: "start" });
    n.ok("a");
    assertEquals(n.until(10.5 * MINUTE), []);
    n.wanted = true;
    assertEquals(n.until(20 * MINUTE), [[11 * MINUTE, "a"]]);
  },
);

Deno.test(
  "AnnounceMachine obeys the minimum interval, also when asked to hurry",
  {
    permissions: "none",
  },
  () => {
    const m = new Driven([["a"]]);
    m.wanted = true;
    m.input({ type: "start" });
    m.ok("a", { minIntervalMs: 12 * MINUTE, trackerId: "x" });
    m.now = MINUTE;
    assertEquals(m.input({ type: "reannounce" }), []);
    assertEquals(m.machine.deadline, 12 * MINUTE);
    m.now = 12 * MINUTE;
    m.machine.handleTimeout(m.now);
    assertEquals(m.machine.poll(), {
      type: "announce",
      url: "a",
      event: undefined,
      trackerId: "x",
      leaving: false,
    });
    // A tracker that allows less often than it asks for is asked less often.
    const n = new Driven([["a"]]);
    n.input({ type: "start" });
    n.ok("a", { minIntervalMs: 45 * MINUTE });
    assertEquals(n.machine.deadline, 45 * MINUTE);
  },
);

Deno.test("AnnounceMachine takes few trackers of one host, and not too many", {
  permissions: "none",
}, () => {
  const count = (tiers: string[][]) =>
    new Driven(tiers).machine.trackers.length;
  const hosts = (n: number, name: (i: number) => string) =>
    Array.from({ length: n }, (_, i) => `http://${name(i)}/announce`);
  assertEquals(count([hosts(3000, (i) => `h${i}.t${i}.example`)]), 100);
  assertEquals(count([hosts(3000, (i) => `127.0.0.1:${i + 1}`)]), 8);
  assertEquals(
    count(hosts(3000, (i) => `127.0.0.1:${i + 1}`).map((u) => [u])),
    8,
  );
  // The same host by other spellings; a subnet and a domain.
  const names = ["localhost", "LOCALHOST.", "127.0.0.1", "127.1", "2130706433"];
  assertEquals(
    count([names.flatMap((name) => [`udp://${name}:1`, `udp://${name}:2`])]),
    8,
  );
  assertEquals(count([hosts(255, (i) => `192.0.2.${i}`)]), 12);
  assertEquals(count([hosts(255, (i) => `${i}.victim.example`)]), 12);
  assertEquals(count([["a", "a"], ["a"]]), 1);
});

Deno.test("AnnounceMachine asks one a second after a burst of failures", {
  permissions: "none",
}, () => {
  const tiers = Array.from(
    { length: 40 },
    (_, i) => [`http://t${i}.h${i}.test`],
  );
  const m = new Driven(tiers);
  let asked = 0;
  let todo = m.input({ type: "start" });
  while (m.now < 30 * SECOND) {
    for (; todo.length > 0; asked++) {
      todo = m.down(todo[0]!.split(" ")[0]!);
    }
    const at = m.machine.deadline!;
    todo = m.until(at).map(([, what]) => what);
  }
  assert(asked >= 30 && asked <= 36, `${asked} in 30 s`);
});

Deno.test("AnnounceMachine takes more trackers, and others, while it runs", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.ok("a");
  const trackers = (replace: boolean, ...tiers: string[][]) =>
    m.input({ type: "trackers", tiers, replace });
  assertEquals(trackers(false, ["a"], ["b"]), []);
  assertEquals(m.machine.trackers.map(({ url }) => url), ["a", "b"]);
  m.now = 2 * MINUTE;
  assertEquals(m.input({ type: "reannounce", url: "b" }), ["b started"]);
  m.ok("b");
  // What goes is told so, what stays goes on, and what is new hears of us.
  assertEquals(trackers(true, ["c", "b"]), ["a stopped", "c started"]);
  assertEquals(m.machine.trackers.map(({ url, state }) => [url, state]), [
    ["c", "announcing"],
    ["b", "working"],
  ]);
  m.ok("c");
  assertEquals(m.ok("a"), []);
  assertEquals(m.input({ type: "stop" }), ["c stopped", "b stopped"]);
});

Deno.test("AnnounceMachine tells what it knows of each tracker", {
  permissions: "none",
}, () => {
  const m = new Driven([["http://t.example/secret/announce"], ["b"]]);
  const url = "http://t.example/secret/announce";
  assertEquals(m.machine.trackers[0], {
    url,
    name: "http://t.example",
    tier: 0,
    state: "idle",
    message: undefined,
    failures: 0,
    failure: undefined,
    nextAt: undefined,
    lastAt: undefined,
    askedAt: undefined,
    seeders: undefined,
    leechers: undefined,
    downloads: undefined,
    peers: undefined,
  });
  m.input({ type: "start" });
  assertEquals(m.machine.trackers[0]!.state, "announcing");
  m.now = 50;
  const peers = [{ hostname: "192.0.2.1", port: 1 }];
  m.ok(url, { seeders: 1, leechers: 2, downloads: 3, peers, warning: "soon" });
  const { state, message, nextAt, lastAt, askedAt, ...told } = m
    .machine.trackers[0]!;
  assertEquals([state, message, nextAt, lastAt, askedAt], [
    "working",
    "soon",
    50 + 30 * MINUTE,
    50,
    0,
  ]);
  const { seeders, leechers, downloads } = told;
  assertEquals([seeders, leechers, downloads], [1, 2, 3]);
  assertEquals(m.machine.trackers[0]!.peers, 1);
  m.until(30 * MINUTE + 50);
  m.down(url);
  const failed = m.machine.trackers[0]!;
  assertEquals(
    [failed.state, failed.message, failed.failures, failed.failure],
    [
      "failed",
      "Tracker is away",
      1,
      "unreachable",
    ],
  );
  m.until(failed.nextAt!);
  m.ok(url);
  assertEquals(m.machine.trackers[0]!.failure, undefined);
});

Deno.test("AnnounceMachine does not let a person hammer a tracker that fails", {
  permissions: "none",
}, () => {
  const m = new Driven([["a"]]);
  m.input({ type: "start" });
  m.ok("a");
  m.until(30 * MINUTE);
  m.down("a", 10 * MINUTE);
  assertEquals(m.input({ type: "reannounce", url: "a" }), []);
  assertEquals(m.machine.deadline, 31 * MINUTE);
  assertEquals(m.until(31 * MINUTE), [[31 * MINUTE, "a"]]);
});
