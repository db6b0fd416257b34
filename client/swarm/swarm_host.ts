/**
 * What a swarm needs of its torrent.
 *
 * @module
 */
import type { Magnet, Metainfo, PieceLayout } from "../../metainfo/mod.ts";
import type { PeerSessionEvent } from "../../peer/session_types.ts";
import type { HashServer } from "../content/hash_server.ts";
import type { PieceRevealer } from "../content/reveal.ts";
import type { SessionContext } from "../session_context.ts";
import type { TorrentLimits } from "../torrent/torrent_limits.ts";
import type { AddTorrentOptions, TorrentEvent } from "../types.ts";
import type { SwarmPeer } from "./swarm_peer.ts";

/** What becomes known once there is an info dictionary. */
export interface SwarmContent {
  /** Pieces and files. */
  readonly layout: PieceLayout;
  /** Tells peers of it. */
  readonly revealer: PieceRevealer;
  /** Serves merkle hashes of v2 torrents (BEP 52). */
  readonly hashes: HashServer | undefined;
  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void;
  /** Forgets a peer. */
  removePeer(peer: SwarmPeer): void;
  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void;
  /** Bytes of a piece that peers may ask for. */
  servedSize(pieceIndex: number): number;
  /** Defined while sockets should not be read. */
  pressure(): Promise<void> | undefined;
}

/** A torrent, as its swarm sees it. */
export interface SwarmHost {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** What the torrent was added with. */
  readonly options: AddTorrentOptions;
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  /** The link it was added by. */
  readonly magnet: Magnet | undefined;
  /** Its description, once known. */
  readonly metainfo: Metainfo | undefined;
  /** Its content, once ready. */
  readonly content: SwarmContent | undefined;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Whether it is for one tracker's members only (BEP 27). */
  readonly isPrivate: boolean;
  /** Whether all that is wanted is there: seeds are of no use. */
  readonly isComplete: boolean;
  /** Takes the description that peers sent. */
  fetched(metainfo: Metainfo): void;
  /** What peers sent fits the link but is of no use. */
  unusable(cause: unknown): void;
  /** Wants to be ticked from now on. */
  busy(): void;
  /** Tells the subscribers. */
  publish(event: TorrentEvent): void;
}
