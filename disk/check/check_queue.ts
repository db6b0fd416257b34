/**
 * One check at a time for every disk.
 *
 * @module
 */
import { orAborted } from "../../_shared/abort.ts";

/**
 * Lets work on one disk go on one after the other, in the order in which it was
 * asked for: two checks at a time make a disk seek, and are done later.
 */
export class CheckQueue {
  /** The end of the last work of each disk. */
  readonly #ends = new Map<unknown, Promise<void>>();

  /** Does something when it is its turn. */
  async run<T>(
    disk: unknown,
    work: () => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const before = this.#ends.get(disk);
    const { promise: mine, resolve: done } = Promise.withResolvers<void>();
    const end = before === undefined ? mine : before.then(() => mine);
    this.#ends.set(disk, end);
    try {
      if (before !== undefined) await orAborted(before, signal);
      return await work();
    } finally {
      done();
      // Who gives up while others are before it does not end theirs.
      void end.then(() => {
        if (this.#ends.get(disk) === end) this.#ends.delete(disk);
      });
    }
  }
}
