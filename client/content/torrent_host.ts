/**
 * A torrent, as its own parts see it.
 *
 * @module
 */
import type { Magnet, Metainfo } from "../../metainfo/mod.ts";
import type { TorrentContent } from "./torrent_content.ts";
import type { SessionContext } from "./session_context.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import type { TorrentLimits } from "../limit_group.ts";
import type { AddTorrentOptions, TorrentEvent } from "../types.ts";

/** What swarm, trackers, searches and content need of their torrent. */
export interface TorrentHost {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** What the torrent was added with. */
  readonly options: AddTorrentOptions;
  /** 20 bytes by which peers and trackers call it. */
  readonly infoHash: Uint8Array;
  /** What it was added by. */
  readonly topic: Metainfo | Magnet;
  /** The link, where it was added by one. */
  readonly magnet: Magnet | undefined;
  /** Its description, once known. */
  readonly metainfo: Metainfo | undefined;
  /** Its content, once ready. */
  readonly content: TorrentContent | undefined;
  /** Connected peers by key. */
  readonly peers: ReadonlyMap<number, SwarmPeer>;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Whether it is for one tracker's members only (BEP 27). */
  readonly isPrivate: boolean;
  /** Whether all that is wanted is there: seeds are of no use. */
  readonly isComplete: boolean;
  /** Whether it runs and has all that is wanted. */
  readonly isSeeding: boolean;
  /** Takes the description that peers sent. */
  fetched(metainfo: Metainfo): void;
  /** Wants to be ticked from now on. */
  busy(): void;
  /** Bans a peer that sent bad data. */
  ban(peer: number, reason: string): void;
  /** Other pieces are there, or wanted, than before. */
  updateProgress(): void;
  /** Goes on, as the files are looked at. */
  goOn(): void;
  /** Tells the subscribers. */
  publish(event: TorrentEvent): void;
  /** Ends it with an error; the first one counts. */
  fail(cause: unknown): void;
}
