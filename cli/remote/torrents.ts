/**
 * Torrents as a daemon tells of them: which are meant, and how they look.
 *
 * @module
 */
import type { RemoteClient, RemoteResult } from "../../daemon/remote_client.ts";
import { CommandError, UsageError } from "../error.ts";
import { EXIT_USAGE } from "../exit_code.ts";
import { safeText } from "../text.ts";
import { formatDuration, formatRate, formatSize } from "../units.ts";

/** Most torrents that one range may name. */
const MAX_RANGE = 100_000;

/** Fields of `bip remote list`. */
export const LIST_FIELDS = [
  "id",
  "hash_string",
  "name",
  "status",
  "error",
  "error_string",
  "percent_done",
  "metadata_percent_complete",
  "recheck_progress",
  "size_when_done",
  "left_until_done",
  "eta",
  "rate_download",
  "rate_upload",
  "upload_ratio",
  "labels",
  "peers_connected",
] as const;

/** Fields of `bip remote show` beside these. */
export const SHOW_FIELDS = [
  ...LIST_FIELDS,
  "added_date",
  "comment",
  "creator",
  "done_date",
  "download_dir",
  "download_limit",
  "download_limited",
  "downloaded_ever",
  "files",
  "is_private",
  "magnet_link",
  "peers",
  "piece_count",
  "piece_size",
  "queue_position",
  "seconds_downloading",
  "seconds_seeding",
  "total_size",
  "tracker_stats",
  "upload_limit",
  "upload_limited",
  "uploaded_ever",
] as const;

/**
 * Reads which torrents are meant.
 *
 * @param texts Ids, ranges of ids, hashes, `all` or `active`.
 * @returns What the protocol calls them; `undefined` for all.
 * @throws {UsageError} If one is none of these.
 */
