/**
 * The content of a torrent, as its own parts see it.
 *
 * @module
 */
import type { TorrentStorage } from "../../disk/mod.ts";
import type { PieceLayout } from "../../metainfo/mod.ts";
import type { PeerKey, SelectionStrategy } from "../../select/mod.ts";
import type { TorrentHost } from "./torrent_host.ts";
import type { BlockSource } from "./block_source.ts";

/** What download and upload need of the content. */
export interface ContentBooks {
  /** Whose it is. */
  readonly torrent: TorrentHost;
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
