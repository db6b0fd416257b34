/**
 * What `torrent_get` can tell. Source: Transmission, docs/rpc-spec.md, 3.3.
 *
 * @module
 */
import { mediaType } from "../../client/media_type.ts";
import type { DaemonTorrentStatus } from "../types.ts";
import { goalReached, goalsOf, goalValue } from "../rules/seed_goal.ts";
import type { Limit } from "../settings.ts";
import type { SeedGoal } from "../state/record.ts";
import {
  files,
  fileStats,
  peers,
  peersFrom,
  trackers,
  trackerStats,
  webSeeds,
} from "./nested_fields.ts";
import { seconds, type TorrentView } from "./torrent_view.ts";

/** Rates that the protocol counts in kB/s: bytes of one. */
export const KILO = 1000;

/** Bytes a second of a rate in kB/s, at least one: none at all is no limit. */
export function rateOf(kilos: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(1, kilos * KILO));
}

/** There is none, or it cannot be told. */
const NOT_AVAILABLE = -1;
/** It would be there, but is not known. */
const UNKNOWN = -2;

/** Numbers of what a torrent is doing. */
function statusOf(view: TorrentView): number {
  const { torrent } = view;
  const numbers: Readonly<Record<DaemonTorrentStatus, number>> = {
    stopped: 0,
    error: 0,
    checking: torrent.checkProgress === undefined ? 1 : 2,
    queued: isComplete(view) ? 5 : 3,
    "no-space": 3,
    metadata: 4,
    downloading: 4,
    seeding: 6,
  };
  return numbers[torrent.status];
}

/** Whether all that is wanted is there. */
function isComplete({ metainfo, stats, torrent }: TorrentView): boolean {
  if (metainfo === undefined) return false;
  return stats.pieceCount > 0 && stats.doneBytes >= stats.wantedBytes ||
    torrent.record.complete === true && stats.piecesDone === 0;
}

/** What is wrong: 0 nothing, 1 a tracker warns, 2 one refuses, 3 it stopped. */
function errorOf({ torrent, trackers }: TorrentView): [number, string] {
  if (torrent.status === "error") return [3, torrent.error ?? ""];
  if (torrent.status === "no-space") {
    return [3, "There is not enough space on the disk"];
  }
  const refusal = trackers.find(({ failure }) => failure === "refused");
  const works = trackers.some(({ state }) => state === "working");
  if (refusal !== undefined && !works) return [2, refusal.message ?? ""];
  const warning = trackers.find(({ failure, message }) =>
    failure === undefined && message !== undefined
  );
  return warning === undefined ? [0, ""] : [1, warning.message!];
}

function ratioOf(view: TorrentView): number {
  const { uploadedBytes } = view.stats;
  const base = sizeWhenDone(view);
  if (base > 0) return uploadedBytes / base;
  return uploadedBytes > 0 ? UNKNOWN : NOT_AVAILABLE;
}

function etaOf(view: TorrentView): number {
  const { torrent, stats, moment } = view;
  const status = statusOf(view);
  if (status === 4) {
    return stats.etaMs === undefined
      ? UNKNOWN
      : Math.min(2 ** 31, Math.ceil(stats.etaMs / 1000));
  }
  const { seedRatio } = torrent.record;
  const goal = goalValue(seedRatio, moment.settings.seedRatio);
  if (status !== 6 || goal === undefined) return NOT_AVAILABLE;
  const left = goal * sizeWhenDone(view) - stats.uploadedBytes;
  if (left <= 0) return 0;
  return stats.uploadRate > 0
    ? Math.min(2 ** 31, Math.ceil(left / stats.uploadRate))
    : UNKNOWN;
}

function idleEtaOf({ torrent, moment }: TorrentView): number {
  const { idleMs, record } = torrent;
  const { seedIdleMinutes } = moment.settings;
  const goal = goalValue(record.seedIdleMinutes, seedIdleMinutes);
  if (torrent.status !== "seeding" || goal === undefined) return NOT_AVAILABLE;
  return Math.max(0, Math.ceil((goal * 60_000 - (idleMs ?? 0)) / 1000));
}

function isStalled({ torrent, moment }: TorrentView): boolean {
  const { enabled, value } = moment.settings.stalledMinutes;
  return enabled && (torrent.idleMs ?? 0) >= value * 60_000;
}

