/**
 * Which torrents are otherwise than a minute ago.
 *
 * @module
 */
import type { Daemon } from "../daemon.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";

/** How long ago something counts as recent. Source: Transmission. */
const RECENT_MS = 60_000;

/** Whether `ids`, or one of them, means these torrents; of either dialect. */
export function isRecentlyActive(id: unknown): boolean {
  return id === "recently_active" || id === "recently-active";
}

/** Follows a daemon. */
export class RecentlyActive implements Disposable {
  readonly #daemon: Daemon;
  readonly #now: () => number;
  readonly #ending = new AbortController();
  /** When something happened to a torrent last; forgotten with it. */
  readonly #happenedAt = new WeakMap<DaemonTorrent, number>();

  /** Begins to follow. */
  constructor(daemon: Daemon, now: () => number) {
    this.#daemon = daemon;
    this.#now = now;
    void this.#follow();
  }

  /** Ends it. */
  [Symbol.dispose](): void {
    this.#ending.abort();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#ending;
    for await (const event of this.#daemon.events({ signal })) {
      if ("torrent" in event && event.torrent !== undefined) {
        this.#happenedAt.set(event.torrent, this.#now());
      }
    }
  }

  /** The torrents that are. */
  torrents(): readonly DaemonTorrent[] {
    const since = this.#now() - RECENT_MS;
    return this.#daemon.torrents.filter((torrent) => {
      const { record, status } = torrent;
      const latest = Math.max(
        this.#happenedAt.get(torrent) ?? 0,
        record.activeAt ?? 0,
        record.addedAt,
        record.editedAt ?? 0,
        record.startedAt ?? 0,
      );
      return latest >= since || status === "checking" ||
        torrent.torrent.peerCount > 0;
    });
  }

  /** Ids of those that are gone since. */
  removed(): readonly number[] {
    return this.#daemon.removedSince(this.#now() - RECENT_MS);
  }
}
