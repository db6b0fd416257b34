/**
 * What a person may choose for a whole daemon. Plain JSON, kept in its state.
 *
 * @module
 */
import type { SessionOptions } from "../client/types.ts";
import type { EncryptionPolicy } from "../handshake/encryption_policy.ts";

/** A number that can be switched off. */
export interface Limit {
  /** Whether it applies. */
  readonly enabled: boolean;
  /** The number; kept while it is switched off. */
  readonly value: number;
}

/** When the alternative speed limits apply automatically. Local time. */
export interface SpeedSchedule {
  /** Whether the schedule is used. */
  readonly enabled: boolean;
  /** Minute of the day at which it begins, 0 to 1439. */
  readonly beginMinute: number;
  /** Minute of the day at which it ends; before the beginning: the next day. */
  readonly endMinute: number;
  /** Days on which it begins: bit 0 is Sunday, bit 6 Saturday. */
  readonly days: number;
}

/** The second set of speed limits, called alternative. */
export interface AltSpeed {
  /** Whether it applies now; the schedule changes this. */
  readonly enabled: boolean;
  /** Bytes a second. */
  readonly download: number;
  /** Bytes a second. */
  readonly upload: number;
  /** When it applies automatically. */
  readonly schedule: SpeedSchedule;
}

/** A group of torrents that share limits. */
export interface BandwidthGroup {
  /** Bytes a second. */
  readonly downloadLimit: Limit;
  /** Bytes a second. */
  readonly uploadLimit: Limit;
  /** Whether the limits of the session apply as well. */
  readonly honorsSessionLimits: boolean;
}

/** A folder that is watched for torrent files. */
export interface WatchSettings {
  /** Whether it is watched. */
  readonly enabled: boolean;
  /** The folder. */
  readonly dir: string;
  /** Where added files are moved; empty: renamed to `NAME.added` where they are. */
  readonly addedDir: string;
}

/** A program to run when a torrent is complete. */
export interface HookSettings {
  /** Whether it is run. */
  readonly enabled: boolean;
  /** Program and arguments, passed as they are, without a shell. */
  readonly argv: readonly string[];
}

/** What happens to a torrent that has reached a seed goal. */
export type GoalAction = "stop" | "remove";

/** Settings of a daemon; all sizes in bytes, rates in bytes a second. */
export interface DaemonSettings {
  /** Folder for complete downloads. */
  readonly downloadDir: string;
  /** Folder for incomplete downloads; empty for the same one. */
  readonly incompleteDir: string;
  /** Whether `incompleteDir` is used. */
  readonly useIncompleteDir: boolean;
  /**
   * Suffix of the names of incomplete files; empty for none. Takes effect at the
   * next start.
   */
  readonly incompleteSuffix: string;
  /**
   * Whether files that other torrents already have are hard-linked instead of
   * downloaded; found by pieces roots (BEP 52) and hints (BEP 38).
   */
  readonly linkSimilar: boolean;
  /** How disk space is allocated. Takes effect at the next start. */
  readonly allocation: NonNullable<SessionOptions["allocation"]>;
  /** Folders for complete downloads by label; the first label listed here decides. */
  readonly labelDirs: Readonly<Record<string, string>>;
  /** Whether torrents start as soon as they are added. */
  readonly startAdded: boolean;
  /** Whether added torrents download their pieces in order. */
  readonly sequential: boolean;
  /** Maximum download rate, in bytes a second. */
  readonly downloadLimit: Limit;
  /** Maximum upload rate, in bytes a second. */
  readonly uploadLimit: Limit;
  /** Alternative limits for both. */
  readonly altSpeed: AltSpeed;
  /** Maximum number of active downloads; stalled ones do not count. */
  readonly downloadQueue: Limit;
  /** Maximum number of active seeds; stalled ones do not count. */
  readonly seedQueue: Limit;
  /** Minutes without payload after which a torrent counts as stalled. */
  readonly stalledMinutes: Limit;
  /** Goal: bytes uploaded, as a multiple of the size. */
  readonly seedRatio: Limit;
  /** Goal: minutes of seeding. */
  readonly seedMinutes: Limit;
  /** Goal: minutes of seeding without any upload. */
  readonly seedIdleMinutes: Limit;
  /** What happens when a goal is reached. */
  readonly goalAction: GoalAction;
  /** Downloads pause while fewer bytes than this are free on their disk. */
  readonly minFreeBytes: Limit;
  /** Groups of torrents with shared limits, by name. */
  readonly groups: Readonly<Record<string, BandwidthGroup>>;
  /** Watched folders. */
  readonly watch: readonly WatchSettings[];
  /** What runs when a torrent is complete. Remote clients cannot set it. */
  readonly completedHook: HookSettings;
  /** Announce URLs for all torrents that are not private. */
  readonly defaultTrackers: readonly string[];
  /** Block lists: files and URLs. */
  readonly blocklist: {
    /** Whether they are used. */
    readonly enabled: boolean;
    /** Paths and URLs. */
    readonly sources: readonly string[];
  };
  /** Maximum number of connections. Takes effect at the next start. */
  readonly maxPeers: number;
  /** Maximum number of connections per torrent. Takes effect at the next start. */
  readonly maxPeersPerTorrent: number;
  /** Port to listen on; 0 for any. Takes effect at the next start. */
  readonly port: number;
  /** Whether to map a port on the gateway. Takes effect at the next start. */
  readonly portMap: boolean;
  /** Whether to use the DHT. Takes effect at the next start. */
  readonly dht: boolean;
  /** Whether to look for peers on the local network. Takes effect at the next start. */
  readonly lpd: boolean;
  /** Whether to exchange peers with others (PEX). Takes effect at the next start. */
  readonly pex: boolean;
  /** How uTP is used. Takes effect at the next start. */
  readonly utp: "accept" | "both" | "off";
  /** How connections are encrypted. Takes effect at the next start. */
  readonly encryption: EncryptionPolicy;
}

const OFF = (value: number): Limit => ({ enabled: false, value });
const ON = (value: number): Limit => ({ enabled: true, value });

/** What a daemon begins with. */
export const DEFAULT_SETTINGS: DaemonSettings = {
  downloadDir: ".",
  incompleteDir: "",
  useIncompleteDir: true,
  incompleteSuffix: "",
  linkSimilar: false,
  allocation: "sparse",
  labelDirs: {},
  startAdded: true,
  sequential: false,
  downloadLimit: OFF(1_000_000),
  uploadLimit: OFF(1_000_000),
  altSpeed: {
    enabled: false,
    download: 50_000,
    upload: 50_000,
    schedule: { enabled: false, beginMinute: 540, endMinute: 1020, days: 127 },
  },
  downloadQueue: ON(5),
  seedQueue: OFF(10),
  stalledMinutes: ON(30),
  seedRatio: OFF(2),
  seedMinutes: OFF(1440),
  seedIdleMinutes: OFF(30),
  goalAction: "stop",
  minFreeBytes: ON(64 * 1024 * 1024),
  groups: {},
  watch: [],
  completedHook: { enabled: false, argv: [] },
  defaultTrackers: [],
  blocklist: { enabled: false, sources: [] },
  maxPeers: 500,
  maxPeersPerTorrent: 100,
  port: 6881,
  portMap: true,
  dht: true,
  lpd: true,
  pex: true,
  utp: "accept",
  encryption: "prefer",
};
