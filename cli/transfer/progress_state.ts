/**
 * What the progress display says of torrents.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { Torrent } from "../../client/torrent.ts";
import type { ReserveProgress } from "../../disk/storage.ts";
import type { ProgressState } from "../progress.ts";
import { plural, safeText } from "../text.ts";
import { formatRate, formatSize } from "../units.ts";
import { type Attempts, waitingFor } from "./waiting.ts";

/** What is asked of a torrent. */
export type ShownTorrent = Pick<
  Torrent,
  "infoHash" | "metainfo" | "name" | "stats" | "trackers"
>;

/** What was seen of a torrent so far. */
export interface SeenTorrent extends Attempts {
  /** Pieces that were checked. */
  readonly checked: number;
  /** How far its space is taken, while it is. */
  readonly reserving?: ReserveProgress | undefined;
}

/**
 * What a line says of a torrent.
 *
 * @param torrent Which.
 * @param dht Our node of the DHT, if there is one.
 * @param seen What was seen of it so far.
 * @returns What to show; `undefined` where there is nothing to say.
 */
export function progressOf(
  torrent: ShownTorrent,
  dht: Parameters<typeof waitingFor>[1],
  seen: SeenTorrent,
): ProgressState | undefined {
  const stats = torrent.stats();
  const { wantedBytes, doneBytes, uploadedBytes, peers, candidates } = stats;
  const name = safeText(torrent.name ?? toHex(torrent.infoHash));
  const peersText = `${plural(peers, "peer")} of ${candidates}`;
  const waiting = () => waitingFor(torrent, dht, seen);
  switch (stats.state) {
    case "checking": {
      if (seen.reserving !== undefined) {
        const { reservedBytes, totalBytes } = seen.reserving;
        const label = `Taking space for ${name}`;
        return { label, done: reservedBytes, total: totalBytes };
      }
      const pieceLength = torrent.metainfo?.pieceLength ?? 0;
      return {
        label: `Checking ${name}`,
        done: Math.min(wantedBytes, seen.checked * pieceLength),
        total: wantedBytes,
      };
    }
    case "metadata":
      return {
        label: `Fetching metadata of ${name}`,
        done: 0,
        total: -1,
        rate: 0,
        details: [peersText, ...waiting()],
      };
    case "downloading":
      return {
        label: name,
        done: doneBytes,
        total: wantedBytes,
        rate: stats.downloadRate,
        details: [
          peersText,
          ...(stats.downloadRate === 0 ? waiting() : []),
          ...(stats.uploadRate > 0
            ? [`up ${formatRate(stats.uploadRate)}`]
            : []),
          `${stats.piecesDone}/${plural(stats.pieceCount, "piece")}`,
        ],
      };
    case "seeding":
      return {
        label: `Seeding ${name}`,
        done: 0,
        total: -1,
        rate: 0,
        details: [
          `up ${formatRate(stats.uploadRate)}`,
          `uploaded ${formatSize(uploadedBytes)}`,
          `ratio ${ratioText(uploadedBytes, wantedBytes)}`,
          peersText,
        ],
      };
  }
  return undefined;
}

/**
 * What a line says of several torrents.
 *
 * @param states What it would say of each.
 * @param torrents The torrents.
 * @returns What to show.
 */
export function progressOfAll(
  states: readonly ProgressState[],
  torrents: readonly ShownTorrent[],
): ProgressState {
  const stats = torrents.map((torrent) => torrent.stats());
  const sum = (of: (stat: typeof stats[number]) => number) =>
    stats.reduce((total, stat) => total + of(stat), 0);
  const left = stats.filter(({ state }) => state !== "seeding").length;
  const uploadRate = sum((stat) => stat.uploadRate);
  return {
    label: left === 0
      ? `Seeding ${plural(states.length, "torrent")}`
      : `${left} of ${plural(states.length, "torrent")}`,
    done: sum(({ doneBytes }) => doneBytes),
    total: sum(({ wantedBytes }) => wantedBytes),
    rate: sum(({ downloadRate }) => downloadRate),
    details: [
      plural(sum(({ peers }) => peers), "peer"),
      ...(uploadRate > 0 ? [`up ${formatRate(uploadRate)}`] : []),
    ],
  };
}

/**
 * Writes a ratio of upload to size.
 *
 * @param uploaded Bytes sent.
 * @param size Bytes of the torrent.
 * @returns Two decimals, or a dash where there is no size.
 */
export function ratioText(uploaded: number, size: number): string {
  return size > 0 ? (uploaded / size).toFixed(2) : "–";
}
