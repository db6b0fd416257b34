/**
 * Calls that are about the daemon as a whole.
 *
 * @module
 */
import { ipScope, tryParseIp } from "../../_shared/address.ts";
import type { Session } from "../../client/session.ts";
import type { Daemon } from "../daemon.ts";
import type { BandwidthGroup, DaemonSettings } from "../settings.ts";
import type { DaemonTotals } from "../types.ts";
import { isAbsolutePath } from "./params.ts";
import type { RpcDialect, RpcParams } from "./envelope.ts";
import { RpcError } from "./error.ts";
import { snakeName } from "./names.ts";
import { getSession } from "./session_fields.ts";
import { KILO, rateOf } from "./torrent_fields.ts";

/** What is told of the daemon as a whole. */
export interface SessionSource {
  /** What is steered. */
  readonly daemon: Daemon;
  /** Of the header that keeps forged requests out. */
  readonly sessionId: string;
  /** Name and version of the program. */
  readonly version: string;
  /** Folder of the state file. */
  readonly configDir: string;
}

/** `session_get`. */
export async function readSession(
  { daemon, sessionId, version, configDir }: SessionSource,
  { fields = [] }: RpcParams,
  dialect: RpcDialect,
): Promise<RpcParams> {
  const { settings, session } = daemon;
  const names = (fields as readonly string[]).map(snakeName);
  const freeBytes = await daemon.freeSpace(settings.downloadDir)
    .then(({ free }) => free, () => -1);
  return getSession({
    settings,
    dialect,
    sessionId,
    version,
    configDir,
    freeBytes,
    blocklistSize: session.blocklist?.size ?? 0,
    peerPort: session.local?.port ?? settings.port,
  }, names);
}

/** `session_stats`. */
export function sessionStats(daemon: Daemon): RpcParams {
  const { torrents, stopped, downloadRate, uploadRate, current, total } = daemon
    .stats();
  const totals = (of: DaemonTotals) => ({
    downloaded_bytes: of.downloadedBytes,
    files_added: of.torrentsAdded,
    seconds_active: Math.floor(of.activeMs / 1000),
    session_count: of.runs,
    uploaded_bytes: of.uploadedBytes,
  });
  return {
    active_torrent_count: torrents - stopped,
    cumulative_stats: totals(total),
    current_stats: totals(current),
    download_speed: Math.round(downloadRate),
    paused_torrent_count: stopped,
    torrent_count: torrents,
    upload_speed: Math.round(uploadRate),
  };
}

/** `port_test`: whether strangers reach us, as far as can be told from here. */
export function testPort(
  session: Session,
  { ip_protocol: protocol }: RpcParams,
): RpcParams {
  if (protocol !== undefined && protocol !== "ipv4" && protocol !== "ipv6") {
    throw new RpcError("params", "invalid ip protocol string");
  }
  const length = protocol === "ipv6" ? 16 : protocol === "ipv4" ? 4 : 0;
  const isOutside = (hostname: string | undefined) => {
    const ip = tryParseIp(hostname ?? "");
    return ip !== undefined && ipScope(ip) === "global" &&
      (length === 0 || ip.length === length);
  };
  // Somebody came in, or the gateway says that everybody can.
  const isOpen =
    session.torrents.some((torrent) =>
      torrent.peers().some(({ direction, address }) =>
        direction === "inbound" && isOutside(address.hostname)
      )
    ) || (session.portMapper?.mappings() ?? []).some((mapping) =>
      mapping.protocol === "tcp" && isOutside(mapping.externalAddress)
    );
  return {
    port_is_open: isOpen,
    ...(protocol === undefined ? {} : { ip_protocol: protocol }),
  };
}

/** `blocklist_update`: fetches it, whether it counts or not. */
export async function updateBlocklist(daemon: Daemon): Promise<RpcParams> {
  try {
    if (daemon.settings.blocklist.sources.length === 0) {
      throw new Error("there is no blocklist_url");
    }
    return { blocklist_size: await daemon.updateBlocklist() };
  } catch (error) {
    const { message } = error as Error;
    throw new RpcError("http", `Couldn't fetch blocklist: ${message}`);
  }
}

/** `free_space`. */
export async function freeSpace(
  daemon: Daemon,
  { path }: RpcParams,
): Promise<RpcParams> {
  if (path === undefined) {
    throw new RpcError("params", "directory path argument is missing");
  }
  if (!isAbsolutePath(path as string)) {
    throw new RpcError("not-absolute", "directory path is not absolute");
  }
  try {
    const { free, total, exists } = await daemon.freeSpace(path as string);
    if (!exists) throw new Error("No such file or directory");
    return { path, size_bytes: free, total_size: total };
  } catch (error) {
    throw new RpcError("system", (error as Error).message, {
      path,
      size_bytes: -1,
      total_size: -1,
    });
  }
}

/** `group_get`. */
export function getGroups(
  { groups }: DaemonSettings,
  { name }: RpcParams,
): RpcParams {
  const names = new Set(
    (Array.isArray(name) ? name : [name]).filter((one) =>
      typeof one === "string"
    ),
  );
  return {
    group: Object.entries(groups)
      .filter(([name]) => names.size === 0 || names.has(name))
      .map(([name, { downloadLimit, uploadLimit, honorsSessionLimits }]) => ({
        honors_session_limits: honorsSessionLimits,
        name,
        speed_limit_down: Math.round(downloadLimit.value / KILO),
        speed_limit_down_enabled: downloadLimit.enabled,
        speed_limit_up: Math.round(uploadLimit.value / KILO),
        speed_limit_up_enabled: uploadLimit.enabled,
      })),
  };
}

/** `group_set`. */
export function setGroup(daemon: Daemon, params: RpcParams): RpcParams {
  const name = String(params.name ?? "").trim();
  if (name === "") throw new RpcError("params", "No group name given");
  const { groups } = daemon.settings;
  const none = { enabled: false, value: 1 };
  const now: BandwidthGroup = Object.hasOwn(groups, name)
    ? groups[name]!
    : { downloadLimit: none, uploadLimit: none, honorsSessionLimits: true };
  const limit = (way: "down" | "up", old: BandwidthGroup["uploadLimit"]) => {
    const value = params[`speed_limit_${way}`] as number | undefined;
    const enabled = params[`speed_limit_${way}_enabled`];
    return {
      value: value === undefined ? old.value : rateOf(value),
      enabled: enabled === undefined ? old.enabled : enabled as boolean,
    };
  };
  const group: BandwidthGroup = {
    downloadLimit: limit("down", now.downloadLimit),
    uploadLimit: limit("up", now.uploadLimit),
    honorsSessionLimits: params.honors_session_limits as boolean | undefined ??
      now.honorsSessionLimits,
  };
  daemon.set({ groups: { ...groups, [name]: group } });
  return {};
}
