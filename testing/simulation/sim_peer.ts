/**
 * One peer of a simulated swarm: a session that comes, goes and behaves as its
 * group does.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import {
  randomInt,
  type RandomSource,
  seededRandom,
} from "../../_shared/random.ts";
import { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { PeerDiscovery } from "../../client/types.ts";
import type { Choker } from "../../select/choker.ts";
import type { MemoryNetwork } from "../memory_network.ts";
import type { SimClock } from "../sim_clock.ts";
import type { SimTorrent } from "../sim_torrent.ts";
import { chokerOf, type SimPeerGroup, strategyOf } from "./config.ts";
import { OneContent } from "./one_content.ts";

/** How often a drainer comes back as somebody else, in milliseconds. */
const DRAIN_MS = 30_000;

/** Serves nobody. */
const NOBODY: Choker = {
  name: "nobody",
  tick: () => new Set(),
  optimistic: new Set(),
};

/** What all peers of a simulation share. */
export interface SimSwarm {
  readonly clock: SimClock;
  readonly network: MemoryNetwork;
  readonly torrent: SimTorrent;
  readonly content: Uint8Array;
  /** Most connections of a peer. */
  readonly maxPeers: number;
  /** Tells peers of each other. */
  readonly discovery: PeerDiscovery;
}

function fraction(random: RandomSource): number {
  return randomInt(random, 2 ** 31) / 2 ** 31;
}

/** Payload of a peer in bytes. */
interface Totals {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly wasted: number;
}

/** A peer; {@linkcode SimPeer.start} makes it come. */
export class SimPeer {
  readonly group: SimPeerGroup;
  readonly address: Endpoint;
  /** Virtual times in milliseconds. */
  arrivedAt = 0;
  completedAt: number | undefined;
  firstPieceAt: number | undefined;
  /** Whether it is offline for some time. */
  isAway = false;
  readonly #swarm: SimSwarm;
  readonly #random: RandomSource;
  readonly #natted: boolean;
  #session: Session | undefined;
  #torrent: Torrent | undefined;
  #uploaded = 0;
  #downloaded = 0;
  #wasted = 0;
  #isGone = false;
  /** Told when it is complete. */
  onComplete: () => void = () => {};

  constructor(
    swarm: SimSwarm,
    group: SimPeerGroup,
    hostname: string,
    seed: number,
  ) {
    this.#swarm = swarm;
    this.group = group;
    this.address = { hostname, port: 6881 };
    this.#random = seededRandom(seed);
    this.#natted = fraction(this.#random) < (group.nat ?? 0);
    const { upload = 131_072, download = 1_048_576 } = group;
    swarm.network.link(hostname, { upload, download });
    if (this.#natted) swarm.network.blackhole(this.address);
  }

  /** Whether it is to be complete before the simulation ends. */
  get isExpected(): boolean {
    const { seed = false, behaviour = "honest" } = this.group;
    return !seed && (behaviour === "honest" || behaviour === "free-rider");
  }

  /** The torrent of the moment. */
  get torrent(): Torrent | undefined {
    return this.#torrent;
  }

  /** Payload sent, received, and received in vain. */
  get totals(): Totals {
    const now = this.#torrent?.stats();
    return {
      wasted: this.#wasted + (now?.wastedBytes ?? 0),
      uploaded: this.#uploaded + (now?.uploadedBytes ?? 0),
      downloaded: this.#downloaded + (now?.downloadedBytes ?? 0),
    };
  }

  /** Comes into the swarm. */
  async start(): Promise<void> {
    const { clock } = this.#swarm;
    const { seed = false, behaviour = "honest", churn } = this.group;
    this.arrivedAt = clock.now();
    const hasAll = seed || behaviour === "liar";
    await this.#join(hasAll);
    if (behaviour === "drainer") this.#after(DRAIN_MS, () => this.#drain());
    if (churn !== undefined && !seed) {
      this.#after(this.#span(churn.onS), this.#leave);
    }
    if (seed) this.#stay();
  }

  /** Goes for good. */
  async stop(): Promise<void> {
    this.#isGone = true;
    this.#count();
    await this.#session?.close();
    this.#session = this.#torrent = undefined;
  }

  async #join(hasAll: boolean): Promise<void> {
    const { clock, network, torrent, content, discovery, maxPeers } =
      this.#swarm;
    const { behaviour = "honest", strategy, choker, revelation } = this.group;
    const { uploadSlots } = this.group;
    const serves = behaviour === "honest" || behaviour === "liar";
    const random = this.#random;
    const session = await Session.open({
      clock,
      random,
      transports: [network.transport(this.address.hostname)],
      listen: this.address,
      encryption: "off",
      utp: "off",
      dht: false,
      lpd: false,
      portMap: false,
      discovery: [discovery],
      maxPeersPerTorrent: maxPeers,
      readCacheBytes: 262_144,
      ...(strategy === undefined ? {} : { strategy: strategyOf(strategy) }),
      ...(revelation === undefined ? {} : { revelation }),
      ...(uploadSlots === undefined ? {} : { uploadSlots }),
      ...(serves
        ? choker === undefined ? {} : { choker: () => chokerOf(choker, random) }
        : { choker: () => NOBODY }),
    });
    this.#session = session;
    const fileSystem = new OneContent(content);
    if (hasAll) {
      const [path] = torrent.content.keys();
      fileSystem.open([path!], { write: true }).truncate(content.length);
    }
    const added = session.add(torrent.bytes, { fileSystem });
    this.#torrent = added;
    added.completed.then(() => {
      if (this.#torrent !== added) return;
      if (behaviour === "liar") fileSystem.isLying = true;
      else if (behaviour === "drainer") void this.#drain();
      else if (!hasAll) this.#complete();
    }, () => {});
  }

  #complete(): void {
    this.completedAt = this.#swarm.clock.now();
    this.onComplete();
    this.#stay();
  }

  /** Goes when it has been complete for long enough. */
  #stay(): void {
    const { stayS } = this.group;
    if (stayS !== undefined) this.#after(stayS * 1000, () => this.stop());
  }

  /** Does something later unless it has gone by then. */
  #after(ms: number, action: () => void | Promise<void>): void {
    const { clock } = this.#swarm;
    clock.schedule(clock.now() + ms, () => {
      if (!this.#isGone) void action();
    });
  }

  /** A time of a mean, distributed exponentially. */
  #span(meanS: number): number {
    return -Math.log(1 - fraction(this.#random)) * meanS * 1000;
  }

  readonly #leave = async (): Promise<void> => {
    this.isAway = true;
    await this.#torrent?.pause();
    this.#after(this.#span(this.group.churn!.offS), this.#return);
  };

  readonly #return = async (): Promise<void> => {
    this.isAway = false;
    await this.#torrent?.resume();
    this.#after(this.#span(this.group.churn!.onS), this.#leave);
  };

  async #drain(): Promise<void> {
    if (this.#isGone || this.#session === undefined) return;
    const session = this.#session;
    this.#count();
    this.#session = this.#torrent = undefined;
    await session.close();
    if (this.#isGone) return;
    await this.#join(false);
    this.#after(DRAIN_MS, () => this.#drain());
  }

  #count(): void {
    const { uploaded, downloaded, wasted } = this.totals;
    this.#wasted = wasted;
    this.#uploaded = uploaded;
    this.#downloaded = downloaded;
    this.#torrent = undefined;
  }
}
