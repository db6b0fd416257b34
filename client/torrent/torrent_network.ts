/**
 * Everything of a torrent that talks to others: peers, trackers, searches.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import type { TrackerError } from "../../_shared/announce.ts";
import { ExtensionBits } from "../../handshake/extension_bits.ts";
import type { Clock } from "../../_shared/clock.ts";
import { DiscoveryRunner, type DiscoveryTarget } from "../discovery_runner.ts";
import type { SessionContext } from "../content/session_context.ts";
import { Swarm } from "../swarm/swarm.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import type { TrackerStatus } from "../trackers/tracker_entry.ts";
import {
  type AnnounceFigures,
  type TrackerHost,
  TrackerRunner,
} from "../trackers/tracker_runner.ts";

/** What private torrents offer: not the DHT (BEP 27). */
const EXTENSIONS = ExtensionBits.of("extension-protocol", "fast");
/** Most DHT nodes that are taken from a torrent file or a link (BEP 5). */
const MAX_NODES = 8;
/** What is left to fetch while nobody knows: not to look like a seed. */
const UNKNOWN_BYTES = 16_384;

/** A torrent as searches see it; a class, as torrents are many. */
class SearchTarget implements DiscoveryTarget {
  readonly infoHash: Uint8Array;
  readonly clock: Clock;
  readonly #network: TorrentNetwork;
  readonly #torrent: TorrentHost;

  constructor(network: TorrentNetwork, torrent: TorrentHost) {
    this.infoHash = torrent.infoHash;
    this.clock = torrent.context.timers;
    this.#network = network;
    this.#torrent = torrent;
  }

  get port(): number {
    return this.#torrent.context.listenPort;
  }

  isPrivate(): boolean {
    return this.#torrent.isPrivate;
  }

  isSeed(): boolean {
    return this.#torrent.isSeeding;
  }

  onPeer(candidate: PeerCandidate): void {
    this.#network.addCandidates([candidate]);
  }

  onError(tracker: string, error: string): void {
    this.#torrent.publish({ type: "tracker", tracker, ok: false, error });
  }
}

/** Swarm, trackers and searches of one torrent, started and stopped together. */
export class TorrentNetwork implements TrackerHost {
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** Other sources of peers. */
  readonly discovery: DiscoveryRunner;
  readonly #torrent: TorrentHost;
  /** Its peers, if somebody asked for them. */
  openSwarm: Swarm | undefined;
  /** Made for the first tracker: torrents without any are many. */
  #trackers: TrackerRunner | undefined;
  #running = false;

  constructor(torrent: TorrentHost) {
    const { context, infoHash, topic, options } = torrent;
    const { trackers = [], replaceTrackers = false } = options;
    this.infoHash = infoHash;
    this.context = context;
    this.#torrent = torrent;
    const own = replaceTrackers ? [] : topic.trackers;
    this.setTrackers([...own, ...trackers], false);
    this.discovery = new DiscoveryRunner(
      context.discovery,
      new SearchTarget(this, torrent),
    );
    if (torrent.isPrivate) return;
    for (const node of topic.nodes.slice(0, MAX_NODES)) context.onDhtNode(node);
  }

