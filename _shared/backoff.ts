/**
 * How long to wait after failures.
 *
 * @module
 */

/**
 * A wait that doubles with each failure in a row.
 *
 * @param failures How many, at least 1.
 * @param firstMs The wait after the first, in milliseconds.
 * @param longestMs The longest wait, in milliseconds.
 * @returns Milliseconds.
 */
export function backoffMs(
  failures: number,
  firstMs: number,
  longestMs: number,
): number {
  return Math.min(longestMs, firstMs * 2 ** (failures - 1));
}
