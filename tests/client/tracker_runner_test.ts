import { assertEquals, assertStringIncludes } from "@std/assert";
import type {
  AnnounceRequest,
  AnnounceResponse,
  TrackerError,
} from "../../_shared/announce.ts";
import { seededRandom } from "../../_shared/random.ts";
import { trackerName, TrackerRunner } from "../../client/tracker_runner.ts";
import type { TrackerClient } from "../../client/types.ts";
import { SimClock } from "../support/sim_clock.ts";
import { simTorrent, SwarmWorld } from "../support/swarm_world.ts";

const peers = [{ hostname: "10.0.0.9", port: 6881 }];
const response: AnnounceResponse = { intervalMs: 1_800_000, peers };

/** A tracker that notes what it is told. */
function fakeTracker(
  answer: (
    request: AnnounceRequest,
    signal: AbortSignal,
    url: string,
  ) => Promise<AnnounceResponse> | AnnounceResponse = () => response,
): TrackerClient & { told: AnnounceRequest[]; urls: string[] } {
  const told: AnnounceRequest[] = [];
  const urls: string[] = [];
  return {
    told,
    urls,
    announce: async (url, request, options) => {
      told.push(request);
      urls.push(url);
      return await answer(request, options!.signal!, url);
    },
  };
}

function setUp(tracker: TrackerClient, url = "http://t.example/pass/announce") {
  const clock = new SimClock();
  const found: unknown[] = [];
  const results: [string, unknown][] = [];
  const runner = new TrackerRunner({
    infoHash: new Uint8Array(20),
    peerId: new Uint8Array(20),
    key: 7,
    tiers: [[url]],
    clock,
    random: seededRandom(1),
    clientFor: (url) => url.startsWith("http") ? tracker : undefined,
    figures: () => ({ port: 1, uploaded: 2, downloaded: 3, left: 4 }),
    onPeers: (list) => found.push(...list),
    onExternalIp: () => {},
    onResult: (name, result) => results.push([name, result]),
  });
  return { clock, runner, found, results };
}

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

Deno.test("TrackerRunner leaves within seconds, whatever the tracker does", {
  permissions: "none",
}, async () => {
  // Neither answers nor heeds the signal.
  const tracker = fakeTracker(() => new Promise(() => {}));
  const { clock, runner } = setUp(tracker);
  runner.start();
  await clock.advance(10_000);
  let closed = false;
  void runner.close().then(() => closed = true);
  await clock.advance(5_000);
  assertEquals(closed, true);
  assertEquals(clock.pending, 0);
});

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
  await clock.advance(61_000);
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

Deno.test("trackerName() leaves out what may be secret", {
  permissions: "none",
}, () => {
  assertEquals(
    trackerName("https://user:pass@t.example:8080/key/announce?passkey=1"),
    "https://t.example:8080",
  );
  assertEquals(trackerName("nonsense"), "(invalid URL)");
});

Deno.test(
  "a swarm that knows nothing but its tracker",
  { permissions: "none" },
  async () => {
    const torrent = await simTorrent([["a.bin", 400_000]], {
      trackers: [["http://t.example/announce"]],
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
