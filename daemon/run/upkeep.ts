/**
 * What a daemon does by the clock beside its torrents: folders that are watched,
 * room on disks, the schedule of speed limits.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import { SpaceMachine } from "../rules/space_machine.ts";
import { SpeedScheduleMachine } from "../rules/speed_schedule.ts";
import type { DaemonSettings, WatchSettings } from "../settings.ts";
import type { DaemonEvent } from "../types.ts";
import type { Engine } from "./engine.ts";
import { WatchFolder } from "./watch_folder.ts";
import { DaemonError } from "../error.ts";

/**
 * Asks the system.
 *
 * @param dir An absolute folder; the nearest one above it that exists counts.
 * @returns Bytes, and whether the folder itself exists.
 * @throws {DaemonError} `not-found` if it cannot tell.
 */
export async function freeSpace(
  dir: string,
): Promise<{ free: number; total: number; exists: boolean }> {
  const { statfs } = await import("node:fs/promises");
  for (let at = dir;; at = at.replace(/\/[^/]*$/, "") || "/") {
    try {
      const { bavail, blocks, bsize } = await statfs(at);
      const exists = at === dir;
      return { free: bavail * bsize, total: blocks * bsize, exists };
    } catch (error) {
      const { code, name, message } = error as Error & { code?: string };
      if (name === "NotCapable") throw error;
      if (code === "ENOENT" && at !== "/" && at.includes("/")) continue;
      throw new DaemonError(
        "not-found",
        `Cannot find out the free space at ${JSON.stringify(dir)}: ${message}`,
        { cause: error },
      );
    }
  }
}

/** Between two rounds, in milliseconds. */
const ROUND_MS = 5_000;

/** What upkeep works with. */
export interface UpkeepOptions {
  /** The torrents. */
  readonly engine: Engine;
  /** What holds now. */
  readonly settings: () => DaemonSettings;
  /** Switches the second set of speed limits. */
  readonly setAltSpeed: (enabled: boolean) => void;
  /** Keeps figures of the daemon as a whole. */
  readonly keepFigures: () => void;
  /** Adds a torrent. */
  readonly add: (source: Uint8Array | string) => Promise<DaemonTorrent>;
  /** Monotonic clock. */
  readonly clock: Clock;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How much is free in a folder. @default {the system says} */
  readonly freeSpace?: ((dir: string) => Promise<number>) | undefined;
}

/** Goes round every few seconds. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  readonly #schedule = new SpeedScheduleMachine();
  readonly #space = new SpaceMachine();
  #folders = new Map<string, WatchFolder<DaemonTorrent>>();
  #cancel: () => void = () => {};
  #round: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#next();
  }

  /** Goes round now. */
  go(): Promise<void> {
    this.#cancel();
    return this.#round = this.#round.then(async () => {
      if (this.#closed) return;
      try {
        this.#lookAtClock();
        await this.#lookAtDisks();
        await this.#lookAtFolders();
        this.#options.keepFigures();
      } catch (error) {
        this.#options.engine.failed(undefined, error);
      }
      this.#next();
    });
  }

  /** Stops. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#round;
  }

  #next(): void {
    const { clock } = this.#options;
    this.#cancel();
    if (this.#closed) return;
    this.#cancel = clock.schedule(clock.now() + ROUND_MS, () => void this.go());
  }

  #publish(event: DaemonEvent): void {
    this.#options.engine.publish(event);
  }

  #lookAtClock(): void {
    const { settings, setAltSpeed, now } = this.#options;
    const time = new Date(now());
    const enabled = this.#schedule.handleTime(settings().altSpeed.schedule, {
      day: time.getDay(),
      minute: time.getHours() * 60 + time.getMinutes(),
    });
    if (enabled !== undefined && enabled !== settings().altSpeed.enabled) {
      setAltSpeed(enabled);
    }
  }

  async #lookAtDisks(): Promise<void> {
    const { engine, settings } = this.#options;
    const { enabled, value } = settings().minFreeBytes;
    const dirs = new Set<string>();
    if (enabled) {
      for (const { record, torrent } of engine.torrents.values()) {
        if (record.complete || !record.wanted) continue;
        if (torrent.dir !== undefined) dirs.add(torrent.dir);
      }
    }
    this.#space.keepOnly(dirs);
    for (const dir of dirs) {
      try {
        const free = await this.#free(dir);
        if (!this.#space.handleSpace(dir, free, value)) continue;
        const low = this.#space.full.has(dir);
        this.#publish({ type: "space", dir, free, low });
      } catch {
        // Where it cannot be told, writing tells.
      }
    }
    const full = [...this.#space.full];
    const isSame = full.length === engine.fullDirs.size &&
      full.every((dir) => engine.fullDirs.has(dir));
    if (isSame) return;
    engine.fullDirs.clear();
    for (const dir of full) engine.fullDirs.add(dir);
    engine.plan();
  }

  async #free(dir: string): Promise<number> {
    const ask = this.#options.freeSpace;
    return ask === undefined ? (await freeSpace(dir)).free : await ask(dir);
  }

  async #lookAtFolders(): Promise<void> {
    const before = this.#folders;
    this.#folders = new Map();
    for (const watch of this.#options.settings().watch) {
      if (!watch.enabled) continue;
      const key = JSON.stringify(watch);
      this.#folders.set(key, before.get(key) ?? this.#folder(watch));
    }
    for (const folder of this.#folders.values()) await folder.look();
  }

  #folder(watch: WatchSettings): WatchFolder<DaemonTorrent> {
    return new WatchFolder(watch, {
      add: this.#options.add,
      told: (file, torrent, message) =>
        this.#publish({ type: "watched", file, torrent, message }),
    });
  }
}
