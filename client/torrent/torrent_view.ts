/**
 * What users see of a torrent's peers and pieces, as plain data.
 *
 * @module
 */
import type { ConnectionEncryption } from "../../handshake/encryption_policy.ts";
import {
  type CandidateSource,
  type Endpoint,
  formatEndpoint,
} from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import type { DiscoveryStatus } from "../discovery_runner.ts";
import type { TrackerStatus } from "../trackers/tracker_entry.ts";
import type { TorrentLife } from "./torrent_life.ts";
import type { TorrentState, TorrentStats } from "../types.ts";

/** A connected peer at one moment. */
export interface PeerInfo {
  /** The other end of the connection. */
  readonly address: Endpoint;
  /** Where it listens, where that is known. */
  readonly listening: Endpoint | undefined;
  /** What it calls itself by, in 40 hex digits. */
  readonly id: string;
  /** Name and version of its client. */
  readonly client: string;
  /** Who connected. */
  readonly direction: "inbound" | "outbound";
  /** Where it is known from; `"incoming"` when it came by itself. */
  readonly source: CandidateSource;
  /** Name of the transport, such as `"tcp"`. */
  readonly transport: string;
  /** How the bytes travel: `"rc4"`, or plain behind an exchange of keys. */
  readonly encryption: ConnectionEncryption;
  /** For how long it has been connected, in milliseconds. */
  readonly connectedMs: number;
  /** Share of the pieces that it has, 0 to 1. */
  readonly progress: number;
  /** Whether it has every piece. */
  readonly isSeed: boolean;
  /** Whether it wants nothing (BEP 21). */
  readonly uploadOnly: boolean;
  /** Whether we choke it. */
  readonly amChoking: boolean;
  /** Whether we want something of it. */
  readonly amInterested: boolean;
  /** Whether it chokes us. */
  readonly peerChoking: boolean;
  /** Whether it wants something of us. */
  readonly peerInterested: boolean;
  /** Whether it owes us blocks for too long. */
  readonly snubbed: boolean;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Payload received, in bytes. */
  readonly downloadedBytes: number;
  /** Payload sent, in bytes. */
  readonly uploadedBytes: number;
}

/** The pieces of a torrent at one moment. */
export interface PiecesInfo {
  /** How many there are. */
  readonly count: number;
  /** Bytes of a piece; the last one may be shorter. */
  readonly length: number;
  /** One byte a piece: 1 where it is verified. */
  readonly have: Uint8Array;
  /** One byte a piece: 0 (left out) to 7 (first). */
  readonly priorities: Uint8Array;
  /** By piece, how many connected peers have it. */
  readonly availability: Uint16Array;
  /** How many whole copies the connected peers have together. */
  readonly distributedCopies: number;
}

/** A file of a torrent at one moment, as plain JSON. */
export interface FileSnapshot {
  /** Where it is below the torrent's folder, `/` between components. */
  readonly path: string;
  /** Bytes. */
  readonly length: number;
  /** Verified bytes. */
  readonly doneBytes: number;
  /** 0 (left out) to 7 (first). */
  readonly priority: number;
}

/** A tracker at one moment, as plain JSON. */
export interface TrackerSnapshot
  extends Omit<TrackerStatus, "url" | "nextAt" | "lastAt" | "askedAt"> {
  /** In how many milliseconds it is asked next, where that is known. */
  readonly nextInMs?: number;
  /** How many milliseconds ago it answered last. */
  readonly lastAgoMs?: number;
}

/** A source of peers at one moment, as plain JSON. */
export interface DiscoverySnapshot
  extends Omit<DiscoveryStatus, "message" | "nextAt" | "lastAt"> {
  /** What went wrong last, if it failed. */
  readonly message?: string;
  /** In how many milliseconds it is asked next, where that is known. */
  readonly nextInMs?: number;
  /** How many milliseconds ago it told of a peer last. */
  readonly lastAgoMs?: number;
}

/** A torrent at one moment, as plain JSON. */
export interface TorrentSnapshot {
  /** 40 hex digits by which peers and trackers call it. */
  readonly infoHash: string;
  /** Its name, where it is known. */
  readonly name?: string;
  /** What it is doing. */
  readonly state: TorrentState;
  /** Whether it is told to pause; a check that has begun keeps its state. */
  readonly paused: boolean;
  /** What stopped it. */
  readonly error?: string;
  /** Whether it is for one tracker's members only (BEP 27). */
  readonly private: boolean;
  /** The folder it is stored in. */
  readonly dir?: string;
  /** Bytes a second; absent for no limit. */
  readonly downloadLimit?: number;
  /** Bytes a second; absent for no limit. */
  readonly uploadLimit?: number;
  /** Figures of the moment. */
  readonly stats: TorrentStats;
  /** Connected peers, addresses as `host:port`. */
  readonly peers: readonly (Omit<PeerInfo, "address" | "listening"> & {
    readonly address: string;
    readonly listening?: string;
  })[];
  /** Its trackers, in the order they are tried. */
  readonly trackers: readonly TrackerSnapshot[];
  /** Where else it looks for peers. */
  readonly discoveries: readonly DiscoverySnapshot[];
  /** Its files but for padding; empty while they are not known. */
  readonly files: readonly FileSnapshot[];
  /** Bytes of a piece. */
  readonly pieceLength?: number;
  /** A bit a piece, the first one highest, as base64. */
  readonly have?: string;
}

