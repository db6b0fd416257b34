import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  type AnnounceRequest,
  TrackerError,
} from "../../../_shared/announce.ts";
import type { AnnounceScheduler } from "../../../client/trackers/announce_scheduler.ts";
import type { TrackerClient } from "../../../client/types.ts";
import { simTorrent, SwarmWorld } from "../../../testing/mod.ts";
import { fakeTracker, response, setUp } from "./fake_tracker.ts";

Deno.test("TrackerRunner announces, hands out peers, and says good-bye", {
  permissions: "none",
}, async () => {
  const tracker = fakeTracker();
  const { clock, runner, found, results } = setUp(tracker);
  runner.start();
  await clock.advance(100);
  assertEquals(tracker.told.map(({ event }) => event), ["started"]);
  assertEquals(tracker.told[0]!.left, 4);
  assertEquals(tracker.told[0]!.key, 7);
  assertEquals(found.length, 1);
  // Never the path, which may hold a passkey.
  assertEquals(results, [["http://t.example", { peers: 1 }]]);
  runner.completed();
  await clock.advance(100);
  await runner.close();
  assertEquals(tracker.told.map(({ event }) => event), [
    "started",
    "completed",
    "stopped",
  ]);
  assertEquals(clock.pending, 0);
});

Deno.test("TrackerRunner says which host told of a peer", {
  permissions: "none",
}, async () => {
  for (
    const [url, teller] of [
      ["http://localhost:1/announce", "127.0.0.1"],
      ["http://[2001:db8::1]/announce", "2001:db8::1"],
      ["udp://t.example:1", "t.example"],
    ] as const
  ) {
    const { clock, runner, found } = setUp(fakeTracker(), url);
    runner.start();
    await clock.advance(100);
    assertEquals(found.map((one) => one.teller), [teller]);
    await runner.close();
  }
});

Deno.test("TrackerRunner leaves at once where nobody has answered", {
  permissions: "none",
}, async () => {
  // Neither answers nor heeds the signal.
  const tracker = fakeTracker(() => new Promise(() => {}));
  const { clock, runner, results } = setUp(
    tracker,
    "udp://a.test:1",
    "udp://b.test:1",
  );
  runner.start();
  await clock.advance(12_000);
  assertEquals(tracker.told.length, 2);
  await runner.close();
  await clock.advance(0);
  // Nobody failed: nobody waits for an answer any more.
  assertEquals(results, []);
  assertEquals(tracker.told.map(({ event }) => event), ["started", "started"]);
  assertEquals(clock.pending, 0);
});

Deno.test("TrackerRunner leaves within seconds, whatever the tracker does", {
  permissions: "none",
}, async () => {
  // Falls silent after its first answer.
  const tracker = fakeTracker(({ event }) =>
    event === "started" ? response : new Promise(() => {})
  );
  const { clock, runner } = setUp(tracker);
  runner.start();
  await clock.advance(10);
  runner.completed();
  await clock.advance(10);
  let closed = false;
  void runner.close().then(() => closed = true);
  await clock.advance(5_000);
  assertEquals(closed, true);
  assertEquals(clock.pending, 0);
});

Deno.test("TrackerRunner tells of completion before it leaves", {
  permissions: "none",
}, async () => {
  const tracker = fakeTracker();
  const { clock, runner, figures } = setUp(tracker);
  runner.start();
  await clock.advance(100);
  figures.left = 0;
  figures.downloaded += 50;
  runner.completed();
  await runner.close();
  assertEquals(
    tracker.told.map((
      { event, left, downloaded },
    ) => [event, left, downloaded]),
    [["started", 4, 0], ["completed", 0, 50], ["stopped", 0, 50]],
  );
});

Deno.test("TrackerRunner counts from started to stopped (BEP 3)", {
  permissions: "none",
}, async () => {
  const tracker = fakeTracker();
  const { clock, runner, figures } = setUp(tracker);
  for (let i = 0; i < 2; i++) {
    runner.start();
    await clock.advance(10);
    figures.uploaded += 7;
    await runner.stop();
  }
  assertEquals(tracker.told.map(({ uploaded }) => uploaded), [0, 7, 0, 7]);
  await runner.close();
});

Deno.test("TrackerRunner says paused when it wants no more (BEP 21)", {
  permissions: "none",
}, async () => {
  // Knows the events of BEP 3 only, as UDP trackers do.
  const strict = "https://strict.test/announce";
  const slow = "https://slow.test/announce";
  const tracker = fakeTracker(({ event }, _signal, url) => {
    if (event === "paused" && url === strict) {
      throw new TrackerError("refused", "Unknown event");
    }
    if (event === "paused" && url === slow) {
      throw new TrackerError("timeout", "It takes too long");
    }
    return { intervalMs: 60_000, peers: [] };
  });
  for (
    const url of ["http://t.test/announce", strict, "udp://t.test:1", slow]
  ) {
    const { clock, runner, figures } = setUp(tracker, url);
    figures.isPartialSeed = true;
    runner.start();
    await clock.advance(125_000);
    await runner.close();
  }
  assertEquals(tracker.told.map(({ event }) => event), [
    ...["started", "paused", "paused", "stopped"],
    ...["started", "paused", undefined, undefined, "stopped"],
    ...["started", undefined, undefined, "stopped"],
    // Only who refuses it is asked without.
    ...["started", "paused", "paused", "paused", "paused"],
  ]);
});

