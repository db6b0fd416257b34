/**
 * What users see of a torrent's peers and pieces, as plain data.
 *
 * @module
 */
import {
  type CandidateSource,
  type Endpoint,
  formatEndpoint,
} from "../../_shared/address.ts";
import { toHex } from "../../_shared/bytes.ts";
import type { SwarmPeer } from "../swarm/swarm_peer.ts";
import type { TrackerStatus } from "../trackers/tracker_entry.ts";
import type { TorrentLife } from "./torrent_life.ts";
import type { TorrentState, TorrentStats } from "../types.ts";

/** A connected peer at one moment. */
export interface PeerInfo {
  /** The other end of the connection. */
  readonly address: Endpoint;
  /** Where it listens, where that is known. */
  readonly listening: Endpoint | undefined;
  /** Name and version of its client. */
  readonly client: string;
  /** Who connected. */
  readonly direction: "inbound" | "outbound";
  /** Where it is known from; `"incoming"` when it came by itself. */
  readonly source: CandidateSource;
  /** Name of the transport, such as `"tcp"`. */
  readonly transport: string;
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
  extends Omit<TrackerStatus, "url" | "nextAt" | "lastAt"> {
  /** In how many milliseconds it is asked next, where that is known. */
  readonly nextInMs?: number;
  /** How many milliseconds ago it answered last. */
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
  /** Its files but for padding; empty while they are not known. */
  readonly files: readonly FileSnapshot[];
  /** Bytes of a piece. */
  readonly pieceLength?: number;
  /** A bit a piece, the first one highest, as base64. */
  readonly have?: string;
}

/** Tells of a peer. */
export function peerInfo(peer: SwarmPeer, now: number): PeerInfo {
  const { connection } = peer;
  const { peerHas, state } = connection;
  const { downloadRate, uploadRate, downloaded, uploaded } = connection.stats();
  return {
    address: peer.address,
    listening: peer.listening,
    client: peer.client,
    direction: peer.direction,
    source: peer.source,
    transport: peer.transport,
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

/** Describes a torrent. */
export function torrentSnapshot(
  life: TorrentLife,
  parts: {
    readonly name: string | undefined;
    readonly stats: TorrentStats;
    readonly peers: readonly PeerInfo[];
    readonly trackers: readonly TrackerStatus[];
    readonly files: readonly FileSnapshot[];
  },
): TorrentSnapshot {
  const { name, stats } = parts;
  const { error, dir, content } = life;
  const now = life.context.clock.now();
  const limit = (rate: number) => rate === Infinity ? undefined : rate;
  return plain({
    infoHash: toHex(life.infoHash),
    name,
    state: life.state,
    paused: life.isPaused,
    error: error?.message,
    private: life.isPrivate,
    dir,
    downloadLimit: limit(life.limits.downloadRate),
    uploadLimit: limit(life.limits.uploadRate),
    stats: plain(stats),
    peers: parts.peers.map((peer) =>
      plain({
        ...peer,
        address: formatEndpoint(peer.address),
        listening: peer.listening && formatEndpoint(peer.listening),
      })
    ),
    trackers: parts.trackers.map(({ url: _, nextAt, lastAt, ...rest }) =>
      plain<object, TrackerSnapshot>({
        ...rest,
        nextInMs: nextAt && Math.max(0, nextAt - now),
        lastAgoMs: lastAt && now - lastAt,
      })
    ),
    files: parts.files,
    pieceLength: content?.layout.pieceLength,
    have: content?.have.toBytes().toBase64(),
  });
}

/** Leaves out what is undefined, as JSON does. */
function plain<T extends object, R>(value: T): R {
  return Object.fromEntries(
    Object.entries(value).filter(([, part]) => part !== undefined),
  ) as R;
}
