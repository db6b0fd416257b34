/**
 * How `bip top` shows a daemon.
 *
 * @module
 */
import type { RemoteResult } from "../../daemon/remote_client.ts";
import { fitColumns } from "../progress.ts";
import { plural } from "../text.ts";
import { formatDuration, formatRate, formatSize } from "../units.ts";
import { stateOf, tableOf } from "./torrents.ts";

/** What a daemon told at one moment. */
export interface Look {
  /** What `session_stats` gives. */
  readonly stats: RemoteResult;
  /** All torrents, those that move most first. */
  readonly torrents: readonly RemoteResult[];
}

const rateOf = (torrent: RemoteResult) =>
  (Number(torrent.rate_download) || 0) + (Number(torrent.rate_upload) || 0);
const isStopped = (torrent: RemoteResult) => torrent.status === 0;

/**
 * Sorts torrents by what they move; those that are stopped stand last.
 *
 * @param torrents Their fields.
 * @returns The same torrents.
 */
export function byRate(torrents: readonly RemoteResult[]): RemoteResult[] {
  return torrents.toSorted((a, b) =>
    rateOf(b) - rateOf(a) ||
    Number(isStopped(a)) - Number(isStopped(b)) ||
    Number(a.id) - Number(b.id)
  );
}

/** Sums up the torrents, and what was moved. */
function headOf({ stats, torrents }: Look): string[] {
  const states = new Map<string, number>();
  let peers = 0;
  for (const torrent of torrents) {
    const state = stateOf(torrent);
    states.set(state, (states.get(state) ?? 0) + 1);
    peers += Number(torrent.peers_connected) || 0;
  }
  const list = [...states].sort(([, a], [, b]) => b - a)
    .map(([state, count]) => `${count} ${state}`).join(", ");
  const run = (stats.current_stats ?? {}) as RemoteResult;
  const way = (rate: unknown, bytes: unknown, name: string) =>
    `${formatRate(Number(rate) || 0)} ${name} (${
      formatSize(Number(bytes) || 0)
    })`;
  return [
    `${plural(torrents.length, "torrent")}${list === "" ? "" : `: ${list}`}; ${
      plural(peers, "peer")
    }`,
    [
      way(stats.download_speed, run.downloaded_bytes, "down"),
      way(stats.upload_speed, run.uploaded_bytes, "up"),
      `running for ${formatDuration(Number(run.seconds_active) * 1000)}`,
    ].join(", "),
  ];
}

/**
 * Lays a look out as text of any length, for files and pipes.
 *
 * @param look What to show.
 * @returns Lines.
 */
export function topLines(look: Look): string[] {
  return [...headOf(look), ...tableOf(look.torrents)];
}

/** What {@linkcode topFrame} shows, and where. */
export interface Frame {
  /** The last thing that the daemon told. */
  readonly look: Look;
  /** Why it is not of now, safe to show. */
  readonly problem: string | undefined;
  /** Torrents above the first that is shown. */
  readonly offset: number;
  /** Width of the terminal. */
  readonly columns: number;
  /** Height of the terminal. */
  readonly rows: number;
}

/**
 * Tells how many torrents a terminal has room for.
 *
 * @param rows Its height.
 * @returns At least one.
 */
export function roomOf(rows: number): number {
  return Math.max(1, rows - 4);
}

/**
 * Lays a look out for a terminal.
 *
 * @param frame What to show, and where.
 * @returns At most as many lines as there are rows, none wider than it.
 */
export function topFrame(frame: Frame): string[] {
  const { look, problem, offset, columns, rows } = frame;
  const shown = look.torrents.slice(offset, offset + roomOf(rows));
  const range = shown.length === look.torrents.length
    ? ""
    : `; ${offset + 1} to ${
      offset + shown.length
    } of ${look.torrents.length}, arrow keys scroll`;
  return [
    ...headOf(look),
    ...tableOf(shown, columns),
    problem === undefined ? `q quits${range}` : `${problem}; trying again`,
  ].slice(0, rows).map((line) => fitColumns(line, columns));
}
