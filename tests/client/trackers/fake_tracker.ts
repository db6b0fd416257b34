/** A tracker that notes what it is told, and a runner that announces to it. */
import type {
  AnnounceRequest,
  AnnounceResponse,
} from "../../../_shared/announce.ts";
import type { PeerCandidate } from "../../../_shared/address.ts";
import { seededRandom } from "../../../_shared/random.ts";
import { AnnounceScheduler } from "../../../client/trackers/announce_scheduler.ts";
import {
  type AnnounceFigures,
  TrackerRunner,
} from "../../../client/trackers/tracker_runner.ts";
import type { TrackerClient } from "../../../client/types.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const peers = [{ hostname: "10.0.0.9", port: 6881 }];
export const response: AnnounceResponse = { intervalMs: 1_800_000, peers };

/** A tracker that notes what it is told. */
export function fakeTracker(
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

/** What a runner is given, and what it told. */
interface Scene {
  readonly clock: SimClock;
  readonly runner: TrackerRunner;
  readonly found: PeerCandidate[];
  readonly results: [string, unknown][];
  readonly figures: {
    -readonly [Name in keyof AnnounceFigures]: AnnounceFigures[Name];
  };
  readonly ips: string[];
  readonly scheduler: AnnounceScheduler;
}

/** Makes a runner that announces to trackers. */
export function setUp(
  tracker: TrackerClient,
  ...urls: readonly string[]
): Scene {
  const clock = new SimClock();
  const found: PeerCandidate[] = [];
  const results: [string, unknown][] = [];
  const ips: string[] = [];
  const figures: Scene["figures"] = {
    port: 1,
    uploaded: 200,
    downloaded: 300,
    left: 4,
    isPartialSeed: false,
  };
  const scheduler = new AnnounceScheduler(clock);
  const all = urls.length > 0 ? urls : ["http://t.example/pass/announce"];
  const runner = new TrackerRunner({
    infoHash: new Uint8Array(20),
    context: {
      announces: scheduler,
      random: seededRandom(1),
      timers: clock,
      trackerKey: 7,
      trackerFor: (url) => /^(http|udp)/.test(url) ? tracker : undefined,
      handshaker: { peerId: new Uint8Array(20) },
    },
    figures: () => figures,
    wantsPeers: () => false,
    addCandidates: (list) => found.push(...list),
    externalIp: (ip) => ips.push(ip),
    tracked: (name, result) => results.push([name, result]),
  }, all.map((url) => [url]));
  return { clock, runner, found, results, figures, ips, scheduler };
}
