/**
 * How long to wait after failures.
 *
 * @module
 */

/** A wait that doubles with each failure in a row. */
export function backoffMs(
  failures: number,
  firstMs: number,
  longestMs: number,
): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
