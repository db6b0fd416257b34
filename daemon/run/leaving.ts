/**
 * Torrents that are gone with their files, and are to be forgotten.
 *
 * @module
 */
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
