/**
 * Which options of a node make sense.
 *
 * @module
 */
import type { DhtNodeMachineOptions } from "./node_options.ts";

/** Throws a `RangeError` for numbers that are not positive. */
export function checkPositive(
  numbers: Readonly<Record<string, number>>,
  isValid: (value: number) => boolean = (value) => value > 0,
  expected = "a positive number",
): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (isValid(value)) continue;
    throw new RangeError(
      `Cannot use ${value} as "${name}": it must be ${expected}`,
    );
  }
}

/** Throws a `RangeError` for numbers that are no positive integers. */
export function checkPositiveIntegers(
  numbers: Readonly<Record<string, number>>,
): void {
  checkPositive(
    numbers,
    (value) => Number.isInteger(value) && value > 0,
    "a positive integer",
  );
}

/** Throws a `RangeError` for bytes that have not the length they must have. */
export function checkLength(
  what: string,
  bytes: Uint8Array | undefined,
  length: number,
): void {
  if (bytes === undefined || bytes.length === length) return;
  throw new RangeError(
    `Cannot use ${what} of ${bytes.length} bytes: it must have ${length}`,
  );
}

/** Throws a `RangeError` for options of a node that make no sense. */
export function checkOptions(options: DhtNodeMachineOptions): void {
  const { families = [4], id, savedIds = {}, version, k = 8 } = options;
  if (families.length === 0) {
    throw new RangeError(
      "Cannot open a node without an IP version: give 4 or 6",
    );
  }
  for (const one of [id, savedIds[4], savedIds[6]]) {
    checkLength("an id", one, 20);
  }
  if (version !== undefined && version.length > 16) {
    throw new RangeError(
      `Cannot use a version of ${version.length} bytes: the most is 16`,
    );
  }
  checkPositive(
    { k },
    (value) => Number.isInteger(value) && value > 0 && value <= 20,
    "an integer from 1 to 20",
  );
}
