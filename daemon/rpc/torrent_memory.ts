/**
 * What the protocol knows of torrents beside what the daemon does: numbers of
 * trackers, the priority that a file has again when it is wanted again, and what
 * was chosen while files were checked.
 *
 * @module
 */
import type { DaemonTorrent } from "../daemon_torrent.ts";
import { DEFAULT_PRIORITY } from "../../select/selection_strategy.ts";

/** Priorities from 1 to 7 of those from -1 to 1. */
const LEVELS: Readonly<Record<number, number>> = { [-1]: 1, 0: 4, 1: 7 };

/** What is said of files. */
export interface FileChoice {
  readonly wanted?: boolean | undefined;
  /** -1, 0 or 1. */
  readonly priority?: number | undefined;
}

/** A file's place in the protocol's terms. */
export interface FileState {
  readonly wanted: boolean;
  /** -1, 0 or 1. */
  readonly priority: number;
}

interface Memory {
  /** Numbers of announce URLs. */
  readonly trackers: Map<string, number>;
  /** Priorities of files that are left out, -1 to 1. */
  readonly hidden: Map<number, number>;
  /** What waits for the end of a check, 0 to 7. */
  readonly waiting: Map<number, number>;
}

/** Remembers, as long as the torrents are there. */
export class TorrentMemory {
  readonly #torrents = new WeakMap<DaemonTorrent, Memory>();

  #of(torrent: DaemonTorrent): Memory {
    let memory = this.#torrents.get(torrent);
    if (memory === undefined) {
      memory = { trackers: new Map(), hidden: new Map(), waiting: new Map() };
      this.#torrents.set(torrent, memory);
    }
    return memory;
  }

  /** Number of a tracker, the same however they are ordered. */
  trackerId(torrent: DaemonTorrent, url: string): number {
    const { trackers } = this.#of(torrent);
    const id = trackers.get(url) ?? trackers.size;
    trackers.set(url, id);
    return id;
  }

  /** How a file is wanted. */
  file(torrent: DaemonTorrent, index: number, level: number): FileState {
    const memory = this.#torrents.get(torrent);
    const now = memory?.waiting.get(index) ?? level;
    return now === 0
      ? { wanted: false, priority: memory?.hidden.get(index) ?? 0 }
      : { wanted: true, priority: Math.sign(now - DEFAULT_PRIORITY) };
  }

  /**
   * Wants files otherwise.
   *
   * @param torrent Of which torrent.
   * @param choices By index.
   */
  async choose(
    torrent: DaemonTorrent,
    choices: ReadonlyMap<number, FileChoice>,
  ): Promise<void> {
    const { hidden, waiting } = this.#of(torrent);
    const { files } = torrent.torrent;
    for (const [index, choice] of choices) {
      const level = files[index]!.priority;
      const now = this.file(torrent, index, level);
      const { wanted = now.wanted, priority = now.priority } = choice;
      if (wanted) hidden.delete(index);
      else hidden.set(index, priority);
      const isSame = wanted === now.wanted &&
        (!wanted || priority === now.priority);
      if (!isSame) waiting.set(index, wanted ? LEVELS[priority]! : 0);
    }
    await this.settle(torrent);
  }

  /** Has the client know what was chosen, unless files are being checked. */
  async settle(torrent: DaemonTorrent): Promise<void> {
    const waiting = this.#torrents.get(torrent)?.waiting;
    if (waiting === undefined || waiting.size === 0) return;
    if (torrent.torrent.pieces() === undefined) return;
    const chosen = new Map(waiting);
    waiting.clear();
    await torrent.setFilePriorities(chosen);
  }
}
