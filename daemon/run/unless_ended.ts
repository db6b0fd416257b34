/**
 * What was ended on purpose is no failure.
 *
 * @module
 */

/**
 * Handles a failure, unless a signal ended what failed.
 *
 * @param signal What ends it.
 * @returns A handler that throws all other errors.
 */
export function unlessEnded(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    const errors = error instanceof AggregateError ? error.errors : [error];
    if (errors.some((one) => one !== signal.reason)) throw error;
  };
}