export function parseIds(
  texts: readonly string[],
): (number | string)[] | string | undefined {
  if (texts.length === 1 && texts[0] === "all") return undefined;
  if (texts.length === 1 && texts[0] === "active") return "recently_active";
  const parts = texts.flatMap((text) => text.split(","));
  const ids = parts.flatMap((text): (number | string)[] => {
    if (/^[0-9a-f]{40}$/i.test(text)) return [text.toLowerCase()];
    const [, first, last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ??
      [];
    const count = Number(last) - Number(first) + 1;
    if (!(count >= 1 && count <= MAX_RANGE)) {
      throw new UsageError(
        `A torrent must be an id, a range such as 2-5, a hash or all, not ${
          JSON.stringify(text)
        }`,
        "bip remote list shows the ids",
      );
    }
    return Array.from({ length: count }, (_, i) => Number(first) + i);
  });
  return [...new Set(ids)];
}

/**
 * Reads which one torrent is meant.
 *
 * @param text An id or a hash.
 * @returns What the protocol calls it.
 * @throws {UsageError} If it is neither, or means several.
 */
export function parseId(text: string): number | string {
  const ids = parseIds([text]);
  if (Array.isArray(ids) && ids.length === 1) return ids[0]!;
  throw new UsageError(
    `Expected one torrent, by id or hash, not ${JSON.stringify(text)}`,
    "bip remote list shows the ids",
  );
}

/**
 * Asks for torrents.
 *
 * @param client Whom to ask.
 * @param texts Which ones, as {@linkcode parseIds} takes them; none for all.
 * @param fields What to tell; `id` and `hash_string` must be among it.
 * @param signal Ends the wait.
 * @returns The torrents, at least one unless all are meant.
 * @throws {UsageError} If the texts make no sense.
 * @throws {CommandError} If there is none of these, or one that is named is not
 * there; a range may have gaps.
 */
export async function fetchTorrents(
  client: RemoteClient,
  texts: readonly string[],
  fields: readonly string[],
  signal: AbortSignal,
): Promise<RemoteResult[]> {
  const ids = texts.length === 0 ? undefined : parseIds(texts);
  const params = ids === undefined ? { fields } : { fields, ids };
  const { torrents } = await client.call("torrent_get", params, signal);
  if (!Array.isArray(torrents)) {
    throw new CommandError(
      EXIT_USAGE,
      "protocol",
      "The daemon did not send a list of torrents",
    );
  }
  if (!Array.isArray(ids)) return torrents;
  const there = new Set<unknown>(
    torrents.flatMap(({ id, hash_string }) => [id, hash_string]),
  );
  const named = torrents.length === 0 ? ids : parseIds(
    texts.flatMap((text) => text.split(",")).filter((id) => !id.includes("-")),
  ) as typeof ids;
  const missing = named.filter((id) => !there.has(id));
  if (missing.length === 0) return torrents;
  throw new CommandError(
    EXIT_USAGE,
    "not-found",
    `The daemon has no torrent ${missing.slice(0, 3).join(", ")}${
      missing.length > 3 ? ", ..." : ""
    }`,
  );
}

/**
 * Names what a torrent is doing.
 *
 * @param torrent Its fields.
 * @returns One or two words.
 */
export function stateOf(torrent: RemoteResult): string {
  if (Number(torrent.error) > 0 && torrent.status === 0) return "error";
  const { metadata_percent_complete: metadata } = torrent;
  switch (torrent.status) {
    case 0:
      return "stopped";
    case 1:
      return "to check";
    case 2:
      return "checking";
    case 3:
      return "queued";
    case 4:
      return metadata !== undefined && Number(metadata) < 1
        ? "metadata"
        : "downloading";
    case 5:
      return "to seed";
    case 6:
      return "seeding";
    default:
      return "unknown";
  }
}

const percent = (part: unknown) =>
  `${Math.floor(Math.max(0, Math.min(1, Number(part) || 0)) * 100)}%`;

const ratio = (value: unknown) =>
  Number(value) >= 0 ? Number(value).toFixed(2) : "–";

/** Progress of what it is doing. */
function progressOf(torrent: RemoteResult): unknown {
  if (torrent.status === 2) return torrent.recheck_progress;
  return stateOf(torrent) === "metadata"
    ? torrent.metadata_percent_complete
    : torrent.percent_done;
}

/** A column of the table; those of the lowest rank are the first to go. */
interface Column {
  readonly head: string;
  readonly rank: number;
  readonly isText?: boolean;
  cell(torrent: RemoteResult): string;
}

const COLUMNS: readonly Column[] = [
  { head: "ID", rank: 5, cell: ({ id }) => String(id) },
  { head: "DONE", rank: 8, cell: (torrent) => percent(progressOf(torrent)) },
  {
    head: "SIZE",
    rank: 2,
    cell: (torrent) => formatSize(Number(torrent.size_when_done)),
  },
  {
    head: "ETA",
    rank: 3,
    cell: ({ eta }) =>
      Number(eta) >= 0 ? formatDuration(Number(eta) * 1e3) : "–",
  },
  {
    head: "DOWN",
    rank: 7,
    cell: (torrent) => formatRate(Number(torrent.rate_download)),
  },
  {
    head: "UP",
    rank: 6,
    cell: (torrent) => formatRate(Number(torrent.rate_upload)),
  },
  {
    head: "PEERS",
    rank: 4,
    cell: (torrent) => String(Number(torrent.peers_connected) || 0),
  },
  { head: "RATIO", rank: 1, cell: (torrent) => ratio(torrent.upload_ratio) },
  { head: "STATE", rank: 4.5, isText: true, cell: stateOf },
  {
    head: "NAME",
    rank: Infinity,
    isText: true,
    cell: (torrent) => safeText(String(torrent.name)),
  },
];

/** Columns of the screen that are left for names, if it has three times as many. */
const MIN_NAME = 20;
const GAP = "  ";

/**
 * Lays torrents out in columns.
 *
 * @param torrents Their fields, {@linkcode LIST_FIELDS} at least.
 * @param width Columns of the screen: those of the table that matter least are
 * left out until names have room. Names may be longer still.
 * @returns Lines, the first one a head.
 */
export function tableOf(
  torrents: readonly RemoteResult[],
  width = Infinity,
): string[] {
  let columns = COLUMNS.map((column) => {
    const cells = [column.head, ...torrents.map(column.cell)];
    const most = cells.reduce((max, { length }) => Math.max(max, length), 0);
    const width = column.rank === Infinity ? 0 : most;
    return { ...column, cells, width };
  });
  const needed = () =>
    columns.reduce(
      (sum, column) => sum + column.width + GAP.length,
      Math.min(MIN_NAME, width / 3),
    );
  while (needed() > width && columns.length > 1) {
    const least = Math.min(...columns.map(({ rank }) => rank));
    columns = columns.filter(({ rank }) => rank > least);
  }
  return Array.from(
    { length: torrents.length + 1 },
    (_, row) =>
      columns.map(({ cells, width, isText }) =>
        isText ? cells[row]!.padEnd(width) : cells[row]!.padStart(width)
      ).join(GAP),
  );
}

const dateOf = (seconds: unknown) =>
  Number(seconds) > 0
    ? new Date(Number(seconds) * 1000).toISOString().replace(/\.\d+/, "")
    : "–";

/**
 * Tells all about a torrent.
 *
 * @param torrent Its fields, {@linkcode SHOW_FIELDS}.
 * @returns Lines.
 */
export function detailsOf(torrent: RemoteResult): string[] {
  const text = (name: string) => String(torrent[name] ?? "");
  const size = (name: string) => formatSize(Number(torrent[name]));
  const list = (name: string): readonly RemoteResult[] =>
    Array.isArray(torrent[name]) ? torrent[name] : [];
  const limit = (way: "download" | "upload") =>
    torrent[`${way}_limited`] === true
      ? `${torrent[`${way}_limit`]} kB/s`
      : "none";
  const rows: [string, string][] = [
    ["Id", text("id")],
    ["Name", text("name")],
    ["Hash", text("hash_string")],
    ["Magnet", text("magnet_link")],
    ["Labels", list("labels").join(", ")],
    ["Folder", text("download_dir")],
    ["State", `${stateOf(torrent)}, ${percent(progressOf(torrent))}`],
    ["Error", text("error_string")],
    ...(Number(torrent.piece_count) === 0 ? [] : [
      ["Size", `${size("size_when_done")} of ${size("total_size")}`],
      ["Pieces", `${text("piece_count")} of ${size("piece_size")}`],
    ] as [string, string][]),
    ["Down", `${size("downloaded_ever")}, limit ${limit("download")}`],
    ["Up", `${size("uploaded_ever")}, limit ${limit("upload")}`],
    ["Ratio", ratio(torrent.upload_ratio)],
    ["Added", dateOf(torrent.added_date)],
    ["Done", dateOf(torrent.done_date)],
    ["Queue", text("queue_position")],
    ["Private", torrent.is_private === true ? "yes" : "no"],
    ["Comment", text("comment")],
    ["Creator", text("creator")],
    ...list("tracker_stats").map((tracker): [string, string] => [
      "Tracker",
      [tracker.host, tracker.last_announce_result].filter((part) => part !== "")
        .join(": "),
    ]),
    ...list("peers").map((peer): [string, string] => [
      "Peer",
      `${peer.address} ${percent(peer.progress)} ${peer.client_name}`,
    ]),
  ];
  return rows.filter(([, value]) => value !== "" && value !== "–")
    .map(([name, value]) => `${name.padEnd(9)}${safeText(value)}`);
}