/** Counts the payload of this run and earlier ones. */
export function torrentTotals(
  { options, content, network: { openSwarm } }: TorrentLife,
): Pick<TorrentStats, "downloadedBytes" | "uploadedBytes"> {
  const { downloadedBytes = 0, uploadedBytes = 0 } = options;
  return {
    downloadedBytes: downloadedBytes + (openSwarm?.downloadedBytes ?? 0) +
      (content?.webSeeds.downloadedBytes ?? 0),
    uploadedBytes: uploadedBytes + (openSwarm?.uploadedBytes ?? 0),
  };
}

/** Puts the figures of the parts together. */
export function torrentStats(life: TorrentLife): TorrentStats {
  const { metainfo, state, network } = life;
  const swarm = network.openSwarm;
  const figures = life.content?.figures() ?? {
    wantedBytes: metainfo?.totalLength ?? 0,
    doneBytes: 0,
    wastedBytes: 0,
    downloadRate: 0,
    uploadRate: 0,
    piecesDone: 0,
  };
  let seeds = 0;
  for (const { connection } of swarm?.peers.values() ?? []) {
    if (connection.state.isSeed) seeds++;
  }
  return {
    state,
    ...figures,
    ...torrentTotals(life),
    pieceCount: metainfo?.pieceCount ?? 0,
    peers: network.peerCount,
    seeds,
    candidates: swarm?.list.size ?? 0,
    connecting: swarm?.dialer.connecting ?? 0,
    etaMs: figures.downloadRate > 0
      ? (figures.wantedBytes - figures.doneBytes) / figures.downloadRate * 1000
      : undefined,
  };
}

type Time = number | undefined;

/** Tells of the connected peers. */
export function peerInfos({ network, context }: TorrentLife): PeerInfo[] {
  const now = context.clock.now();
  const peers = network.openSwarm?.peers.values() ?? [];
  return Array.from(peers, (peer) => peerInfo(peer, now));
}

/** Tells of a peer. */
function peerInfo(peer: SwarmPeer, now: number): PeerInfo {
  const { connection } = peer;
  const { peerHas, state } = connection;
  const { downloadRate, uploadRate, downloaded, uploaded } = connection.stats();
  return {
    address: peer.address,
    listening: peer.listening,
    id: toHex(peer.peerId),
    client: peer.client,
    direction: peer.direction,
    source: peer.source,
    transport: peer.transport,
    encryption: peer.encryption,
    connectedMs: now - peer.since,
    progress: peerHas.length === 0 ? 0 : peerHas.count / peerHas.length,
    isSeed: state.isSeed,
    uploadOnly: state.uploadOnly,
    amChoking: state.amChoking,
    amInterested: state.amInterested,
    peerChoking: state.peerChoking,
    peerInterested: state.peerInterested,
    snubbed: state.snubbed,
    downloadRate,
    uploadRate,
    downloadedBytes: downloaded,
    uploadedBytes: uploaded,
  };
}

/** Tells of the pieces. */
export function piecesInfo({ content }: TorrentLife): PiecesInfo | undefined {
  if (content === undefined) return undefined;
  const { layout, have, wishes } = content;
  const count = layout.pieceCount;
  const info = {
    count,
    length: layout.pieceLength,
    have: new Uint8Array(count),
    priorities: new Uint8Array(count),
    availability: new Uint16Array(count),
    distributedCopies: content.distributedCopies(),
  };
  for (let i = 0; i < count; i++) {
    info.have[i] = have.has(i) ? 1 : 0;
    info.priorities[i] = wishes.piecePriority(i);
    info.availability[i] = Math.min(65535, content.availability(i));
  }
  return info;
}

/** Describes a torrent, whose files are given, as plain JSON. */
export function torrentSnapshot(
  life: TorrentLife,
  files: readonly FileSnapshot[],
): TorrentSnapshot {
  const { error, dir, content, limits, network } = life;
  const now = life.context.clock.now();
  const aged = <T extends { nextAt: Time; lastAt: Time }>(status: T) => {
    const { nextAt, lastAt, ...rest } = status;
    return plain({
      ...rest,
      nextInMs: nextAt && Math.max(0, nextAt - now),
      lastAgoMs: lastAt && now - lastAt,
    });
  };
  return plain({
    infoHash: toHex(life.infoHash),
    name: life.name,
    state: life.state,
    paused: life.isPaused,
    error: error?.message,
    private: life.isPrivate,
    dir,
    downloadLimit: finite(limits.downloadRate),
    uploadLimit: finite(limits.uploadRate),
    stats: plain(torrentStats(life)),
    peers: peerInfos(life).map((peer) =>
      plain({
        ...peer,
        address: formatEndpoint(peer.address),
        listening: peer.listening && formatEndpoint(peer.listening),
      })
    ),
    trackers: network.trackers().map(({ url: _, askedAt: __, ...rest }) =>
      aged(rest)
    ),
    discoveries: network.discovery.statuses().map(aged),
    files,
    pieceLength: content?.layout.pieceLength,
    have: content?.have.toBytes().toBase64(),
  });
}

/** A rate for JSON, which has no infinity. */
export function finite(rate: number): number | undefined {
  return rate === Infinity ? undefined : rate;
}

/** Leaves out what is undefined, as JSON does. */
export function plain<R extends object>(
  value: { readonly [Name in keyof R]-?: R[Name] | undefined },
): R {
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== undefined),
  ) as R;
}
