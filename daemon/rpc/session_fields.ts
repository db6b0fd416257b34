/**
 * Settings as the protocol calls them. Source: Transmission, docs/rpc-spec.md,
 * 4.1.
 *
 * @module
 */
import type { EncryptionPolicy } from "../../handshake/encryption_policy.ts";
import type { AltSpeed, DaemonSettings, Limit } from "../settings.ts";
import { RpcError } from "./error.ts";
import type { RpcDialect, RpcParams } from "./envelope.ts";
import { KILO, rateOf } from "./torrent_fields.ts";
import { isAbsolutePath } from "./params.ts";

/** What the answer is made with. */
export interface SessionFacts {
  /** The settings. */
  readonly settings: DaemonSettings;
  /** Whose names are used. */
  readonly dialect: RpcDialect;
  /** Of the session id header. */
  readonly sessionId: string;
  /** Name and version of the program. */
  readonly version: string;
  /** Folder of the state file. */
  readonly configDir: string;
  /** Rules of the block list. */
  readonly blocklistSize: number;
  /** Port that others can connect to. */
  readonly peerPort: number;
  /** Bytes that are free where downloads go, -1 if that is not known. */
  readonly freeBytes: number;
}

type Changes = {
  -readonly [Name in keyof DaemonSettings]?: DaemonSettings[Name];
};

/** How a setting is read, and changed where it can be. */
interface Setting {
  readonly get: (facts: SessionFacts) => unknown;
  /** Gives what changes; the value is of the kind that `params.ts` names. */
  readonly set?: (value: never, now: Changes & DaemonSettings) => Changes;
}

type LimitName = {
  [Name in keyof DaemonSettings]: DaemonSettings[Name] extends Limit ? Name
    : never;
}[keyof DaemonSettings];

/** The number of a limit. */
function amount(name: LimitName): Setting {
  return {
    get: ({ settings }) => settings[name].value,
    set: (value: number, now) => ({
      [name]: { ...now[name], value: Math.max(0, value) },
    }),
  };
}

/** A rate, in kB/s. */
function rate(name: LimitName): Setting {
  return {
    get: ({ settings }) => Math.round(settings[name].value / KILO),
    set: (value: number, now) => ({
      [name]: { ...now[name], value: rateOf(value) },
    }),
  };
}

/** Its switch. */
function enabled(name: LimitName): Setting {
  return {
    get: ({ settings }) => settings[name].enabled,
    set: (value: boolean, now) => ({
      [name]: { ...now[name], enabled: value },
    }),
  };
}

/** A setting that is the same in both. */
function same(
  name:
    | "startAdded"
    | "sequential"
    | "portMap"
    | "dht"
    | "lpd"
    | "pex"
    | "maxPeers"
    | "maxPeersPerTorrent",
): Setting {
  return {
    get: ({ settings }) => settings[name],
    set: (value: never) => ({ [name]: value }),
  };
}

function altSpeed(
  get: (alt: AltSpeed) => unknown,
  set: (value: never, alt: AltSpeed) => Partial<AltSpeed>,
): Setting {
  return {
    get: ({ settings }) => get(settings.altSpeed),
    set: (value, now) => ({
      altSpeed: { ...now.altSpeed, ...set(value, now.altSpeed) },
    }),
  };
}

function schedule(
  name: keyof AltSpeed["schedule"],
): Setting {
  return altSpeed(
    (alt) => alt.schedule[name],
    (value: never, alt) => ({ schedule: { ...alt.schedule, [name]: value } }),
  );
}

const fixed = (value: unknown): Setting => ({ get: () => value });

/** Takes no other value than the one there is. */
function unchangeable(
  what: string,
  value: (facts: SessionFacts) => unknown,
): Setting {
  return {
    get: value,
    set(wanted: unknown, now) {
      if (wanted === value({ settings: now } as SessionFacts)) return {};
      throw new RpcError("params", `${what} cannot be changed from afar`);
    },
  };
}

const hookProgram = ({ settings }: SessionFacts) =>
  settings.completedHook.argv[0] ?? "";
const hookEnabled = ({ settings }: SessionFacts) =>
  settings.completedHook.enabled;

const POLICIES: Readonly<Record<string, EncryptionPolicy>> = {
  required: "require",
  preferred: "prefer",
  allowed: "allow",
  tolerated: "allow",
};

function encryptionOf({ settings, dialect }: SessionFacts): string {
  const { encryption } = settings;
  if (encryption.startsWith("require")) return "required";
  if (encryption === "prefer") return "preferred";
  return dialect === "legacy" ? "tolerated" : "allowed";
}