  /** Its peers; made for the first who asks. */
  get swarm(): Swarm {
    if (this.openSwarm === undefined) {
      this.openSwarm = new Swarm(this.#torrent);
      if (this.#running) this.openSwarm.start();
    }
    return this.openSwarm;
  }

  /** Connected peers. */
  get peerCount(): number {
    return this.openSwarm?.peers.size ?? 0;
  }

  /** Adds peers that a person names, a link, or an earlier run. */
  addPeers(
    addresses: Iterable<Endpoint>,
    source: "manual" | "magnet" | "resume" = "manual",
  ): void {
    const { infoHash } = this;
    this.addCandidates(
      Array.from(addresses, (address) => ({ infoHash, address, source })),
    );
  }

  /** Takes candidates; dials them if there is room. */
  addCandidates(candidates: readonly PeerCandidate[]): void {
    if (candidates.length > 0) this.swarm.dialer.add(candidates);
  }

  /** Takes trackers behind those there are, or uses these only. */
  setTrackers(
    trackers: readonly (string | readonly string[])[],
    replace: boolean,
  ): void {
    if (this.context.options.trackers === false) return;
    const tiers = trackers.map((tier) =>
      typeof tier === "string" ? [tier] : tier
    );
    if (this.#trackers !== undefined) {
      this.#trackers.setTrackers(tiers, replace);
    } else if (tiers.length > 0) {
      this.#trackers = new TrackerRunner(this, tiers);
      if (this.#running) this.#trackers.start();
    }
  }

  /** Its trackers, in the order they are tried. */
  trackers(): readonly TrackerStatus[] {
    return this.#trackers?.statuses() ?? [];
  }

  /** Asks trackers again, as soon as they allow. */
  reannounce(url?: string): void {
    this.#trackers?.reannounce(url);
  }

  /** What trackers are told. */
  figures(): AnnounceFigures {
    const { content, metainfo, isSeeding } = this.#torrent;
    const left = content?.wishes.missingBytes ?? metainfo?.totalLength ??
      UNKNOWN_BYTES;
    return {
      port: this.context.listenPort,
      uploaded: this.openSwarm?.uploadedBytes ?? 0,
      downloaded: (this.openSwarm?.downloadedBytes ?? 0) +
        (content?.webSeeds.downloadedBytes ?? 0),
      left,
      numWant: isSeeding ? 0 : 200,
      isPartialSeed: isSeeding && left > 0,
    };
  }

  /** Whether there are no peers and some are wanted. */
  wantsPeers(): boolean {
    return !this.#torrent.isSeeding && this.peerCount === 0;
  }

  /** Takes our address, as trackers see it. */
  externalIp(hostname: string): void {
    const port = this.context.listenPort;
    if (port > 0) {
      this.swarm.list.setExternalEndpoint({ hostname, port });
    }
  }

  /** Tells what came of an announce. */
  tracked(
    tracker: string,
    result: { readonly peers: number } | { readonly error: TrackerError },
  ): void {
    this.#torrent.publish(
      "peers" in result
        ? { type: "tracker", tracker, ok: true, peers: result.peers }
        : { type: "tracker", tracker, ok: false, error: result.error.message },
    );
  }

  /** Answers for the torrent, connects, announces and searches. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#answer();
    this.openSwarm?.start();
    this.#trackers?.start();
    this.discovery.start();
  }

  /** Stops all of it; resolves when peers are gone and trackers know. */
  async stop(): Promise<void> {
    this.#running = false;
    this.context.handshaker.removeTorrent(this.infoHash);
    await Promise.all([
      this.discovery.stop(),
      this.openSwarm?.stop(),
      this.#trackers?.stop(),
    ]);
  }

  /** Stops for good. */
  async close(): Promise<void> {
    await Promise.all([this.stop(), this.openSwarm?.close()]);
    await this.#trackers?.close();
  }

  /** Tells the trackers, if the whole torrent is there and was not before. */
  completed(): void {
    if (this.#torrent.content?.wishes.missingBytes === 0) {
      this.#trackers?.completed();
    }
  }

  /**
   * Drops everything that the open search for a link's metadata brought,
   * as the metadata says that the torrent is private (BEP 27).
   */
  becomePrivate(): void {
    void this.discovery.stop();
    // Dials under way fail; allowed peers are dialled again.
    this.context.handshaker.removeTorrent(this.infoHash);
    if (this.#running) this.#answer();
    this.openSwarm?.setPrivate();
  }

  /** Has handshakes of the torrent answered; without the DHT if it is private. */
  #answer(): void {
    const { topic, isPrivate } = this.#torrent;
    const { handshaker } = this.context;
    const { infoHash, infoHashV1, infoHashV2 } = topic;
    handshaker.addTorrent(infoHash, {
      ...(infoHashV1 && infoHashV2 ? { v2InfoHash: infoHashV2 } : {}),
      ...(isPrivate ? { extensions: EXTENSIONS } : {}),
    });
  }
}
