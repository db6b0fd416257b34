/**
 * Promises of a torrent.
 *
 * @module
 */

/**
 * Makes a promise that may be rejected while nobody waits for it.
 *
 * @returns The promise, and what settles it.
 */
export function settlement<T>(): PromiseWithResolvers<T> {
  const made = Promise.withResolvers<T>();
  made.promise.catch(() => {});
  return made;
}
