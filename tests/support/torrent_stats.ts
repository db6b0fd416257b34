import type { TorrentStats } from "../../client/mod.ts";

/** Figures of a torrent that has nothing and does nothing. */
export const IDLE: TorrentStats = {
  state: "downloading",
  wantedBytes: 0,
  doneBytes: 0,
  downloadedBytes: 0,
  uploadedBytes: 0,
  wastedBytes: 0,
  downloadRate: 0,
  uploadRate: 0,
  pieceCount: 0,
  piecesDone: 0,
  peers: 0,
  seeds: 0,
  candidates: 0,
  connecting: 0,
  etaMs: undefined,
};
