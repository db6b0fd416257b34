/**
 * Which files of a watched folder are whole.
 *
 * @module
 */

/** A file as a look at the folder shows it. */
export interface SeenFile {
  /** Its name. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** When it was changed, in milliseconds. */
  readonly modifiedMs: number;
}

/** Files of which more than these are left for later. */
export const MAX_WATCHED = 10_000;
/** Largest torrent file that is read, in bytes. */
export const MAX_WATCHED_BYTES: number = 64 * 1024 * 1024;

/** Whether a name is one of a torrent file, or of a text with a magnet link. */
export function isWatched(name: string): boolean {
  return /^[^.].*\.(torrent|magnet)$/is.test(name);
}

/**
 * Tells files that are still being written from whole ones: a file is tried when
 * two looks in a row show it the same, and again when it changed since.
 */
export class WatchMachine {
  #files = new Map<string, { readonly mark: string; tried: boolean }>();

  /**
   * Takes what a look shows.
   *
   * @param seen The files there are.
   * @returns Names of those to try now.
   */
  handleFiles(seen: readonly SeenFile[]): string[] {
    const before = this.#files;
    this.#files = new Map();
    const ready: string[] = [];
    for (const { name, size, modifiedMs } of seen) {
      if (!isWatched(name) || this.#files.size >= MAX_WATCHED) continue;
      const mark = `${size} ${modifiedMs}`;
      const known = before.get(name);
      const isSame = known?.mark === mark;
      const tried = isSame && known.tried;
      const isReady = isSame && !tried && size > 0 && size <= MAX_WATCHED_BYTES;
      if (isReady) ready.push(name);
      this.#files.set(name, { mark, tried: tried || isReady });
    }
    return ready;
  }
}