function absolute(path: string, of: string): string {
  if (isAbsolutePath(path)) return path;
  throw new RpcError("not-absolute", `${of} directory path is not absolute`);
}

const usesIncompleteDir = (
  { incompleteDir, useIncompleteDir }: DaemonSettings,
) => useIncompleteDir && incompleteDir !== "";

function checkPort(value: number): number {
  if (value >= 0 && value <= 65535) return value;
  throw new RpcError("params", "peer_port must be a number from 0 to 65535");
}

const UNITS = {
  memory_bytes: 1024,
  memory_units: ["B", "KiB", "MiB", "GiB", "TiB"],
  size_bytes: KILO,
  size_units: ["B", "kB", "MB", "GB", "TB"],
  speed_bytes: KILO,
  speed_units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"],
};

/** Version of the protocol: 4.1.1 of Transmission speaks it, too. */
export const RPC_SEMVER = "6.0.1";

/** The settings by name. */
export const SESSION_FIELDS: Readonly<Record<string, Setting>> = {
  alt_speed_down: altSpeed(
    ({ download }) => Math.round(download / KILO),
    (value: number) => ({ download: rateOf(value) }),
  ),
  alt_speed_enabled: altSpeed(
    (alt) => alt.enabled,
    (value: boolean) => ({ enabled: value }),
  ),
  alt_speed_time_begin: schedule("beginMinute"),
  alt_speed_time_day: schedule("days"),
  alt_speed_time_enabled: schedule("enabled"),
  alt_speed_time_end: schedule("endMinute"),
  alt_speed_up: altSpeed(
    ({ upload }) => Math.round(upload / KILO),
    (value: number) => ({ upload: rateOf(value) }),
  ),
  anti_brute_force_enabled: fixed(true),
  anti_brute_force_threshold: fixed(1),
  blocklist_enabled: {
    get: ({ settings }) => settings.blocklist.enabled,
    set: (value: boolean, { blocklist }) => ({
      blocklist: { ...blocklist, enabled: value },
    }),
  },
  blocklist_size: { get: ({ blocklistSize }) => blocklistSize },
  blocklist_url: {
    get: ({ settings }) => settings.blocklist.sources[0] ?? "",
    set(value: string, { blocklist }) {
      if (value !== "" && !/^https?:\/\//i.test(value)) {
        throw new RpcError("params", "blocklist_url must be an http(s) URL");
      }
      const sources = value === "" ? [] : [value];
      return { blocklist: { ...blocklist, sources } };
    },
  },
  cache_size_mib: fixed(4),
  config_dir: { get: ({ configDir }) => configDir },
  default_trackers: {
    get: ({ settings }) => settings.defaultTrackers.join("\n\n"),
    set: (value: string) => ({
      defaultTrackers: value.split(/\s+/).filter((url) => url !== ""),
    }),
  },
  dht_enabled: same("dht"),
  download_dir: {
    get: ({ settings }) => settings.downloadDir,
    set: (value: string) =>
      value === "" ? {} : { downloadDir: absolute(value, "download") },
  },
  download_dir_free_space: { get: ({ freeBytes }) => freeBytes },
  download_queue_enabled: enabled("downloadQueue"),
  download_queue_size: amount("downloadQueue"),
  encryption: {
    get: encryptionOf,
    set(value: string, now) {
      if (!Object.hasOwn(POLICIES, value)) {
        throw new RpcError(
          "params",
          'must be one of "preferred", "required" or "allowed"',
        );
      }
      // RC4 alone, and none at all, are more than the protocol can say.
      const isSame =
        encryptionOf({ settings: now, dialect: "json-rpc" } as SessionFacts) ===
          value.replace("tolerated", "allowed");
      return isSame ? {} : { encryption: POLICIES[value]! };
    },
  },
  idle_seeding_limit: amount("seedIdleMinutes"),
  idle_seeding_limit_enabled: enabled("seedIdleMinutes"),
  incomplete_dir: {
    get: ({ settings }) => settings.incompleteDir || settings.downloadDir,
    set(value: string, now) {
      const { incompleteDir, downloadDir, useIncompleteDir } = now;
      if (value === "" || value === (incompleteDir || downloadDir)) return {};
      return {
        incompleteDir: absolute(value, "incomplete torrents"),
        // What is switched off stays so.
        useIncompleteDir: useIncompleteDir && incompleteDir !== "",
      };
    },
  },
  incomplete_dir_enabled: {
    get: ({ settings }) => usesIncompleteDir(settings),
    set: (value: boolean, now) =>
      value === usesIncompleteDir(now) ? {} : {
        useIncompleteDir: value,
        incompleteDir: now.incompleteDir || now.downloadDir,
      },
  },
  lpd_enabled: same("lpd"),
  peer_limit_global: same("maxPeers"),
  peer_limit_per_torrent: same("maxPeersPerTorrent"),
  peer_port: {
    get: ({ peerPort }) => peerPort,
    set: (value: number) => ({ port: checkPort(value) }),
  },
  peer_port_random_on_start: {
    get: ({ settings }) => settings.port === 0,
    set: (value: boolean, now) =>
      value ? { port: 0 } : now.port === 0 ? { port: 6881 } : {},
  },
  pex_enabled: same("pex"),
  port_forwarding_enabled: same("portMap"),
  preferred_transports: {
    get: ({ settings: { utp } }) =>
      utp === "off"
        ? ["tcp"]
        : utp === "both"
        ? ["utp", "tcp"]
        : ["tcp", "utp"],
    set: (value: readonly string[]) => ({ utp: utpOf(value) }),
  },
  queue_stalled_enabled: enabled("stalledMinutes"),
  queue_stalled_minutes: amount("stalledMinutes"),
  rename_partial_files: {
    get: ({ settings }) => settings.incompleteSuffix !== "",
    set: (value: boolean, now) =>
      value === (now.incompleteSuffix !== "")
        ? {}
        : { incompleteSuffix: value ? ".part" : "" },
  },
  reqq: fixed(500),
  rpc_version: fixed(19),
  rpc_version_minimum: fixed(14),
  rpc_version_semver: fixed(RPC_SEMVER),
  script_torrent_added_enabled: unchangeable("Programs", () => false),
  script_torrent_added_filename: unchangeable("Programs", () => ""),
  script_torrent_done_enabled: unchangeable("Programs", hookEnabled),
  script_torrent_done_filename: unchangeable("Programs", hookProgram),
  script_torrent_done_seeding_enabled: unchangeable("Programs", () => false),
  script_torrent_done_seeding_filename: unchangeable("Programs", () => ""),
  seed_queue_enabled: enabled("seedQueue"),
  seed_queue_size: amount("seedQueue"),
  seed_ratio_limit: amount("seedRatio"),
  seed_ratio_limited: enabled("seedRatio"),
  sequential_download: same("sequential"),
  session_id: { get: ({ sessionId }) => sessionId },
  speed_limit_down: rate("downloadLimit"),
  speed_limit_down_enabled: enabled("downloadLimit"),
  speed_limit_up: rate("uploadLimit"),
  speed_limit_up_enabled: enabled("uploadLimit"),
  start_added_torrents: same("startAdded"),
  tcp_enabled: fixed(true),
  trash_original_torrent_files: fixed(false),
  units: fixed(UNITS),
  utp_enabled: {
    get: ({ settings }) => settings.utp !== "off",
    set: (value: boolean, now) => ({
      utp: !value ? "off" : now.utp === "off" ? "accept" : now.utp,
    }),
  },
  version: { get: ({ version }) => version },
};

