/**
 * One check at a time for every disk.
 *
 * @module
 */

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
      if (before !== undefined) await unlessAborted(before, signal);
      return await work();
    } finally {
      done();
      if (this.#ends.get(disk) === end) this.#ends.delete(disk);
    }
  }
}

/** Waits, but not beyond the end of a signal, with whose reason it rejects. */
export async function unlessAborted(
  turn: Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (signal === undefined) return await turn;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([turn, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
