/**
 * Which parameters each method takes, and of what kind. What is not named here
 * is passed over, as Transmission does; what is, and is of another kind, is an
 * error.
 *
 * @module
 */
import type { RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";

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
  const isList = Array.isArray(value) && value.length <= MAX_LENGTH;
  switch (kind) {
    case "any":
      return value;
    case "bool":
      if (value === 0 || value === 1) return value === 1;
      return typeof value === "boolean" ? value : undefined;
    case "int":
      return isInteger(value) ? value : undefined;
    case "number":
      return typeof value === "number" ? value : undefined;
    case "string":
      return typeof value === "string" ? value : undefined;
    case "ints":
      // One that stands alone is taken, too, as older clients send it.
      if (isInteger(value)) return [value];
      return isList && value.every(isInteger) ? value : undefined;
    case "strings":
      return isList && value.every((part) => typeof part === "string")
        ? value
        : undefined;
  }
}

const NOUNS: Readonly<Record<Kind, string>> = {
  any: "anything",
  bool: "a boolean",
  int: "a whole number",
  number: "a number",
  string: "a string",
  ints: "an array of whole numbers",
  strings: "an array of strings",
};

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
 * @returns What the method takes; null counts as absent.
 * @throws {RpcError} `params` if one is of another kind.
 */
export function checkParams(method: RpcMethod, given: RpcParams): RpcParams {
  const kinds = TABLE.get(method)!;
  const params: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const kind = kinds.get(name);
    if (kind === undefined || value === null || value === undefined) continue;
    const checked = read(kind, value);
    if (checked === undefined) {
      throw new RpcError("params", `${name} must be ${NOUNS[kind]}`);
    }
    params[name] = checked;
  }
  return params;
}
