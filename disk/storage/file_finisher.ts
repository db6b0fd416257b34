/**
 * What is done with files as they get complete.
 *
 * @module
 */
import type { Backing } from "./backing.ts";

/** Gives complete files their own names, while nothing else touches them. */
export class FileFinisher {
  readonly #backing: Backing;
  readonly #alone: (run: () => Promise<void>) => Promise<void>;
  readonly #due = new Set<number>();
  #isBusy = false;

  /** `alone` runs something while no file is touched otherwise. */
  constructor(
    backing: Backing,
    alone: (run: () => Promise<void>) => Promise<void>,
  ) {
    this.#backing = backing;
    this.#alone = alone;
  }

  /** A piece is verified and written. */
  pieceGood(pieceIndex: number): void {
    for (const i of this.#backing.completedBy?.(pieceIndex) ?? []) {
      this.#due.add(i);
    }
    if (this.#due.size > 0 && !this.#isBusy) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    try {
      while (this.#due.size > 0) {
        await this.#alone(async () => {
          for (const i of this.#due) {
            this.#due.delete(i);
            // Who confirms the files is told.
            await this.#backing.finish?.(i).catch(() => {});
          }
        });
      }
    } catch {
      // It is closed: the next run goes on.
      this.#due.clear();
    } finally {
      this.#isBusy = false;
    }
  }
}
