/**
 * What content needs of its torrent, and its parts of the content.
 *
 * @module
 */
import type { TorrentStorage } from "../../disk/mod.ts";
import type { Metainfo, PieceLayout } from "../../metainfo/mod.ts";
import type { PeerKey, SelectionStrategy } from "../../select/mod.ts";
import type { SessionContext } from "../session_context.ts";
import type { SwarmPeer } from "../swarm/swarm_peer.ts";
import type { TorrentLimits } from "../torrent/torrent_limits.ts";
import type { AddTorrentOptions, TorrentEvent } from "../types.ts";
import type { BlockSource } from "./block_source.ts";

/** A torrent, as its content sees it. */
export interface ContentHost {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** What the torrent was added with. */
  readonly options: AddTorrentOptions;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Its description, once known. */
  readonly metainfo: Metainfo | undefined;
  /** Connected peers by key. */
  readonly peers: ReadonlyMap<PeerKey, SwarmPeer>;
  /** Whether all that is wanted is there. */
  readonly isComplete: boolean;
  /** A piece is verified and written. */
  pieceDone(pieceIndex: number): void;
  /** A piece was wrong. */
  pieceBad(pieceIndex: number): void;
  /** A peer sent rubbish on purpose or by defect. */
  ban(peer: PeerKey, reason: string): void;
  /** Something went wrong with the storage; whether that stops us. */
  storageError(error: Error, stops: boolean): void;
  /** Something is not as it should be. */
  warn(event: TorrentEvent): void;
  /** Pieces were lost; the error, if nothing is left to go on with. */
  piecesLost(error: Error | undefined): void;
}

/** The content of a torrent, as download, upload and revelation see it. */
export interface ContentBooks {
  /** Whose it is. */
  readonly torrent: ContentHost;
  /** Pieces and files. */
  readonly layout: PieceLayout;
  /** Where the pieces are. */
  readonly storage: TorrentStorage;
  /** In which order they are fetched. */
  readonly strategy: SelectionStrategy;
  /** Where blocks may come from, by key. */
  readonly sources: ReadonlyMap<PeerKey, BlockSource>;
  /** A piece is verified and written. */
  pieceDone(pieceIndex: number): void;
}
