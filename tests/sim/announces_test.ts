/** Thousands of torrents at their trackers: what a session does to these. */
import { assert, assertEquals } from "@std/assert";
import type { AnnounceRequest } from "../../_shared/announce.ts";
import { seededRandom } from "../../_shared/random.ts";
import { SharedClock } from "../../_shared/deadline_heap.ts";
import { AnnounceScheduler } from "../../client/trackers/announce_scheduler.ts";
import { TrackerRunner } from "../../client/trackers/tracker_runner.ts";
import type { TrackerClient } from "../../client/types.ts";
import { AnnounceAudit } from "../../testing/audit/announce_audit.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const MINUTE = 60_000;
const TORRENTS = 5000;
/** A tracker for most, one for each of forty groups, and two that are dead. */
const tiersOf = (i: number) => [
  [i % 3 === 0 ? "udp://dead.test:1/announce" : "http://one.test/announce"],
  [`http://t${i % 40}.test/announce`],
  ["http://silent.test/announce"],
];

class World {
  readonly clock = new SimClock();
  readonly timers = new SharedClock(this.clock);
  readonly scheduler = new AnnounceScheduler(this.timers);
  readonly runners: TrackerRunner[] = [];
  readonly times: [at: number, host: string][] = [];
  readonly audit = new AnnounceAudit(this.clock, () => undefined);
  open = 0;
  mostOpen = 0;
  answered = 0;

  constructor(left: (torrent: number) => number) {
    const tracker: TrackerClient = {
      announce: async (url, request, options) => {
        this.times.push([this.clock.now(), new URL(url).hostname]);
        this.mostOpen = Math.max(this.mostOpen, ++this.open);
        try {
          const answer = await this.answer(url, request, options!.signal!);
          this.answered++;
          return answer;
        } finally {
          this.open--;
        }
      },
    };
    const audited = this.audit.wrap(tracker);
    for (let i = 0; i < TORRENTS; i++) {
      const infoHash = new Uint8Array(20);
      new DataView(infoHash.buffer).setUint32(0, i);
      this.runners.push(
        new TrackerRunner({
          infoHash,
          context: {
            announces: this.scheduler,
            random: seededRandom(i),
            timers: this.timers,
            trackerKey: 1,
            trackerFor: () => audited,
            handshaker: { peerId: infoHash },
          },
          figures: () => ({
            port: 1,
            uploaded: 0,
            downloaded: 0,
            left: left(i),
            isPartialSeed: false,
          }),
          wantsPeers: () => left(i) > 0,
          addCandidates: () => {},
          externalIp: () => {},
          tracked: () => {},
        }, tiersOf(i)),
      );
    }
  }

  /** Answers after a fifth of a second, if at all. */
  answer(url: string, _request: AnnounceRequest, signal: AbortSignal) {
    return new Promise<{ intervalMs: number; peers: [] }>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      if (/dead|silent/.test(url)) return;
      this.timers.schedule(
        this.clock.now() + 200,
        () => resolve({ intervalMs: 30 * MINUTE, peers: [] }),
      );
    });
  }

  /** The most announces in any span of a length, of one host or of all. */
  busiest(ms: number, host?: string): number {
    const times = this.times.filter(([, one]) =>
      host === undefined || one === host
    )
      .map(([at]) => at);
    let most = 0;
    for (let first = 0, i = 0; i < times.length; i++) {
      while (times[i]! - times[first]! > ms) first++;
      most = Math.max(most, i - first + 1);
    }
    return most;
  }
}

Deno.test(
  "5000 torrents at their trackers: spread, bounded, and gone in seconds",
  {
    permissions: "none",
  },
  async () => {
    const world = new World((torrent) => torrent % 50 === 0 ? 1 : 0);
    const { clock, runners, audit, scheduler } = world;
    for (const runner of runners) runner.start();
    assertEquals(clock.pending, 1, "one timer for all");
    await clock.advance(20 * MINUTE);
    const working = () =>
      runners.filter((runner) =>
        runner.statuses().some(({ state }) => state === "working")
      ).length;
    assertEquals(working(), TORRENTS);
    // No more than a few a second, whatever there is to do.
    assert(world.busiest(10_000) <= 50 + 10 * 20, `${world.busiest(10_000)}`);
    assert(world.busiest(10_000, "one.test") <= 20 + 10 * 10);
    // The dead are known as such, and none of the living waits for them.
    const dead = world.times.filter(([, host]) => host === "dead.test").length;
    assert(dead <= 60, `${dead} announces to a dead host`);
    const first = world.times.length;
    await clock.advance(60 * MINUTE);
    assertEquals(working(), TORRENTS);
    // Twice in an hour at the one that works, and hardly more than that.
    const hourly = world.times.length - first;
    assert(hourly >= 1.9 * TORRENTS && hourly <= 2.3 * TORRENTS, `${hourly}`);
    assertEquals(audit.violations, []);
    const leaving = clock.now();
    const before = world.times.length;
    world.mostOpen = world.open;
    const answered = world.answered;
    let left = 0;
    for (const runner of runners) void runner.close().then(() => left++);
    await clock.runUntil(leaving + MINUTE, () => left === TORRENTS);
    assert(clock.now() - leaving <= 5_000, `${clock.now() - leaving} ms`);
    assert(world.mostOpen <= 300, `${world.mostOpen} at once`);
    // All of forty hosts hear it; at the one that most are at, time runs out.
    const told = world.times.length - before;
    assert(told >= 2800, `${told} good-byes`);
    // None is begun only to be called off, but those under way at the end.
    const inVain = told - (world.answered - answered);
    assert(inVain <= 100, `${inVain} good-byes called off`);
    scheduler.close();
    // The answers that nobody waits for.
    await clock.advance(1000);
    assertEquals([world.open, clock.pending], [0, 0]);
  },
);
