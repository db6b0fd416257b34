/**
 * Time as a port: the system clock, and what drivers need of any clock.
 *
 * @module
 */
import { onAborted } from "./abort.ts";

/** A monotonic clock with timers. Tests give a virtual one. */
export interface Clock {
  /**
   * Reads the clock.
   *
   * @returns Milliseconds since some fixed moment; never goes back.
   */
  now(): number;
  /**
   * Calls back once at a time.
   *
   * @param at When, in this clock's milliseconds.
   * @param callback What to call.
   * @returns A function that cancels the call.
   */
  schedule(at: number, callback: () => void): () => void;
}

/** The system's monotonic clock. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(at, callback) {
    const wait = (): ReturnType<typeof setTimeout> => {
      const delay = Math.max(0, Math.ceil(at - performance.now()));
      // Timers know no more than 24 days.
      return delay <= MAX_DELAY_MS
        ? setTimeout(callback, delay)
        : setTimeout(() => id = wait(), MAX_DELAY_MS);
    };
    let id = wait();
    return () => clearTimeout(id);
  },
};

const MAX_DELAY_MS = 2 ** 31 - 1;

/** Options of {@linkcode sleep}. */
export interface SleepOptions {
  /** Ends the sleep early. */
  readonly signal?: AbortSignal | undefined;
}

/** Waits so many milliseconds; rejects with `signal.reason` when aborted. */
export function sleep(
  clock: Clock,
  ms: number,
  options: SleepOptions = {},
): Promise<void> {
  const { signal } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.schedule(clock.now() + ms, () => {
      forget();
      resolve();
    });
    const forget = onAborted(signal, () => {
      cancel();
      reject(signal?.reason);
    });
  });
}

/** Waits for a promise, but only so many ms; then it is `undefined`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  promise: Promise<T>,
): Promise<T | undefined> {
  const late = Promise.withResolvers<undefined>();
  const cancel = clock.schedule(
    clock.now() + ms,
    () => late.resolve(undefined),
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    cancel();
  }
}

/** Makes the error every timeout of this package rejects with. */
export function timeoutError(message: string): DOMException {
  return new DOMException(message, "TimeoutError");
}

/** A signal that a clock or a caller can fire. See {@linkcode deadlineSignal}. */
export interface DeadlineSignal extends Disposable {
  /** Aborts with a TimeoutError at the deadline, or with the outer reason. */
  readonly signal: AbortSignal;
}

/**
 * Bounds an operation: a signal that fires after a time, unless that is
 * Infinity, or with an outer signal. Dispose of it when the operation is over.
 */
export function deadlineSignal(
  clock: Clock,
  ms: number,
  message: string,
  outer?: AbortSignal,
): DeadlineSignal {
  const controller = new AbortController();
  const expire = () => controller.abort(timeoutError(message));
  const cancel = ms === Infinity
    ? () => {}
    : clock.schedule(clock.now() + ms, expire);
  const onAbort = () => controller.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  const forget = onAborted(outer, onAbort);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      cancel();
      forget();
    },
  };
}
