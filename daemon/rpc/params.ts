/**
 * Which parameters each method takes, and of what kind. What is not named here,
 * or is of another kind, is passed over, as Transmission does.
 *
 * @module
 */
import type { RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";

/** Whether a path is absolute, on this or another system. */
export function isAbsolutePath(path: string): boolean {
  return /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path);
}

/** What a parameter may be. */
type Kind = "bool" | "int" | "number" | "string" | "strings" | "ints" | "any";

/** Kinds by name; names are words joined by blanks. */
type Kinds = Readonly<Partial<Record<Kind, string>>>;

/** Longest array of a parameter. */
const MAX_LENGTH = 200_000;

const IDS: Kinds = { any: "ids" };

const SPEEDS = "speed_limit_down speed_limit_up";
const SPEED_SWITCHES = "speed_limit_down_enabled speed_limit_up_enabled";
const FILES =
  "files_wanted files_unwanted priority_high priority_low priority_normal";

/** The methods, and what each takes. */
const METHODS = {
  torrent_get: { any: "ids", strings: "fields", string: "format" },
  torrent_set: {
    any: "ids tracker_replace",
    bool: "download_limited upload_limited honors_session_limits " +
      "sequential_download",
    int: "bandwidth_priority download_limit upload_limit peer_limit " +
      "queue_position seed_idle_limit seed_idle_mode seed_ratio_mode " +
      "sequential_download_from_piece",
    ints: `${FILES} tracker_remove`,
    number: "seed_ratio_limit",
    string: "group location tracker_list",
    strings: "labels tracker_add",
  },
  torrent_add: {
    bool: "paused sequential_download",
    int: "bandwidth_priority peer_limit sequential_download_from_piece",
    ints: FILES,
    string: "cookies download_dir filename metainfo",
    strings: "labels",
  },
  torrent_remove: { any: "ids", bool: "delete_local_data" },
  torrent_start: IDS,
  torrent_start_now: IDS,
  torrent_stop: IDS,
  torrent_verify: IDS,
  torrent_reannounce: IDS,
  torrent_set_location: { any: "ids", bool: "move", string: "location" },
  torrent_rename_path: { any: "ids", string: "path name" },
  queue_move_top: IDS,
  queue_move_up: IDS,
  queue_move_down: IDS,
  queue_move_bottom: IDS,
  session_get: { strings: "fields" },
  session_set: {
    bool: "alt_speed_enabled alt_speed_time_enabled blocklist_enabled " +
      "dht_enabled download_queue_enabled idle_seeding_limit_enabled " +
      "incomplete_dir_enabled lpd_enabled peer_port_random_on_start " +
      "pex_enabled port_forwarding_enabled queue_stalled_enabled " +
      "rename_partial_files script_torrent_added_enabled " +
      "script_torrent_done_enabled script_torrent_done_seeding_enabled " +
      `seed_queue_enabled seed_ratio_limited sequential_download ` +
      `start_added_torrents trash_original_torrent_files utp_enabled ` +
      SPEED_SWITCHES,
    int: "alt_speed_down alt_speed_up alt_speed_time_begin " +
      "alt_speed_time_end alt_speed_time_day cache_size_mib " +
      "download_queue_size idle_seeding_limit peer_limit_global " +
      "peer_limit_per_torrent peer_port queue_stalled_minutes reqq " +
      `seed_queue_size ${SPEEDS}`,
    number: "seed_ratio_limit",
    string: "blocklist_url default_trackers download_dir encryption " +
      "incomplete_dir script_torrent_added_filename " +
      "script_torrent_done_filename script_torrent_done_seeding_filename",
    strings: "preferred_transports",
  },
  session_stats: {},
  session_close: {},
  blocklist_update: {},
  port_test: { string: "ip_protocol" },
  free_space: { string: "path" },
  group_set: {
    bool: `honors_session_limits ${SPEED_SWITCHES}`,
    int: SPEEDS,
    string: "name",
  },
  group_get: { any: "name" },
} as const satisfies Readonly<Record<string, Kinds>>;

/** A method. */
export type RpcMethod = keyof typeof METHODS;

/** Kinds by method and parameter. */
const TABLE: ReadonlyMap<string, ReadonlyMap<string, Kind>> = new Map(
  Object.entries<Kinds>(METHODS).map(([method, kinds]) => [
    method,
    new Map(
      Object.entries(kinds).flatMap(([kind, names]) =>
        names.split(" ").map((name) => [name, kind as Kind] as const)
      ),
    ),
  ]),
);

const isInteger = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value);

/** Reads a value; `undefined` where it is of another kind. */
function read(kind: Kind, value: unknown): unknown {
  switch (kind) {
    case "any":
      return value;
    case "bool":
      if (value === 1 || value === "true") return true;
      if (value === 0 || value === "false") return false;
      return typeof value === "boolean" ? value : undefined;
    case "int":
      if (typeof value === "boolean") return Number(value);
      return isInteger(value) ? value : undefined;
    case "number": {
      const number = typeof value === "string"
        ? Number.parseFloat(value)
        : value;
      return Number.isFinite(number) ? number : undefined;
    }
    case "string":
      return typeof value === "string" ? value : undefined;
    case "ints":
      // One that stands alone is taken, too, as older clients send it.
      return isInteger(value) ? [value] : readList("int", value);
    case "strings":
      return readList("string", value);
  }
}

/** Reads those of a list that are of a kind. */
function readList(kind: "int" | "string", list: unknown): unknown {
  if (!Array.isArray(list)) return undefined;
  if (list.length > MAX_LENGTH) {
    throw new RpcError("params", `a list has ${MAX_LENGTH} members at most`);
  }
  return list.map((one) => read(kind, one)).filter((one) => one !== undefined);
}

/**
 * Tells whether there is such a method.
 *
 * @param method Its name.
 * @returns Whether there is.
 */
export function isRpcMethod(method: string): method is RpcMethod {
  return TABLE.has(method);
}

/**
 * Checks parameters.
 *
 * @param method The method.
 * @param given What was given.
 * @returns What the method takes. null counts as absent, but for `ids`, where
 * it means no torrent.
 * @throws {RpcError} `params` if a list is too long.
 */
export function checkParams(method: RpcMethod, given: RpcParams): RpcParams {
  const kinds = TABLE.get(method)!;
  const params: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const kind = kinds.get(name);
    if (kind === undefined || (value === null && name !== "ids")) continue;
    const checked = read(kind, value);
    if (checked !== undefined) params[name] = checked;
  }
  return params;
}
