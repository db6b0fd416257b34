/**
 * What the progress display says of torrents.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { ReserveProgress } from "../../disk/check_options.ts";
import type { ProgressState } from "../progress.ts";
import { plural, safeText } from "../text.ts";
import { formatRate, formatSize } from "../units.ts";
import type { Session, Torrent } from "../../client/mod.ts";

/** What is known of the attempts to connect. */
interface Attempts {
  /** Peers that could not be reached, or did not want us. */
  readonly failed: number;
  /** Whether an attempt failed because there is no way to the network. */
  readonly isUnreachable: boolean;
}

/** Whether an error says that there is no network. */
export function isNoNetwork(message: string | undefined): boolean {
  return /network (is )?(unreachable|down)|no route to host|name resolution/i
    .test(message ?? "");
}

/**
 * Says who is asked for peers, and with what success.
 *
 * @param torrent Which torrent.
 * @param dht Our node of the DHT, if there is one.
 * @param attempts What is known of the attempts to connect.
 * @returns Short texts that are safe to show, the most important first.
 */
export function waitingFor(
  torrent: Pick<Torrent, "stats" | "trackers">,
  dht: Pick<NonNullable<Session["dht"]>, "stats"> | undefined,
  attempts: Attempts,
): string[] {
  const { peers, connecting } = torrent.stats();
  const trackers = torrent.trackers();
  const count = (...states: string[]) =>
    trackers.filter(({ state }) => states.includes(state)).length;
  const asked = count("announcing");
  const failed = count("failed", "disabled");
  const nodes = dht?.stats();
  const texts: string[] = [];
  const isCutOff = attempts.isUnreachable || (nodes?.sendErrors ?? 0) > 0 ||
    trackers.some(({ message }) => isNoNetwork(message));
  if (
    peers === 0 && isCutOff && failed === trackers.length &&
    (nodes?.nodes ?? 0) === 0
  ) texts.push("no network");
  if (connecting > 0) texts.push(`trying ${plural(connecting, "peer")}`);
  if (attempts.failed > 0) texts.push(`${attempts.failed} refused`);
  if (asked > 0) texts.push(`asking ${plural(asked, "tracker")}`);
  if (failed > 0) texts.push(`${plural(failed, "tracker")} failed`);
  if (nodes !== undefined) {
    texts.push(plural(nodes.nodes, "DHT node"));
  }
  return texts;
}

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