Deno.test(
  "TrackerRunner takes some thousands of peers, and doubts our address",
  {
    permissions: "none",
  },
  async () => {
    const many = Array.from({ length: 4000 }, (_, i) => (
      { hostname: "192.0.2.1", port: i + 1 }
    ));
    const said = ["198.51.100.7", "10.0.0.1", "198.51.100.7"];
    const tracker = fakeTracker(() => (
      { intervalMs: 60_000, peers: many, externalIp: said.shift() }
    ));
    const { clock, runner, found, ips, scheduler } = setUp(tracker);
    runner.start();
    await clock.advance(1000);
    assertEquals(found.length, 3000);
    await clock.advance(130_000);
    assertEquals(said, []);
    assertEquals(ips, [], "one tracker alone");
    assertEquals(
      scheduler.vote("udp://t.example:5", "198.51.100.7"),
      undefined,
    );
    assertEquals(scheduler.vote("udp://u.test:5", "203.0.113.9"), undefined);
    assertEquals(
      scheduler.vote("udp://v.test:5", "198.51.100.7"),
      "198.51.100.7",
    );
    await runner.close();
  },
);

Deno.test("TrackerRunner reports a tracker that does not answer in time", {
  permissions: "none",
}, async () => {
  const tracker = fakeTracker((_, signal) =>
    new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    )
  );
  const { clock, runner, results } = setUp(tracker);
  runner.start();
  await clock.advance(41_000);
  const { error } = results[0]![1] as { error: TrackerError };
  assertEquals(error.code, "timeout");
  const closing = runner.close();
  await clock.advance(5000);
  await closing;
  assertEquals(clock.pending, 0);
});

Deno.test("TrackerRunner reports failures and schemes it cannot use", {
  permissions: "none",
}, async () => {
  const failing = fakeTracker(() => {
    throw new TypeError("broken");
  });
  const { clock, runner, results } = setUp(failing);
  runner.start();
  await clock.advance(100);
  assertEquals((results[0]![1] as { error: Error }).error.message, "broken");
  await runner.close();
  const other = setUp(failing, "wss://t.example/x");
  other.runner.start();
  await other.clock.advance(100);
  const { error } = other.results[0]![1] as { error: TrackerError };
  assertEquals(error.code, "unsupported");
  assertStringIncludes(error.message, "wss://t.example");
  await other.runner.close();
});

Deno.test("TrackerRunner can be stopped and started again", {
  permissions: "none",
}, async () => {
  const tracker = fakeTracker();
  const { clock, runner } = setUp(tracker);
  for (let i = 0; i < 3; i++) {
    runner.start();
    await clock.advance(100);
    await runner.stop();
    await clock.advance(100);
  }
  assertEquals(
    tracker.told.map(({ event }) => event),
    ["started", "stopped", "started", "stopped", "started", "stopped"],
  );
  const stopping = runner.stop();
  runner.start();
  await stopping;
  await clock.advance(100);
  assertEquals(tracker.told.at(-1)!.event, "started");
  await runner.close();
  assertEquals(clock.pending, 0);
});

Deno.test(
  "a swarm that knows nothing but its tracker",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 400_000]], {
      trackers: [["http://10.0.0.1/announce"]],
    });
    await using world = new SwarmWorld();
    const known = new Map<string, { hostname: string; port: number }>();
    const told: AnnounceRequest[] = [];
    const trackerFor = (hostname: string): TrackerClient => ({
      announce: (_url, request) => {
        told.push(request);
        const entry = { hostname, port: request.port };
        if (request.event === "stopped") known.delete(hostname);
        else known.set(hostname, entry);
        return Promise.resolve({
          intervalMs: 60_000,
          peers: [...known.values()],
          externalIp: hostname,
        });
      },
    });
    const hosts = [];
    for (let i = 0; i < 4; i++) {
      const hostname = `10.0.${i + 1}.7`;
      const options = { httpTracker: trackerFor(hostname), pex: false };
      if (i === 0) hosts.push(await world.seeder(torrent, options));
      else {
        const host = await world.host(options);
        host.add(torrent);
        hosts.push(host);
      }
      assertEquals(hosts[i]!.address.hostname, hostname);
    }
    for (const host of hosts) await world.run(host.torrent.completed, 300_000);
    const left = told.filter(({ event }) => event === "completed");
    // Who had everything from the start completes nothing.
    assertEquals(left.map((request) => request.left), [0, 0, 0]);
    assertEquals(left.map(({ downloaded }) => downloaded >= 400_000), [
      true,
      true,
      true,
    ]);
    for (const host of hosts) await world.run(host.session.close());
    assertEquals(known.size, 0);
  },
);

