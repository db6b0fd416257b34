/**
 * Which torrents' records are to be kept, or forgotten, and when.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { DaemonTorrent } from "../daemon_torrent.ts";
import type { StateFile } from "../state/state_file.ts";

/** Forgets them; what a full disk keeps from it is tried again. */
export class Leaving {
  readonly #state: Pick<StateFile, "remove">;
  readonly #ids = new Set<number>();

  /** Makes it for a state. */
  constructor(state: Pick<StateFile, "remove">) {
    this.#state = state;
  }

  /** Forgets a torrent, now or later; the next start does what is left. */
  forget(id: number): void {
    this.#ids.add(id);
    this.retry();
  }

  /** Tries again. */
  retry(): void {
    try {
      for (const id of this.#ids) {
        this.#state.remove(id);
        this.#ids.delete(id);
      }
    } catch {
      // There is time until the next start.
    }
  }
}

/** How long a change may wait until it is kept, in milliseconds. */
const KEEP_MS = 1_000;

/** What a keeper works with. */
export interface RecordKeeperOptions {
  /** Where everything is kept. */
  readonly state: Pick<StateFile, "saveRecord" | "together">;
  /** Monotonic clock. */
  readonly clock: Clock;
  /** The place of a torrent in the queue. */
  readonly placeOf: (id: number) => number;
  /** They could not be kept; they are tried again with the next change. */
  readonly failed: (error: unknown) => void;
}

/** Keeps records that changed, all at once. */
export class RecordKeeper {
  readonly #options: RecordKeeperOptions;
  readonly #dirty = new Set<DaemonTorrent>();
  #cancel: (() => void) | undefined;

  constructor(options: RecordKeeperOptions) {
    this.#options = options;
  }

  /** Keeps a torrent's record with the next ones. */
  note(torrent: DaemonTorrent): void {
    this.#dirty.add(torrent);
  }

  /** Keeps a torrent's record soon. */
  soon(torrent: DaemonTorrent): void {
    this.note(torrent);
    const { clock } = this.#options;
    this.#cancel ??= clock.schedule(clock.now() + KEEP_MS, () => this.keep());
  }

  /** Keeps a torrent's record no more. */
  forget(torrent: DaemonTorrent): void {
    this.#dirty.delete(torrent);
  }

  /** Keeps what is not kept yet. */
  keep(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#dirty.size === 0) return;
    const { state, placeOf, failed } = this.#options;
    try {
      state.together(() => {
        for (const { id, record } of this.#dirty) {
          state.saveRecord(id, placeOf(id), record);
        }
      });
      this.#dirty.clear();
    } catch (error) {
      failed(error);
    }
  }
}
