/**
 * What the content of a torrent needs only while it has peers.
 *
 * @module
 */
import type { TorrentStorage } from "../../disk/mod.ts";
import type { Metainfo } from "../../metainfo/mod.ts";
import type { SelectionStrategy } from "../../select/mod.ts";
import { Download, type DownloadHost } from "./download.ts";
import { PieceRevealer } from "./reveal.ts";
import type { SessionContext } from "../session_context.ts";
import type { TorrentLimits } from "../torrent/torrent_limits.ts";
import type { AddTorrentOptions, TorrentEvent } from "../types.ts";
import { Upload, type UploadHost } from "./upload.ts";

/** What the content needs of its torrent. */
export interface ContentHost extends Omit<DownloadHost, "sources">, UploadHost {
  /** Something is not as it should be. */
  warn(event: TorrentEvent): void;
  /** Pieces were lost; the error, if nothing is left to go on with. */
  piecesLost(error: Error | undefined): void;
}

/** The books of both directions. */
export interface PeerBooks {
  /** Asks and stores. */
  readonly download: Download;
  /** Chooses whom to serve, and serves. */
  readonly upload: Upload;
  /** Tells peers of our pieces. */
  readonly revealer: PieceRevealer;
}

/** Options of {@linkcode makePeerBooks}. */
export interface PeerBooksOptions {
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** The torrent. */
  readonly metainfo: Metainfo;
  /** What the person asked for. */
  readonly torrent: AddTorrentOptions;
  /** Bytes a second, received and sent. */
  readonly limits: TorrentLimits;
  /** Where the pieces are. */
  readonly storage: TorrentStorage;
  /** In which order they are fetched. */
  readonly strategy: SelectionStrategy;
  /** 0 to 7 by piece; absent while all have the default. */
  readonly priorities: Uint8Array | undefined;
  /** When pieces are wanted, in milliseconds. */
  readonly deadlines: ReadonlyMap<number, number> | undefined;
}

/** Makes the books of a torrent without peers. */
export function makePeerBooks(
  host: DownloadHost & UploadHost,
  options: PeerBooksOptions,
): PeerBooks {
  const { context, metainfo, torrent, storage, strategy } = options;
  const { clock, random } = context;
  const { layout } = metainfo;
  const download = new Download(host, {
    layout,
    storage,
    strategy,
    limit: options.limits.download,
    clock,
    random,
  });
  const { picker } = download;
  if (options.priorities !== undefined) {
    picker.pieces.setPriorities(options.priorities);
  }
  for (const [pieceIndex, at] of options.deadlines ?? []) {
    picker.pieces.setDeadline(pieceIndex, at);
  }
  return {
    download,
    upload: new Upload(host, {
      layout,
      storage,
      limit: options.limits.upload,
      clock,
      random,
      choker: torrent.choker ?? context.policies.choker,
      slots: context.uploadSlots,
      ownSlots: torrent.uploadSlots,
    }),
    revealer: new PieceRevealer({
      way: torrent.revelation ?? context.policies.revelation,
      clock,
      have: storage.have,
      picker,
      peers: host.peers,
      random,
    }),
  };
}
