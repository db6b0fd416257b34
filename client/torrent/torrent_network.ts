/**
 * Everything of a torrent that talks to others: peers, trackers, searches.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import type { Magnet, Metainfo } from "../../metainfo/mod.ts";
import { DiscoveryRunner, type DiscoveryStatus } from "../discovery_runner.ts";
import type { Swarm } from "../swarm/swarm.ts";
import {
  answerFor,
  makeSwarm,
  makeTrackers,
  type SwarmHolder,
  type TorrentServices,
} from "./torrent_services.ts";
import type { TrackerStatus } from "../trackers/tracker_entry.ts";
import type { TrackerRunner } from "../trackers/tracker_runner.ts";

/** Most DHT nodes that are taken from a torrent file or a link (BEP 5). */
const MAX_NODES = 8;

/** Swarm, trackers and searches of one torrent, started and stopped together. */
export class TorrentNetwork implements SwarmHolder {
  #swarm: Swarm | undefined;
  #isComplete = false;
  readonly #services: TorrentServices;
  readonly #topic: Metainfo | Magnet;
  #trackers: TrackerRunner | undefined;
  readonly #discovery: DiscoveryRunner;
  #running = false;

  constructor(services: TorrentServices, topic: Metainfo | Magnet) {
    const { context, infoHash } = services;
    this.#services = services;
    this.#topic = topic;
    const { trackers = [], replaceTrackers = false } = services.options;
    this.#trackers = makeTrackers(services, this, [
      ...(replaceTrackers ? [] : topic.trackers),
      ...trackers,
    ]);
    this.#discovery = new DiscoveryRunner(context.discovery, {
      infoHash,
      port: context.handshaker.local?.port ?? 0,
      isPrivate: () => services.isPrivate,
      isSeed: () => services.isSeeding,
      onPeer: (candidate) => this.addCandidates([candidate]),
      onError: (tracker, error) =>
        services.publish({ type: "tracker", tracker, ok: false, error }),
      clock: context.timers,
    });
    answerFor(context, topic, services.isPrivate);
    if (!services.isPrivate) {
      for (const node of topic.nodes.slice(0, MAX_NODES)) {
        context.onDhtNode(node);
      }
    }
  }

  /** Adds peers that somebody names. */
  addPeers(
    addresses: Iterable<Endpoint>,
    source: "manual" | "magnet" | "resume" = "manual",
  ): void {
    const { infoHash } = this.#services;
    this.addCandidates(
      Array.from(addresses, (address) => ({ infoHash, address, source })),
    );
  }

  /** Takes candidates; dials them if there is room. */
  addCandidates(candidates: readonly PeerCandidate[]): void {
    if (candidates.length > 0) this.swarm.addCandidates(candidates);
  }

  /** Its peers; made for the first who asks. */
  get swarm(): Swarm {
    return this.#swarm ??= this.#makeSwarm();
  }

  /** Its peers, if somebody asked for them. */
  get openSwarm(): Swarm | undefined {
    return this.#swarm;
  }

  /** Connected peers. */
  get peerCount(): number {
    return this.#swarm?.peers.size ?? 0;
  }

  /** Gives the swarm the content to exchange, now that it is known. */
  contentReady(): void {
    const { content } = this.#services;
    if (content !== undefined) this.#swarm?.setContent(content);
  }

  /** Whether seeds are of no use any more: they are let go. */
  setComplete(complete: boolean): void {
    this.#isComplete = complete;
    this.#swarm?.setComplete(complete);
  }

  #makeSwarm(): Swarm {
    const { content } = this.#services;
    const swarm = makeSwarm(this.#services);
    if (content !== undefined) swarm.setContent(content);
    if (this.#isComplete) swarm.setComplete(true);
    if (this.#running) swarm.start();
    return swarm;
  }

  /** Its trackers, in the order they are tried. */
  trackers(): readonly TrackerStatus[] {
    return this.#trackers?.statuses() ?? [];
  }

  /** What other sources of peers do. */
  discoveries(): readonly DiscoveryStatus[] {
    return this.#discovery.statuses();
  }

  /** Asks trackers again, as soon as they allow. */
  reannounce(url?: string): void {
    this.#trackers?.reannounce(url);
  }

  /** Adds trackers behind those there are. */
  addTrackers(tiers: readonly (readonly string[])[]): void {
    if (this.#trackers !== undefined) this.#trackers.addTrackers(tiers);
    else {
      this.#trackers = makeTrackers(this.#services, this, tiers);
      if (this.#running) this.#trackers?.start();
    }
  }

  /** Uses these trackers only. */
  replaceTrackers(tiers: readonly (readonly string[])[]): void {
    if (this.#trackers === undefined) this.addTrackers(tiers);
    else this.#trackers.replaceTrackers(tiers);
  }

  /** Connects, announces and searches. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#swarm?.start();
    this.#trackers?.start();
    this.#discovery.start();
  }

  /** Stops all of it. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all([
      this.#discovery.stop(),
      this.#swarm?.stop(),
      this.#trackers?.stop(),
    ]);
  }

  /** Stops for good. */
  async close(): Promise<void> {
    await Promise.all([this.stop(), this.#swarm?.close()]);
    await this.#trackers?.close();
  }

  /** Tells the trackers, if the whole torrent is there and was not before. */
  completed(): void {
    if (this.#services.content?.missingBytes === 0) {
      this.#trackers?.completed();
    }
  }

  /**
   * Lets go of everything that the open search for a link's metadata brought,
   * as the metadata says that the torrent is private (BEP 27).
   */
  becomePrivate(): void {
    const { context, infoHash } = this.#services;
    void this.#discovery.stop();
    // Whoever is being dialled fails; who may is dialled again.
    context.handshaker.removeTorrent(infoHash);
    answerFor(context, this.#topic, true);
    this.#swarm?.setPrivate();
  }
}