function utpOf(transports: readonly string[]): DaemonSettings["utp"] {
  const known = transports.every((name) => name === "utp" || name === "tcp");
  if (!known || new Set(transports).size !== transports.length) {
    throw new RpcError(
      "params",
      'the list must be unique with the values "utp" or "tcp"',
    );
  }
  if (!transports.includes("utp")) return "off";
  return transports[0] === "utp" ? "both" : "accept";
}

/**
 * Reads settings.
 *
 * @param facts What is so.
 * @param fields Which ones; all if none of them is one.
 * @returns Them by name.
 */
export function getSession(
  facts: SessionFacts,
  fields: readonly string[],
): RpcParams {
  const known = fields.filter((name) => Object.hasOwn(SESSION_FIELDS, name));
  const names = known.length > 0 ? known : Object.keys(SESSION_FIELDS);
  return Object.fromEntries(
    names.map((name) => [name, SESSION_FIELDS[name]!.get(facts)]),
  );
}

/**
 * Finds out what is to change.
 *
 * @param params Settings by name.
 * @param settings What is so.
 * @returns What changes.
 * @throws {RpcError} If one makes no sense.
 */
export function sessionChanges(
  params: RpcParams,
  settings: DaemonSettings,
): Partial<DaemonSettings> {
  let changes: Changes = {};
  // What is switched on first has its value then, in whatever order they come.
  const isSwitch = (name: string) => Number(name.endsWith("_enabled"));
  const inOrder = Object.entries(params)
    .sort(([a], [b]) => isSwitch(b) - isSwitch(a));
  for (const [name, value] of inOrder) {
    const { set } = SESSION_FIELDS[name] ?? {};
    if (set === undefined) continue;
    const now = { ...settings, ...changes };
    changes = { ...changes, ...set(value as never, now) };
  }
  return changes;
}
