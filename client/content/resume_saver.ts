/**
 * Keeps the resume data of one torrent fresh.
 *
 * @module
 */
import { equalBytes } from "../../_shared/bytes.ts";
import type { Clock } from "../../_shared/clock.ts";
import type { TorrentStorage } from "../../disk/mod.ts";

/** Between two saves, in milliseconds. */
const SAVE_INTERVAL_MS = 15_000;

/** Options of {@linkcode ResumeSaver}. */
export interface ResumeSaverOptions {
  /** Keeps the data; nothing is saved when absent. */
  readonly save: ((data: Uint8Array) => Promise<void>) | undefined;
  /** What is kept already. */
  readonly saved?: Uint8Array | undefined;
  /** Clock to use. */
  readonly clock: Clock;
  /** Takes what went wrong. */
  readonly onError: (error: Error) => void;
}

/** Saves when there is something new, one save at a time. */
export class ResumeSaver {
  readonly #options: ResumeSaverOptions;
  #storage: TorrentStorage | undefined;
  #pieces = 0;
  #at = 0;
  #saving: Promise<void> | undefined;
  #again = false;
  /** What is kept. */
  #saved: Uint8Array | undefined;

  constructor(options: ResumeSaverOptions) {
    this.#options = options;
    this.#saved = options.saved;
  }

  /** Takes the storage once it is there. */
  setStorage(storage: TorrentStorage): void {
    this.#storage = storage;
    this.#pieces = storage.have.count;
  }

  /** Once a second: saves when it is time. */
  tick(now: number): void {
    if (
      now - this.#at >= SAVE_INTERVAL_MS &&
      this.#storage !== undefined && this.#storage.have.count !== this.#pieces
    ) void this.save();
  }

  /**
   * Saves what is there now, unless it is kept already. A save that is under
   * way is followed by another.
   */
  save(): Promise<void> {
    const { save, clock } = this.#options;
    const storage = this.#storage;
    if (save === undefined || storage === undefined) return Promise.resolve();
    this.#again = true;
    return this.#saving ??= (async () => {
      try {
        while (this.#again) {
          this.#again = false;
          this.#at = clock.now();
          this.#pieces = storage.have.count;
          const data = await storage.resumeData();
          if (this.#saved !== undefined && equalBytes(data, this.#saved)) {
            continue;
          }
          await save(data);
          this.#saved = data;
        }
      } catch (error) {
        this.#options.onError(
          error instanceof Error ? error : new Error(String(error)),
        );
      } finally {
        this.#saving = undefined;
      }
    })();
  }
}
