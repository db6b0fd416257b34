/**
 * Writing to files that have other names.
 *
 * @module
 */
import { equalBytes } from "../../_shared/bytes.ts";
import { type Awaitable, chain } from "../awaitable.ts";
import type { StoredFiles } from "./stored_files.ts";

/** Parts files from those that they are linked with before they are written to. */
export class LinkedFiles {
  readonly #stored: StoredFiles;
  /** Files that are being parted. */
  readonly #parting = new Map<number, Promise<void>>();

  constructor(stored: StoredFiles) {
    this.#stored = stored;
  }

  /** Writes to a file once it has no other name; bytes that are there may stay. */
  write(
    fileIndex: number,
    offset: number,
    from: Uint8Array,
    length: number,
    write: () => Awaitable<void>,
  ): Awaitable<void> {
    const going = this.#parting.get(fileIndex);
    if (going !== undefined) return going.then(write);
    const { fileSystem, places } = this.#stored;
    const seen = fileSystem.stat(places.at(fileIndex));
    return chain(seen, (info): Awaitable<void> => {
      if ((info?.links ?? 1) < 2) return write();
      const old = new Uint8Array(info!.size === length ? from.length : 0);
      return chain(this.#stored.read(fileIndex, offset, old), (isThere) => {
        // As at the border of one that is whole.
        if (isThere && old.length > 0 && equalBytes(old, from)) return;
        return this.#part(fileIndex).then(write);
      });
    });
  }

  /** Parts a file from the others, once. */
  #part(fileIndex: number): Promise<void> {
    let done = this.#parting.get(fileIndex);
    if (done === undefined) {
      done = this.#stored.part(fileIndex)
        .finally(() => this.#parting.delete(fileIndex));
      this.#parting.set(fileIndex, done);
    }
    return done;
  }
}
