/**
 * Waits that a signal ends.
 *
 * @module
 */

/**
 * Calls back once when a signal fires; not for one that has fired already.
 * Returns a function that takes this back.
 */
export function onAborted(
  signal: AbortSignal | undefined,
  callback: () => void,
): () => void {
  signal?.addEventListener("abort", callback, { once: true });
  return () => signal?.removeEventListener("abort", callback);
}

/** Resolves when a signal fires, or at once if it has fired already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else onAborted(signal, resolve);
  });
}

/** Waits for a promise, or rejects with `signal.reason` when aborted before. */
export function orAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const forget = onAborted(signal, () => reject(signal?.reason));
    if (signal?.aborted) reject(signal.reason);
    promise.then(resolve, reject).finally(forget);
  });
}