/** Whether a goal ended it. */
function isFinished(view: TorrentView): boolean {
  const { torrent, stats, moment } = view;
  const { record } = torrent;
  const { settings, now } = moment;
  if (torrent.status !== "stopped" || !isComplete(view)) return false;
  const work = {
    uploadedBytes: stats.uploadedBytes,
    size: sizeWhenDone(view),
    seedingMs: record.seedingMs,
    idleMs: now - (record.activeAt ?? record.startedAt ?? now),
  };
  return goalReached(work, goalsOf(record, settings)) !== undefined;
}

/** Bytes that are wanted, not there, and offered by somebody. */
function desiredAvailable(view: TorrentView): number {
  const { pieces, metainfo, stats } = view;
  const left = stats.wantedBytes - stats.doneBytes;
  if (pieces === undefined || left <= 0) return 0;
  if (view.client.webSeeds().length > 0) return left;
  let bytes = 0;
  for (let i = 0; i < pieces.count; i++) {
    const isOffered = pieces.have[i] === 0 && pieces.priorities[i]! > 0 &&
      pieces.availability[i]! > 0;
    if (isOffered) bytes += metainfo!.layout.pieceSize(i);
  }
  return Math.min(left, bytes);
}

function bitfieldOf({ pieces, metainfo }: TorrentView): string {
  if (metainfo === undefined) return "";
  const bits = new Uint8Array(Math.ceil(metainfo.pieceCount / 8));
  pieces?.have.forEach((has, i) => {
    if (has === 1) bits[i >> 3]! |= 0x80 >> (i & 7);
  });
  return bits.toBase64();
}

function mimeTypeOf({ metainfo }: TorrentView): string {
  const sizes = new Map<string, number>();
  for (const { path, length } of metainfo?.files ?? []) {
    const name = path.at(-1) ?? metainfo!.name;
    const type = mediaType(name).split(";")[0]!;
    sizes.set(type, (sizes.get(type) ?? 0) + length);
  }
  const [first] = [...sizes].sort(([, a], [, b]) => b - a);
  return first?.[0] ?? "application/octet-stream";
}

const kilos = ({ value }: Limit) => Math.round(value / KILO);

const goalMode = ({ mode }: SeedGoal) =>
  mode === "global" ? 0 : mode === "own" ? 1 : 2;

const goalLimit = ({ mode, value }: SeedGoal, global: Limit) =>
  mode === "global" && value === 0 ? global.value : value;

const share = (part: number, whole: number) =>
  whole > 0 ? Math.min(1, part / whole) : 0;

const leftOf = ({ stats }: TorrentView) =>
  Math.max(0, stats.wantedBytes - stats.doneBytes);

/** What is wanted, and what is there though it is not. */
const sizeWhenDone = (view: TorrentView) => view.haveValid + leftOf(view);

type Field = (view: TorrentView) => unknown;

