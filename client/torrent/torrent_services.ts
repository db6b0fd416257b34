/**
 * Makes the swarm and the trackers of a torrent.
 *
 * @module
 */
import type { PeerCandidate } from "../../_shared/address.ts";
import type { Magnet, Metainfo } from "../../metainfo/mod.ts";
import { MetadataExchange } from "../metadata/metadata_exchange.ts";
import { PeerExchange } from "../swarm/peer_exchange.ts";
import type { SessionContext } from "../session_context.ts";
import { Swarm } from "../swarm/swarm.ts";
import type { TorrentContent } from "../content/torrent_content.ts";
import type { TorrentLimits } from "./torrent_limits.ts";
import type { TorrentLife } from "./torrent_life.ts";
import { TrackerRunner } from "../trackers/tracker_runner.ts";
import type { AddTorrentOptions, TorrentEvent } from "../types.ts";

/** What a torrent is made from. */
export type TorrentSource =
  | { readonly metainfo: Metainfo }
  | { readonly magnet: Magnet };

/** Who has the swarm of a torrent, once there is one. */
export interface SwarmHolder {
  /** Its peers; made for the first who asks. */
  readonly swarm: Swarm;
  /** Its peers, if somebody asked for them. */
  readonly openSwarm: Swarm | undefined;
  /** Connected peers. */
  readonly peerCount: number;
  /** Takes candidates. */
  addCandidates(candidates: readonly PeerCandidate[]): void;
}

/** What the services need of their torrent. */
export interface TorrentServices {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** What the torrent was added with. */
  readonly options: AddTorrentOptions;
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  /** The link it was added by. */
  readonly magnet: Magnet | undefined;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Its description, once known. */
  readonly metainfo: Metainfo | undefined;
  /** Whether it is for one tracker's members only (BEP 27). */
  readonly isPrivate: boolean;
  /** Its content, once ready. */
  readonly content: TorrentContent | undefined;
  /** Whether it has all it wants. */
  readonly isSeeding: boolean;
  /** Takes the description that peers sent. */
  fetched(metainfo: Metainfo): void;
  /** What peers sent fits the link but is of no use. */
  unusable(cause: unknown): void;
  /** Wants to be ticked from now on. */
  busy(): void;
  /** Tells the subscribers. */
  publish(event: TorrentEvent): void;
}

/** What a torrent tells its session. */
export interface TorrentOwner {
  /** It wants to be ticked from now on. */
  busy(life: TorrentLife): void;
  /** Its description came from peers. */
  described(life: TorrentLife, metainfo: Metainfo): void;
  /** It is closed; resolves when what it was the last to use is closed, too. */
  closed(life: TorrentLife): Promise<void>;
  /** Something happened. */
  happened(life: TorrentLife, event: TorrentEvent): void;
}

/**
 * Makes the options of a torrent obey the `so` of its link (BEP 53), unless
 * they choose files themselves. A choice of which nothing is there is none.
 */
export function obeyLink(
  options: AddTorrentOptions,
  source: TorrentSource,
): AddTorrentOptions {
  const { files, chooseFiles } = options;
  if (!("magnet" in source) || (files ?? chooseFiles) !== undefined) {
    return options;
  }
  const { selectOnly } = source.magnet;
  return {
    ...options,
    chooseFiles(metainfo) {
      const chosen = selectOnly.filter((i) => i < metainfo.files.length);
      return chosen.length > 0 ? chosen : undefined;
    },
  };
}

/** Has the handshaker answer for a torrent, or answer otherwise than before. */
export function answerFor(
  context: SessionContext,
  topic: Metainfo | Magnet,
  isPrivate: boolean,
): void {
  const { infoHash, infoHashV1, infoHashV2 } = topic;
  context.handshaker.addTorrent(infoHash, {
    ...(infoHashV1 !== undefined && infoHashV2 !== undefined
      ? { v2InfoHash: infoHashV2 }
      : {}),
    ...(isPrivate ? { extensions: context.privateExtensions } : {}),
  });
}

/** Makes the swarm of a torrent. */
export function makeSwarm(torrent: TorrentServices): Swarm {
  const { context, options, infoHash, magnet } = torrent;
  const { clock, random } = context;
  const swarm = new Swarm({
    clock,
    random,
    infoHash,
    maxPeers: options.maxPeers ?? context.maxPeersPerTorrent,
    maxReadBytes: context.maxReadBytes,
    places: context.places,
    hosts: context.hosts,
    sources: context.sources,
    dialNext: (choose) => context.handshaker.dialNext(infoHash, choose),
    publish: (event) => torrent.publish(event),
    onBusy: () => torrent.busy(),
    listenPort: context.handshaker.local?.port ?? 0,
    clientVersion: context.clientVersion,
    downloadLimit: torrent.limits.download,
    uploadLimit: torrent.limits.upload,
    sendBudget: context.sendBudget,
    isPrivate: () => torrent.isPrivate,
    hasV2: () => (torrent.metainfo ?? magnet)?.infoHashV2 !== undefined,
    dhtPort: context.dhtPort,
    onDhtNode: (node) => context.onDhtNode(node),
    extensionsFor: (peer) => [
      ...context.policies.extensions?.(peer) ?? [],
      ...options.extensions?.(peer) ?? [],
    ],
  }, {
    metadata: (peers) =>
      new MetadataExchange({
        peers,
        ban: (peer, reason) => swarm.ban(peer, reason),
        infoBytes: torrent.metainfo?.infoBytes,
        magnet,
        onMetainfo: (metainfo) => torrent.fetched(metainfo),
        onError: (cause) => torrent.unusable(cause),
        uploadLimit: torrent.limits.upload,
        clock,
      }),
    exchange: (peers) =>
      context.pex ? new PeerExchange(infoHash, peers) : undefined,
  });
  return swarm;
}

/** Makes what talks to a torrent's trackers. */
export function makeTrackers(
  torrent: TorrentServices,
  network: SwarmHolder,
  tiers: readonly (string | readonly string[])[],
): TrackerRunner | undefined {
  const { context, infoHash } = torrent;
  const { random, handshaker, trackerKey } = context;
  const all = tiers.map((tier) => typeof tier === "string" ? [tier] : tier);
  if (!context.trackers || all.length === 0) return undefined;
  return new TrackerRunner({
    infoHash,
    peerId: handshaker.peerId,
    key: trackerKey,
    tiers: all,
    clock: context.timers,
    random,
    scheduler: context.announces,
    wantsPeers: () => !torrent.isSeeding && network.peerCount === 0,
    clientFor: (url) => context.trackerFor(url),
    figures: () => {
      // Unknown is told as something, so as not to look like a seed.
      const left = torrent.content?.missingBytes ??
        torrent.metainfo?.totalLength ?? 16384;
      return {
        port: handshaker.local?.port ?? 0,
        uploaded: network.openSwarm?.uploadedBytes ?? 0,
        downloaded: network.openSwarm?.downloadedBytes ?? 0,
        left,
        numWant: torrent.isSeeding ? 0 : 200,
        isPartialSeed: torrent.isSeeding && left > 0,
      };
    },
    onPeers: (candidates) => network.addCandidates(candidates),
    onExternalIp: (hostname) => {
      const port = handshaker.local?.port;
      if (port !== undefined) {
        network.swarm.list.setExternalEndpoint({ hostname, port });
      }
    },
    onResult: (tracker, result) =>
      torrent.publish(
        "peers" in result
          ? { type: "tracker", tracker, ok: true, peers: result.peers }
          : {
            type: "tracker",
            tracker,
            ok: false,
            error: result.error.message,
          },
      ),
  });
}