Deno.test("a session honours what a tracker asks for, with peers or without", {
  permissions: "none",
}, async () => {
  const torrent = await simTorrent([["a.bin", 60_000]], {
    trackers: [["udp://t.example:1"]],
  });
  const hour = 3_600_000;
  for (const seeding of [false, true]) {
    await using world = new SwarmWorld();
    // As UDP trackers: there is no min interval.
    const udpTracker = fakeTracker(() => ({ intervalMs: hour / 2, peers: [] }));
    const host = seeding
      ? await world.seeder(torrent, { udpTracker })
      : await world.host({ udpTracker });
    if (!seeding) host.add(torrent);
    await world.clock.advance(hour - 1);
    assertEquals(udpTracker.told.length, seeding ? 2 : 3);
    world.assertWire();
  }
});

Deno.test(
  "a session that wants some files only is no seed to trackers (BEP 21)",
  {
    permissions: "none",
  },
  async () => {
    const files = [["d/a", 65_536], ["d/b", 90_000]] as const;
    const torrent = await simTorrent(files, {
      trackers: [["http://t.example/announce"]],
      pieceLength: 16384,
    });
    await using world = new SwarmWorld();
    const seed = await world.seeder(torrent, { trackers: false });
    const httpTracker = fakeTracker(() => ({ intervalMs: 60_000, peers: [] }));
    const host = await world.host({ httpTracker });
    const leech = host.add(torrent, { files: [0] });
    await world.clock.advance(61_000);
    const before = httpTracker.told.splice(0).map(({ event }) => event);
    assertEquals(before, ["started", undefined]);
    leech.addPeers([seed.address]);
    await world.run(leech.completed);
    await world.clock.advance(130_000);
    const paused = httpTracker.told.slice();
    assertEquals(paused.map(({ event }) => event), ["paused", "paused"]);
    assertEquals(paused[0]!.left, 90_000);
    await leech.selectFiles([0, 1]);
    await world.run(leech.completed);
    await world.run(host.session.close());
    const last = httpTracker.told.slice(-2);
    assertEquals(last.map(({ event, left }) => [event, left]), [
      ["completed", 0],
      ["stopped", 0],
    ]);
    world.assertWire();
  },
);

/** What each announce is asked for as, and how it ended for its host. */
function spyOn(scheduler: AnnounceScheduler) {
  const kinds: string[] = [];
  const outcomes: unknown[] = [];
  const request = scheduler.request.bind(scheduler);
  scheduler.request = (url, kind, requestor) => {
    kinds.push(kind);
    const turn = request(url, kind, requestor);
    return {
      end(outcome) {
        outcomes.push(outcome);
        turn.end(outcome);
      },
    };
  };
  return { kinds, outcomes };
}

Deno.test("TrackerRunner lets downloads go before seeds", {
  permissions: "none",
}, async () => {
  for (
    const [left, isPartialSeed, kind] of [
      [4, false, "download"],
      [4, true, "seed"],
      [0, false, "seed"],
    ] as const
  ) {
    const { clock, runner, figures, scheduler } = setUp(fakeTracker());
    const { kinds } = spyOn(scheduler);
    Object.assign(figures, { left, isPartialSeed });
    runner.start();
    await clock.advance(100);
    figures.left = 0;
    runner.completed();
    await clock.advance(100);
    await runner.close();
    assertEquals(kinds, [kind, "download", "goodbye"], `${left}`);
  }
});

Deno.test("TrackerRunner holds some failures against the host, and no others", {
  permissions: "none",
}, async () => {
  for (
    const [code, outcome] of [
      ["unreachable", "failed"],
      ["timeout", "failed"],
      ["malformed", "failed"],
      ["too-large", "failed"],
      ["http-status", "failed"],
      ["refused", "answered"],
      ["unsupported", "answered"],
      ["forbidden-target", "answered"],
    ] as const
  ) {
    const tracker = fakeTracker(() => {
      throw new TrackerError(code, "It failed");
    });
    const { clock, runner, scheduler } = setUp(tracker);
    const { outcomes } = spyOn(scheduler);
    runner.start();
    await clock.advance(100);
    assertEquals(outcomes, [outcome], code);
    await runner.close();
  }
});

Deno.test("TrackerRunner takes back what is under way, also after a refusal", {
  permissions: "none",
}, async () => {
  let signal: AbortSignal | undefined;
  const tracker = fakeTracker((_, given) => {
    signal = given;
    return new Promise(() => {});
  });
  const { clock, runner, results, scheduler } = setUp(tracker);
  const request = scheduler.request.bind(scheduler);
  scheduler.request = (_url, _kind, { refused }) => {
    scheduler.request = request;
    queueMicrotask(() => refused(1_000));
    return { end() {} };
  };
  runner.start();
  await clock.advance(30_000);
  assertEquals(results, []);
  assertEquals(signal?.aborted, false);
  const stopped = runner.stop();
  assertEquals(signal?.aborted, true);
  await stopped;
  await runner.close();
});
