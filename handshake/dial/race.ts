/**
 * Several ways to one peer, of which the first that works is taken.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";

/** What a race needs besides its attempts. */
export interface RaceOptions<A, R> {
  /** Clock to use. */
  readonly clock: Clock;
  /** Makes an attempt; it must end soon after its signal fires. */
  readonly run: (attempt: A, signal: AbortSignal) => Promise<R>;
  /** Whether an error leaves other attempts no chance. */
  readonly isFinal: (error: unknown) => boolean;
  /** Why the others are called off. */
  readonly lost: unknown;
}

/**
 * Begins each attempt when its time has come or an earlier one has failed.
 * Returns the first result; throws the first error when all have failed. No
 * attempt is under way afterwards.
 */
export async function race<A extends { readonly afterMs: number }, R>(
  attempts: readonly A[],
  options: RaceOptions<A, R>,
): Promise<R> {
  const { clock, run, isFinal, lost } = options;
  const startedAt = clock.now();
  const stop = new AbortController();
  const running = new Set<Promise<void>>();
  const { promise, resolve, reject } = Promise.withResolvers<R>();
  let next = 0;
  let firstError: { readonly error: unknown } | undefined;
  let cancel = () => {};
  const begin = () => {
    cancel();
    if (stop.signal.aborted) return;
    const attempt = attempts[next++]!;
    const task: Promise<void> = run(attempt, stop.signal).then(
      resolve,
      (error) => {
        running.delete(task);
        firstError ??= { error };
        if (isFinal(error)) reject(error);
        else if (next < attempts.length) begin();
        else if (running.size === 0) reject(firstError.error);
      },
    );
    running.add(task);
    const later = attempts[next];
    if (later !== undefined) {
      cancel = clock.schedule(startedAt + later.afterMs, begin);
    }
  };
  begin();
  try {
    return await promise;
  } finally {
    cancel();
    stop.abort(lost);
    await Promise.all(running);
  }
}
