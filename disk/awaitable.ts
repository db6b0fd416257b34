/**
 * Values that may come at once or later. The native file system answers at
 * once, and the hot paths stay free of promises then; others may take time.
 *
 * @module
 */

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>;

/** Goes on with a value: at once if it is there, else when it comes. */
export function chain<T, U>(
  value: Awaitable<T>,
  next: (value: T) => Awaitable<U>,
): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs something and handles its failure, thrown or rejected alike. */
export function attempt<T>(
  run: () => Awaitable<T>,
  onError: (error: unknown) => Awaitable<T>,
): Awaitable<T> {
  let result: Awaitable<T>;
  try {
    result = run();
  } catch (error) {
    return onError(error);
  }
  return result instanceof Promise ? result.catch(onError) : result;
}

/** For every item in order, one after the other; takes no stack. */
export function eachInOrder<T>(
  items: readonly T[],
  run: (item: T, index: number) => Awaitable<void>,
  from = 0,
): Awaitable<void> {
  for (let i = from; i < items.length; i++) {
    const result = run(items[i]!, i);
    if (result instanceof Promise) {
      return result.then(async () => {
        for (let k = i + 1; k < items.length; k++) await run(items[k]!, k);
      });
    }
  }
}
