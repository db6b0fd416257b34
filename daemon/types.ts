/**
 * Options, events and statistics of a daemon.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import type { Session } from "../client/session.ts";
import type { SessionOptions } from "../client/types.ts";
import type { IpSet } from "../handshake/ip_set.ts";
import type { DaemonTorrent } from "./daemon_torrent.ts";
import type { GoalName } from "./rules/seed_goal.ts";
import type { DaemonSettings } from "./settings.ts";

/** What a torrent of a daemon is doing. */
export type DaemonTorrentStatus =
  /** Stopped by a person or a seed goal. */
  | "stopped"
  /** Waiting in the queue. */
  | "queued"
  /** Waiting for disk space. */
  | "no-space"
  | "checking"
  /** Fetching the info dictionary from peers. */
  | "metadata"
  | "downloading"
  | "seeding"
  /** Stopped by an error; `start()` tries again. */
  | "error";

/** Events of a daemon. Names of torrents and files are not made safe to show. */
export type DaemonEvent =
  | { readonly type: "added"; readonly torrent: DaemonTorrent }
  | { readonly type: "removed"; readonly id: number; readonly infoHash: string }
  | {
    readonly type: "status";
    readonly torrent: DaemonTorrent;
    readonly status: DaemonTorrentStatus;
  }
  | { readonly type: "metadata"; readonly torrent: DaemonTorrent }
  /** All wanted files have become complete. */
  | { readonly type: "completed"; readonly torrent: DaemonTorrent }
  | {
    readonly type: "goal";
    readonly torrent: DaemonTorrent;
    /** The goal that was reached. */
    readonly goal: GoalName;
  }
  | {
    readonly type: "moved";
    readonly torrent: DaemonTorrent;
    /** The new folder. */
    readonly dir: string;
  }
  | {
    /** Something went wrong, in one line. */
    readonly type: "error" | "warning";
    /** The torrent concerned, if any. */
    readonly torrent?: DaemonTorrent | undefined;
    readonly message: string;
  }
  | {
    readonly type: "tracker";
    readonly torrent: DaemonTorrent;
    /** Scheme and host. */
    readonly tracker: string;
    readonly ok: boolean;
    /** What went wrong. */
    readonly error?: string | undefined;
  }
  | {
    readonly type: "settings";
    /** The settings that changed. */
    readonly names: readonly (keyof DaemonSettings)[];
  }
  | {
    readonly type: "space";
    readonly dir: string;
    /** Free bytes. */
    readonly free: number;
    /** Whether downloads are paused for lack of space. */
    readonly low: boolean;
  }
  | {
    readonly type: "watched";
    /** The torrent file. */
    readonly file: string;
    /** The torrent that was added, if it could be. */
    readonly torrent?: DaemonTorrent | undefined;
    /** Why it could not be added. */
    readonly message?: string | undefined;
  }
  | {
    readonly type: "hook";
    readonly torrent: DaemonTorrent;
    /** Exit code of the program; absent if it could not be run. */
    readonly code?: number | undefined;
    /** What went wrong. */
    readonly message?: string | undefined;
  };

/** Options of `Daemon.open`. */
export interface DaemonOptions {
  /** The state file; created if missing. `":memory:"` saves nothing. */
  readonly state: string;
  /** Initial value of the setting `downloadDir`. @default {"."} */
  readonly dir?: string | undefined;
  /** Settings that replace the saved ones, for this run only. */
  readonly settings?: Partial<DaemonSettings> | undefined;
  /**
   * Options for the session, in addition to those from the settings, or a function
   * that opens it.
   *
   * @default {Session.open with the options from the settings}
   */
  readonly session?:
    | SessionOptions
    | ((
      options: SessionOptions,
      settings: DaemonSettings,
    ) => Promise<Session>)
    | undefined;
  /**
   * Absolute paths of folders below which remote clients may store torrents, in
   * addition to those in the settings when it is opened.
   *
   * @default {anywhere}
   */
  readonly allowedDirs?: readonly string[] | undefined;
  /**
   * Fetches the torrent file at a URL, or the magnet link that it leads to.
   *
   * @default {URLs are refused}
   */
  readonly fetchTorrent?:
    | ((url: string, signal: AbortSignal) => Promise<Uint8Array | string>)
    | undefined;
  /**
   * Reads block lists.
   *
   * @default {the setting has no effect}
   */
  readonly loadBlocklist?:
    | ((sources: readonly string[], signal: AbortSignal) => Promise<IpSet>)
    | undefined;
  /** Monotonic clock of timers. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Reads the time: milliseconds since 1970. @default {Date.now} */
  readonly now?: (() => number) | undefined;
}

/** Options of `Daemon.add`. */
export interface DaemonAddOptions {
  /** Its folder once complete. @default {that of its first label with a folder, else `downloadDir`} */
  readonly dir?: string | undefined;
  /** Whether to add it stopped. @default {unless `startAdded` is set} */
  readonly paused?: boolean | undefined;
  /** Labels. @default {[]} */
  readonly labels?: readonly string[] | undefined;
  /** Priorities by file index, from 0 (skipped) to 7 (first). @default {4 for each} */
  readonly filePriorities?: readonly number[] | undefined;
  /** Whether to download pieces in order. @default {the setting} */
  readonly sequential?: boolean | undefined;
  /** The first piece of that order; those before it come last. @default {0} */
  readonly sequentialFrom?: number | undefined;
  /** Maximum number of connections. @default {the session's} */
  readonly maxPeers?: number | undefined;
  /**
   * -1, 0 or 1: where a limit is shared, each has three times as many turns as the
   * one before.
   *
   * @default {0}
   */
  readonly bandwidthPriority?: -1 | 0 | 1 | undefined;
  /** Additional announce URLs. @default {[]} */
  readonly trackers?: readonly string[] | undefined;
  /** Peers to try first, as `{ hostname, port }`. @default {[]} */
  readonly peers?:
    | readonly { readonly hostname: string; readonly port: number }[]
    | undefined;
}

/** Totals of this run or of all runs. */
export interface DaemonTotals {
  /** Payload received, in bytes. */
  readonly downloadedBytes: number;
  /** Payload sent, in bytes. */
  readonly uploadedBytes: number;
  /** Torrents added. */
  readonly torrentsAdded: number;
  /** Number of runs, including this one. */
  readonly runs: number;
  /** Running time, in milliseconds. */
  readonly activeMs: number;
}

/** Statistics of a daemon. */
export interface DaemonStats {
  /** Torrents. */
  readonly torrents: number;
  /** Torrents that have a turn. */
  readonly running: number;
  /** Torrents that a person stopped. */
  readonly stopped: number;
  /** Payload received, in bytes a second. */
  readonly downloadRate: number;
  /** Payload sent, in bytes a second. */
  readonly uploadRate: number;
  /** Connected peers. */
  readonly peers: number;
  /** Of this run. */
  readonly current: DaemonTotals;
  /** Of all runs. */
  readonly total: DaemonTotals;
}
