/**
 * The names of the two dialects of Transmission's RPC. Inside there is one: that
 * of version 6, words joined by `_`; the older one has camelCase and kebab-case,
 * some names this way and some that.
 *
 * @module
 */

/** Names that the older dialect joins with `-`. */
const KEBAB: ReadonlySet<string> = new Set(
  `alt_speed_down alt_speed_enabled alt_speed_time_begin alt_speed_time_day
  alt_speed_time_enabled alt_speed_time_end alt_speed_up
  anti_brute_force_enabled anti_brute_force_threshold blocklist_enabled blocklist_size blocklist_url
  config_dir cumulative_stats current_stats default_trackers
  delete_local_data dht_enabled download_dir download_dir_free_space
  download_queue_enabled download_queue_size file_count files_unwanted
  files_wanted idle_seeding_limit idle_seeding_limit_enabled incomplete_dir
  incomplete_dir_enabled lpd_enabled memory_bytes memory_units peer_limit
  peer_limit_global peer_limit_per_torrent peer_port
  peer_port_random_on_start pex_enabled port_forwarding_enabled port_is_open
  primary_mime_type priority_high priority_low priority_normal
  queue_stalled_enabled queue_stalled_minutes recently_active
  rename_partial_files rpc_version rpc_version_minimum rpc_version_semver
  script_torrent_added_enabled script_torrent_added_filename
  script_torrent_done_enabled script_torrent_done_filename
  script_torrent_done_seeding_enabled script_torrent_done_seeding_filename
  seed_queue_enabled seed_queue_size session_id size_bytes size_units
  speed_bytes speed_limit_down speed_limit_down_enabled speed_limit_up
  speed_limit_up_enabled speed_units start_added_torrents tcp_enabled
  torrent_added torrent_duplicate trash_original_torrent_files utp_enabled`
    .split(/\s+/),
);

/** Names that came with version 6 and have no other form. */
const NEW: ReadonlySet<string> = new Set(
  `begin_piece bytes_to_client bytes_to_peer downloader_count
  download_bytes_per_second end_piece ip_protocol is_downloading peer_id
  preferred_transports sequential_download sequential_download_from_piece
  webseeds_ex`.split(/\s+/),
);

/** Names whose older form is none of these. */
const ODD: ReadonlyMap<string, string> = new Map([
  ["is_utp", "isUTP"],
  ["cache_size_mib", "cache-size-mb"],
]);
const ODD_BACK: ReadonlyMap<string, string> = new Map(
  Array.from(ODD, ([name, old]) => [old, name]),
);

const MAX_NAME = 64;

/**
 * Reads a name of either dialect.
 *
 * @param name Such as `downloadDir`, `download-dir` or `download_dir`.
 * @returns Such as `download_dir`; a name that cannot be one stays as it is.
 */
export function snakeName(name: string): string {
  if (name.length > MAX_NAME) return name;
  return ODD_BACK.get(name) ??
    name.replaceAll("-", "_")
      .replace(/[A-Z]+/g, (letters) => `_${letters.toLowerCase()}`);
}

/**
 * Writes a name as the older dialect does.
 *
 * @param name Such as `download_dir`.
 * @param method The method that is answered, such as `torrent_get`.
 * @returns Such as `downloadDir`.
 */
export function legacyName(name: string, method: string): string {
  if (name === "total_size" && method === "free_space") return name;
  if (NEW.has(name)) return name;
  const odd = ODD.get(name);
  if (odd !== undefined) return odd;
  const isCamel = !KEBAB.has(name) ||
    (name === "download_dir" && method === "torrent_get");
  return isCamel
    ? name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
    : name.replaceAll("_", "-");
}

/**
 * Renames what an answer holds, however deep.
 *
 * @param value Plain JSON with names of version 6.
 * @param method The method that is answered.
 * @returns The same with names of the older dialect.
 */
export function toLegacy(value: unknown, method: string): unknown {
  if (Array.isArray(value)) return value.map((part) => toLegacy(part, method));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [name, part],
    ) => [legacyName(name, method), toLegacy(part, method)]),
  );
}

/**
 * Renames what an answer of the older dialect holds, however deep.
 *
 * @param value Plain JSON with any names.
 * @returns The same with names of version 6.
 */
export function fromLegacy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromLegacy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map((
      [name, part],
    ) => [snakeName(name), fromLegacy(part)]),
  );
}
