/**
 * The disk managers of a session, one for each place, on one budget.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { DiskBudget, type DiskBudgetOptions } from "../../disk/budget.ts";
import { DiskManager } from "../../disk/manager.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import type { Place } from "../content/open_storage.ts";

/** A disk manager and how many torrents use it. */
interface SharedDisk {
  readonly manager: DiskManager;
  torrents: number;
}

/** Disk managers by folder or file system; each lives as long as it is used. */
export class SessionDisks {
  readonly #disks = new Map<Place, SharedDisk>();
  readonly #budget: DiskBudget;
  readonly #clock: Clock | undefined;

  constructor(
    options: DiskBudgetOptions & { readonly clock?: Clock | undefined },
  ) {
    this.#budget = new DiskBudget(options);
    this.#clock = options.clock;
  }

  /** Bytes waiting to be written. */
  get bufferedBytes(): number {
    return this.#budget.bufferedBytes;
  }

  /** How long reads, writes and hashes took. */
  get timings(): DiskBudget["timings"] {
    return this.#budget.timings;
  }

  /** Gives the manager of a place. */
  at(where: Place): DiskManager {
    return this.#share(where).manager;
  }

  /** Counts one more torrent at a place. */
  use(where: Place): void {
    this.#share(where).torrents++;
  }

  /** Counts one torrent less; the last one closes the manager. */
  async release(where: Place): Promise<void> {
    const shared = this.#disks.get(where);
    if (shared === undefined || --shared.torrents > 0) return;
    this.#disks.delete(where);
    await shared.manager.close();
  }

  #share(where: Place): SharedDisk {
    let shared = this.#disks.get(where);
    if (shared === undefined) {
      const manager = new DiskManager({
        ...(typeof where === "string"
          ? { fileSystem: new NativeFileSystem(where) }
          : "rename" in where
          ? { fileSystem: where }
          : { storage: where }),
        budget: this.#budget,
        clock: this.#clock,
      });
      this.#disks.set(where, shared = { manager, torrents: 0 });
    }
    return shared;
  }
}

/** What many sockets bring at once must not be more than there is room for. */
export function readBytes(maxBufferedBytes = 64 * 1024 * 1024): number {
  return Math.max(16_384, Math.min(524_288, maxBufferedBytes / 128));
}
