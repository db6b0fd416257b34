/**
 * What a person may choose for a whole daemon. Plain JSON, kept in its state.
 *
 * @module
 */
import type { SessionOptions } from "../client/types.ts";
import type { EncryptionPolicy } from "../handshake/encryption_policy.ts";

/** A number that counts only while it is enabled. */
export interface Limit {
  /** Whether it counts. */
  readonly enabled: boolean;
  /** What it is, also while it does not count. */
  readonly value: number;
}

/** When the second set of speed limits holds by itself. Local time. */
export interface SpeedSchedule {
  /** Whether it does. */
  readonly enabled: boolean;
  /** Minute of the day at which it begins, 0 to 1439. */
  readonly beginMinute: number;
  /** Minute of the day at which it ends; before the beginning: the next day. */
  readonly endMinute: number;
  /** Days on which it begins: bit 0 is Sunday, bit 6 Saturday. */
  readonly days: number;
}

/** The second ("alternative") set of speed limits. */
export interface AltSpeed {
  /** Whether it holds now; a schedule changes this. */
  readonly enabled: boolean;
  /** Bytes a second. */
  readonly download: number;
  /** Bytes a second. */
  readonly upload: number;
  /** When it holds by itself. */
  readonly schedule: SpeedSchedule;
}

/** A group of torrents that share limits. */
export interface BandwidthGroup {
  /** Bytes a second. */
  readonly downloadLimit: Limit;
  /** Bytes a second. */
  readonly uploadLimit: Limit;
  /** Whether limits of the session hold, too. */
  readonly honorsSessionLimits: boolean;
}

/** A folder in which torrent files are looked for. */
export interface WatchSettings {
  /** Whether it is watched. */
  readonly enabled: boolean;
  /** The folder. */
  readonly dir: string;
  /** Where added files are moved; empty: renamed to `NAME.added` where they are. */
  readonly addedDir: string;
}

/** A program that is run when a torrent is complete. */
export interface HookSettings {
  /** Whether it is. */
  readonly enabled: boolean;
  /** Program and arguments; no shell, nothing is put in. */
  readonly argv: readonly string[];
}

/** What happens to a torrent that has reached a seed goal. */
export type GoalAction = "stop" | "remove";

/** Settings of a daemon; all sizes in bytes, rates in bytes a second. */
export interface DaemonSettings {
  /** Where downloads end up. */
  readonly downloadDir: string;
  /** Where they lie until they are complete; empty: there already. */
  readonly incompleteDir: string;
  /** Whether that folder is used. */
  readonly useIncompleteDir: boolean;
  /**
   * What names of files end with until they are complete; empty: with nothing
   * more. Counts from the next start.
   */
  readonly incompleteSuffix: string;
  /**
   * Whether files that other torrents have are linked instead of fetched, by pieces
   * roots (BEP 52) and hints (BEP 38).
   */
  readonly linkSimilar: boolean;
  /** How files take space. Counts from the next start. */
  readonly allocation: NonNullable<SessionOptions["allocation"]>;
  /** Where downloads with a label end up; the first label that is named counts. */
  readonly labelDirs: Readonly<Record<string, string>>;
  /** Whether added torrents start at once. */
  readonly startAdded: boolean;
  /** Whether added torrents fetch their pieces in order. */
  readonly sequential: boolean;
  /** Most bytes a second that are received. */
  readonly downloadLimit: Limit;
  /** Most bytes a second that are sent. */
  readonly uploadLimit: Limit;
  /** The second set of both. */
  readonly altSpeed: AltSpeed;
  /** Most torrents that download at a time; those that stall do not count. */
  readonly downloadQueue: Limit;
  /** Most torrents that seed at a time; those that stall do not count. */
  readonly seedQueue: Limit;
  /** Minutes without payload after which a torrent counts as stalled. */
  readonly stalledMinutes: Limit;
  /** Goal: so many times the size was sent. */
  readonly seedRatio: Limit;
  /** Goal: seeded for so many minutes. */
  readonly seedMinutes: Limit;
  /** Goal: nothing was asked for during so many minutes of seeding. */
  readonly seedIdleMinutes: Limit;
  /** What happens at a goal. */
  readonly goalAction: GoalAction;
  /** Downloads pause where fewer bytes than these are free. */
  readonly minFreeBytes: Limit;
  /** Groups of torrents that share limits, by name. */
  readonly groups: Readonly<Record<string, BandwidthGroup>>;
  /** Folders that are watched. */
  readonly watch: readonly WatchSettings[];
  /** What runs when a torrent is complete. Nothing a remote may set. */
  readonly completedHook: HookSettings;
  /** Announce URLs that every torrent uses that is not private. */
  readonly defaultTrackers: readonly string[];
  /** Block lists: files and URLs. */
  readonly blocklist: {
    /** Whether they count. */
    readonly enabled: boolean;
    /** Where they are. */
    readonly sources: readonly string[];
  };
  /** Most connections of all torrents; counts from the next start. */
  readonly maxPeers: number;
  /** Most connections of a torrent; counts from the next start. */
  readonly maxPeersPerTorrent: number;
  /** Port to listen on; 0: any. Counts from the next start. */
  readonly port: number;
  /** Whether the gateway is asked for a port. Counts from the next start. */
  readonly portMap: boolean;
  /** Whether the DHT is used. Counts from the next start. */
  readonly dht: boolean;
  /** Whether peers are looked for in the local network. Counts from the next start. */
  readonly lpd: boolean;
  /** Whether peers are exchanged with peers. Counts from the next start. */
  readonly pex: boolean;
  /** How uTP is used. Counts from the next start. */
  readonly utp: "accept" | "both" | "off";
  /** How connections are encrypted. Counts from the next start. */
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
