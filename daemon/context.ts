/**
 * What the torrents of a daemon ask of it.
 *
 * @module
 */
import type { SavedTorrent } from "../client/mod.ts";
import type { Torrent } from "../client/torrent.ts";
import type { DaemonTorrent } from "./daemon_torrent.ts";
import type { DaemonEvent } from "./types.ts";

/** The daemon as its torrents see it. */
export interface DaemonContext {
  /** Reads the time: milliseconds since 1970. */
  now(): number;
  /** Place in the queue, from 0. */
  placeOf(id: number): number;
  /** Whether it is its turn. */
  hasTurn(id: number): boolean;
  /** Whether it waits for room on the disk. */
  lacksSpace(id: number): boolean;
  /** 0 to 1 while it is checked. */
  checkProgress(id: number): number | undefined;
  /** For how long payload has not moved while it runs, in milliseconds. */
  idleMs(id: number): number | undefined;
  /** Its record is otherwise: it is to be kept, and told to who asks. */
  changed(torrent: DaemonTorrent): void;
  /** Keeps what changed, at once. */
  keep(): void;
  /** Gives turns anew. */
  plan(): void;
  /** Something went wrong. */
  failed(torrent: DaemonTorrent, error: unknown): void;
  /** Has the client obey the limits of a torrent. */
  applyLimits(torrent: DaemonTorrent): void;
  /** Makes a folder's name absolute; throws where it may not be used. */
  allowedDir(dir: string): string;
  /** Tells who listens. */
  publish(event: DaemonEvent): void;
  /** Adds a torrent to the session again. */
  reopen(id: number, saved: SavedTorrent): Torrent;
  /** Keeps what the client knows. */
  saveOptions(torrent: DaemonTorrent): Promise<void>;
}
