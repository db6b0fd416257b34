/**
 * The figures of a torrent.
 *
 * @module
 */
import type { TorrentStats } from "../types.ts";
import type { TorrentLife } from "./torrent_life.ts";

/** Counts the payload of this run and earlier ones. */
export function torrentTotals(
  { options, network: { openSwarm } }: TorrentLife,
): Pick<TorrentStats, "downloadedBytes" | "uploadedBytes"> {
  const { downloadedBytes = 0, uploadedBytes = 0 } = options;
  return {
    downloadedBytes: downloadedBytes + (openSwarm?.downloadedBytes ?? 0),
    uploadedBytes: uploadedBytes + (openSwarm?.uploadedBytes ?? 0),
  };
}

/** Puts the figures of the parts together. */
export function torrentStats(life: TorrentLife): TorrentStats {
  const { metainfo, state, network } = life;
  const swarm = network.openSwarm;
  const figures = life.content?.figures();
  const downloadRate = figures?.downloadRate ?? 0;
  let seeds = 0;
  for (const { connection } of swarm?.peers.values() ?? []) {
    if (connection.state.isSeed) seeds++;
  }
  return {
    state,
    wantedBytes: figures?.wantedBytes ?? metainfo?.totalLength ?? 0,
    doneBytes: figures?.doneBytes ?? 0,
    ...torrentTotals(life),
    wastedBytes: figures?.wastedBytes ?? 0,
    downloadRate,
    uploadRate: figures?.uploadRate ?? 0,
    pieceCount: metainfo?.pieceCount ?? 0,
    piecesDone: figures?.piecesDone ?? 0,
    peers: network.peerCount,
    seeds,
    candidates: swarm?.list.size ?? 0,
    connecting: swarm?.connecting ?? 0,
    etaMs: figures !== undefined && downloadRate > 0
      ? (figures.wantedBytes - figures.doneBytes) / downloadRate * 1000
      : undefined,
  };
}