/** What can be asked for, by name. */
export const TORRENT_FIELDS: Readonly<Record<string, Field>> = {
  activity_date: ({ torrent }) => seconds(torrent.record.activeAt),
  added_date: ({ torrent }) => seconds(torrent.record.addedAt),
  availability: ({ pieces, metainfo }) =>
    pieces === undefined
      ? Array(metainfo?.pieceCount ?? 0).fill(0)
      : Array.from(pieces.have, (has, i) =>
        has === 1 ? -1 : pieces.availability[i]),
  bandwidth_priority: ({ torrent }) => torrent.record.bandwidthPriority,
  bytes_completed: ({ client }) =>
    client.files.map(({ doneBytes }) => doneBytes),
  comment: ({ metainfo }) => metainfo?.comment ?? "",
  corrupt_ever: ({ stats }) => stats.wastedBytes,
  creator: ({ metainfo }) => metainfo?.createdBy ?? "",
  date_created: ({ metainfo }) => metainfo?.creationDate ?? 0,
  desired_available: desiredAvailable,
  done_date: ({ torrent }) => seconds(torrent.record.doneAt),
  download_dir: ({ torrent }) => torrent.dir,
  download_limit: ({ torrent }) => kilos(torrent.record.downloadLimit),
  download_limited: ({ torrent }) => torrent.record.downloadLimit.enabled,
  downloaded_ever: ({ stats }) => stats.downloadedBytes,
  edit_date: ({ torrent: { record } }) =>
    seconds(record.editedAt ?? record.addedAt),
  error: (view) => errorOf(view)[0],
  error_string: (view) => errorOf(view)[1],
  eta: etaOf,
  eta_idle: idleEtaOf,
  file_count: ({ metainfo }) => metainfo?.files.length ?? 0,
  file_stats: fileStats,
  files,
  group: ({ torrent }) => torrent.record.group,
  hash_string: ({ torrent }) => torrent.infoHash,
  have_unchecked: () => 0,
  have_valid: ({ haveValid }) => haveValid,
  honors_session_limits: ({ torrent }) => torrent.record.honorsSessionLimits,
  id: ({ torrent }) => torrent.id,
  is_finished: isFinished,
  is_private: ({ client }) => client.isPrivate,
  is_stalled: isStalled,
  labels: ({ torrent }) => torrent.record.labels,
  left_until_done: leftOf,
  magnet_link: ({ magnet }) => magnet,
  manual_announce_time: () => NOT_AVAILABLE,
  max_connected_peers: ({ client }) => client.maxPeers,
  metadata_percent_complete: ({ metainfo }) => metainfo === undefined ? 0 : 1,
  name: ({ torrent }) => torrent.name,
  peer_limit: ({ client }) => client.maxPeers,
  peers,
  peers_connected: ({ stats }) => stats.peers,
  peers_from: peersFrom,
  peers_getting_from_us: (view) =>
    view.peers.filter(({ uploadRate }) => uploadRate > 0).length,
  peers_sending_to_us: (view) =>
    view.peers.filter(({ downloadRate }) => downloadRate > 0).length,
  percent_complete: (view) => share(view.haveValid, view.totalSize),
  percent_done: (view) => share(view.haveValid, sizeWhenDone(view)),
  piece_count: ({ metainfo }) => metainfo?.pieceCount ?? 0,
  piece_size: ({ metainfo }) => metainfo?.pieceLength ?? 0,
  pieces: bitfieldOf,
  primary_mime_type: mimeTypeOf,
  priorities: ({ wishes }) => wishes.map(({ priority }) => priority),
  queue_position: ({ torrent }) => torrent.queuePosition,
  rate_download: ({ stats }) => Math.round(stats.downloadRate),
  rate_upload: ({ stats }) => Math.round(stats.uploadRate),
  recheck_progress: ({ torrent }) => torrent.checkProgress ?? 0,
  seconds_downloading: ({ torrent }) => seconds(torrent.record.downloadingMs),
  seconds_seeding: ({ torrent }) => seconds(torrent.record.seedingMs),
  seed_idle_limit: ({ torrent, moment }) =>
    goalLimit(torrent.record.seedIdleMinutes, moment.settings.seedIdleMinutes),
  seed_idle_mode: ({ torrent }) => goalMode(torrent.record.seedIdleMinutes),
  seed_ratio_limit: ({ torrent, moment }) =>
    goalLimit(torrent.record.seedRatio, moment.settings.seedRatio),
  seed_ratio_mode: ({ torrent }) => goalMode(torrent.record.seedRatio),
  sequential_download: ({ torrent }) => torrent.record.sequential,
  sequential_download_from_piece: ({ torrent }) =>
    torrent.record.sequentialFrom ?? 0,
  size_when_done: sizeWhenDone,
  source: ({ metainfo }) => metainfo?.source ?? "",
  start_date: ({ torrent }) => seconds(torrent.record.startedAt),
  status: statusOf,
  torrent_file: () => "",
  total_size: ({ totalSize }) => totalSize,
  tracker_list: ({ tiers }) =>
    tiers.map((tier) => tier.map((url) => `${url}\n`).join("")).join("\n"),
  tracker_stats: trackerStats,
  trackers,
  upload_limit: ({ torrent }) => kilos(torrent.record.uploadLimit),
  upload_limited: ({ torrent }) => torrent.record.uploadLimit.enabled,
  upload_ratio: ratioOf,
  uploaded_ever: ({ stats }) => stats.uploadedBytes,
  wanted: ({ wishes }) => wishes.map(({ wanted }) => wanted),
  webseeds: (view) => webSeeds(view).map(({ url }) => url),
  webseeds_ex: webSeeds,
  webseeds_sending_to_us: ({ client }) =>
    client.webSeeds().filter(({ active }) => active > 0).length,
};
