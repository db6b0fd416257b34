/**
 * Options, events and figures of a daemon.
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
  /** A person stopped it, or a goal did. */
  | "stopped"
  /** It waits for its turn. */
  | "queued"
  /** It waits for room on the disk. */
  | "no-space"
  | "checking"
  /** Fetches the info dictionary from peers. */
  | "metadata"
  | "downloading"
  | "seeding"
  /** Stopped by an error; `start()` tries again. */
  | "error";

/** What a daemon tells. Names of torrents and files are as strangers gave them. */
export type DaemonEvent =
  | { readonly type: "added"; readonly torrent: DaemonTorrent }
  | { readonly type: "removed"; readonly id: number; readonly infoHash: string }
  | {
    readonly type: "status";
    readonly torrent: DaemonTorrent;
    readonly status: DaemonTorrentStatus;
  }
  | { readonly type: "metadata"; readonly torrent: DaemonTorrent }
  /** Everything that is wanted is there, where it was not before. */
  | { readonly type: "completed"; readonly torrent: DaemonTorrent }
  | {
    readonly type: "goal";
    readonly torrent: DaemonTorrent;
    /** Which one is reached. */
    readonly goal: GoalName;
  }
  | {
    readonly type: "moved";
    readonly torrent: DaemonTorrent;
    /** Where to. */
    readonly dir: string;
  }
  | {
    /** Something went wrong, in one line. */
    readonly type: "error" | "warning";
    /** With which torrent, if it was one. */
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
    /** Which ones were changed. */
    readonly names: readonly (keyof DaemonSettings)[];
  }
  | {
    readonly type: "space";
    readonly dir: string;
    /** Bytes. */
    readonly free: number;
    /** Whether downloads wait. */
    readonly low: boolean;
  }
  | {
    readonly type: "watched";
    /** The torrent file. */
    readonly file: string;
    /** What it was added as; absent where it was not. */
    readonly torrent?: DaemonTorrent | undefined;
    /** Why not. */
    readonly message?: string | undefined;
  }
  | {
    readonly type: "hook";
    readonly torrent: DaemonTorrent;
    /** Exit code of the program; absent where it could not be run. */
    readonly code?: number | undefined;
    /** What went wrong. */
    readonly message?: string | undefined;
  };

/** Options of `Daemon.open`. */
export interface DaemonOptions {
  /** The state file; made if it is not there. `":memory:"` keeps nothing. */
  readonly state: string;
  /** Where downloads end up until a person says otherwise. @default {"."} */
  readonly dir?: string | undefined;
  /** Settings that hold for this run instead of those that are kept. */
  readonly settings?: Partial<DaemonSettings> | undefined;
  /**
   * Opens the session, or options for it beside those that settings give.
   *
   * @default {Session.open with what settings give}
   */
  readonly session?:
    | SessionOptions
    | ((
      options: SessionOptions,
      settings: DaemonSettings,
    ) => Promise<Session>)
    | undefined;
  /**
   * Folders below which torrents may be stored, absolute, beside those that
   * settings name when it is opened. What a remote names outside is refused.
   *
   * @default {anywhere}
   */
  readonly allowedDirs?: readonly string[] | undefined;
  /**
   * Fetches a torrent file that is named by URL, or the magnet link that is
   * found there.
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
  /** Where it ends up. @default {that of its first label that has one, else the setting} */
  readonly dir?: string | undefined;
  /** Whether it waits for `start()`. @default {as the setting says} */
  readonly paused?: boolean | undefined;
  /** Labels. @default {[]} */
  readonly labels?: readonly string[] | undefined;
  /** By file index: 0 (left out) to 7 (first). @default {4 for each} */
  readonly filePriorities?: readonly number[] | undefined;
  /** Fetch pieces in order. @default {as the setting says} */
  readonly sequential?: boolean | undefined;
  /** The piece that order begins with; those before it come last. @default {0} */
  readonly sequentialFrom?: number | undefined;
  /** Most connections. @default {the session's} */
  readonly maxPeers?: number | undefined;
  /**
   * -1, 0 or 1: where a limit is shared, each has three times as many turns as the
   * one before.
   *
   * @default {0}
   */
  readonly bandwidthPriority?: -1 | 0 | 1 | undefined;
  /** Announce URLs beside those of the torrent. @default {[]} */
  readonly trackers?: readonly string[] | undefined;
  /** Peers to try first, as `{ hostname, port }`. @default {[]} */
  readonly peers?:
    | readonly { readonly hostname: string; readonly port: number }[]
    | undefined;
}

/** What was moved, since the start or over all runs. */
export interface DaemonTotals {
  /** Payload received, in bytes. */
  readonly downloadedBytes: number;
  /** Payload sent, in bytes. */
  readonly uploadedBytes: number;
  /** Torrents added. */
  readonly torrentsAdded: number;
  /** Runs, this one counted. */
  readonly runs: number;
  /** For how long, in milliseconds. */
  readonly activeMs: number;
}

/** Figures of a daemon. */
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
