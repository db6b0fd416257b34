/**
 * The figures of a torrent.
 *
 * @module
 */
import type { Metainfo } from "../metainfo/mod.ts";
import type { Swarm } from "./swarm.ts";
import type { ContentFigures } from "./content_figures.ts";
import type { TorrentState, TorrentStats } from "./types.ts";

/**
 * Puts the figures of the parts together.
 *
 * @param state What the torrent is doing.
 * @param metainfo Its description, once known.
 * @param figures Those of its content, once ready.
 * @param swarm Its peers, if there are any.
 * @param totals Bytes of this run and earlier ones.
 * @returns A snapshot.
 */
export function torrentStats(
  state: TorrentState,
  metainfo: Metainfo | undefined,
  figures: ContentFigures | undefined,
  swarm: Swarm | undefined,
  totals: Pick<TorrentStats, "downloadedBytes" | "uploadedBytes">,
): TorrentStats {
  const downloadRate = figures?.downloadRate ?? 0;
  let seeds = 0;
  for (const { connection } of swarm?.peers.values() ?? []) {
    if (connection.state.isSeed) seeds++;
  }
  return {
    state,
    wantedBytes: figures?.wantedBytes ?? metainfo?.totalLength ?? 0,
    doneBytes: figures?.doneBytes ?? 0,
    ...totals,
    wastedBytes: figures?.wastedBytes ?? 0,
    downloadRate,
    uploadRate: figures?.uploadRate ?? 0,
    pieceCount: metainfo?.pieceCount ?? 0,
    piecesDone: figures?.piecesDone ?? 0,
    peers: swarm?.peers.size ?? 0,
    seeds,
    candidates: swarm?.list.size ?? 0,
    connecting: swarm?.connecting ?? 0,
    etaMs: figures !== undefined && downloadRate > 0
      ? (figures.wantedBytes - figures.doneBytes) / downloadRate * 1000
      : undefined,
  };
}
