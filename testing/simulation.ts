/**
 * Swarms of hundreds of sessions in virtual time, with links, churn and
 * strangers, to compare policies by.
 *
 * @module
 */
import { seededRandom, shuffle } from "../_shared/random.ts";
import type { DiscoveryTopic, PeerDiscovery } from "../client/types.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { SimClock } from "./sim_clock.ts";
import { simTorrent } from "./sim_torrent.ts";
import { SimPeer } from "./simulation/sim_peer.ts";
import { checkSimulation, type SimulationConfig } from "./simulation/config.ts";
import type {
  SimPeerResult,
  SimSample,
  SimulationResult,
} from "./simulation/result.ts";

/** Peers that the tracker of a simulation names at a time. */
const NAMED_PEERS = 40;
/** How often a peer asks it, in milliseconds. */
const ASK_MS = 60_000;
/** Between two samples, in milliseconds. */
const SAMPLE_MS = 1000;

class Simulation {
  readonly clock = new SimClock();
  readonly peers: SimPeer[] = [];
  readonly samples: SimSample[] = [];
  readonly #config: SimulationConfig;
  readonly #random;
  #isOver = false;
  firstCopies: number | undefined;

  constructor(config: SimulationConfig) {
    this.#config = config;
    this.#random = seededRandom(config.seed ?? 1);
  }

  async run(): Promise<SimulationResult> {
    const { pieces = 200, pieceLength = 32768, limitS = 7200 } = this.#config;
    const { latencyMs = 30, seed = 1, maxPeers = 30, groups } = this.#config;
    const { clock, peers } = this;
    const network = new MemoryNetwork({
      clock,
      latencyMs,
      windowBytes: 32768,
      tickMs: 5,
    });
    const torrent = await simTorrent([["content", pieces * pieceLength]], {
      pieceLength,
      seed,
    });
    const content = torrent.content.get("content")!;
    const swarm = {
      clock,
      network,
      torrent,
      content,
      maxPeers,
      discovery: this.#tracker,
    };
    for (const group of groups) {
      const { count, fromS = 0, arriveS = 0 } = group;
      for (let i = 0; i < count; i++) {
        const n = peers.length;
        const hostname = `45.${n >> 8}.${n & 255}.7`;
        const peer = new SimPeer(swarm, group, hostname, seed * 10_007 + n);
        peers.push(peer);
        const at = 1000 * (fromS + arriveS * i / count);
        clock.schedule(at, () => void peer.start());
      }
    }
    const expected = peers.filter((peer) => peer.isExpected);
    let missing = expected.length;
    for (const peer of expected) peer.onComplete = () => missing--;
    this.#sample(content.length);
    await clock.runUntil(limitS * 1000, () => missing === 0);
    const tookS = clock.now() / 1000;
    const results = peers.map((peer): SimPeerResult => ({
      group: peer.group.name,
      arrivedS: peer.arrivedAt / 1000,
      tookS: peer.completedAt === undefined
        ? undefined
        : (peer.completedAt - peer.arrivedAt) / 1000,
      firstPieceS: peer.firstPieceAt === undefined
        ? undefined
        : (peer.firstPieceAt - peer.arrivedAt) / 1000,
      ...peer.totals,
    }));
    this.#isOver = true;
    const closing = Promise.all(peers.map((peer) => peer.stop()));
    await clock.advance(60_000);
    await closing;
    return {
      length: content.length,
      tookS,
      isComplete: missing === 0,
      peers: results,
      samples: this.samples,
      firstCopies: this.firstCopies,
    };
  }

  /** A tracker: names some of those that are there, now and then. */
  readonly #tracker: PeerDiscovery = {
    source: "tracker",
    traits: { isTrusted: true },
    discover: (topic, signal) => this.#name(topic, signal),
  };

  async *#name(topic: DiscoveryTopic, signal: AbortSignal) {
    while (!signal.aborted) {
      const there = this.peers.filter((peer) =>
        peer.torrent !== undefined &&
        !(topic.isSeed() && peer.completedAt !== undefined)
      );
      shuffle(this.#random, there);
      for (const { address } of there.slice(0, NAMED_PEERS)) {
        yield { infoHash: topic.infoHash, address };
      }
      await new Promise<void>((resolve) => {
        const cancel = this.clock.schedule(this.clock.now() + ASK_MS, done);
        function done() {
          cancel();
          signal.removeEventListener("abort", done);
          resolve();
        }
        signal.addEventListener("abort", done);
      });
    }
  }

  #sample(length: number): void {
    if (this.#isOver) return;
    const { clock, peers } = this;
    const firstSeeds = peers.find(({ group }) => group.seed)?.group;
    const counts = new Uint32Array(this.#config.pieces ?? 200);
    const others = new Uint32Array(counts.length);
    let complete = 0;
    for (const peer of peers) {
      const { group, completedAt } = peer;
      if (completedAt !== undefined) complete++;
      const have = group.behaviour === "liar"
        ? undefined
        : peer.torrent?.pieces()?.have;
      if (have === undefined) continue;
      if (have.includes(1)) peer.firstPieceAt ??= clock.now();
      if (peer.isAway) continue;
      for (let i = 0; i < counts.length; i++) counts[i]! += have[i]!;
      if (group.seed) continue;
      for (let i = 0; i < counts.length; i++) others[i]! += have[i]!;
    }
    let firstSent = 0;
    for (const peer of peers) {
      if (peer.group === firstSeeds) firstSent += peer.totals.uploaded;
    }
    this.samples.push({
      atS: clock.now() / 1000,
      complete,
      rarest: Math.min(...counts),
      mean: counts.reduce((sum, count) => sum + count, 0) / counts.length,
      firstSent,
    });
    if (this.firstCopies === undefined && Math.min(...others) > 0) {
      this.firstCopies = firstSent / length;
    }
    clock.schedule(clock.now() + SAMPLE_MS, () => this.#sample(length));
  }
}

/**
 * Runs a swarm of real sessions in virtual time until every peer that is to be
 * complete is. The same description gives the same result.
 *
 * @param config The swarm.
 * @returns What was seen.
 * @throws {SimulationError} If the description is wrong.
 *
 * @example
 * ```ts
 * import { simulateSwarm } from "@bip/bip/testing";
 * import { assert } from "@std/assert";
 *
 * const result = await simulateSwarm({
 *   pieces: 20,
 *   groups: [
 *     { name: "seed", count: 1, seed: true },
 *     { name: "leechers", count: 5, strategy: "rarest-first" },
 *   ],
 * });
 * assert(result.isComplete);
 * ```
 */
export async function simulateSwarm(
  config: SimulationConfig,
): Promise<SimulationResult> {
  return await new Simulation(checkSimulation(config)).run();
}
