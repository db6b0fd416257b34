/**
 * Which options of a node make sense.
 *
 * @module
 */
import type { DhtNodeMachineOptions } from "./node_options.ts";

/** Throws a `RangeError` for those that do not. */
export function checkOptions(options: DhtNodeMachineOptions): void {
  const { families = [4], id, savedIds = {}, version, k = 8 } = options;
  if (families.length === 0) {
    throw new RangeError("Cannot be a node of no IP version: give 4 or 6");
  }
  for (const one of [id, savedIds[4], savedIds[6]]) {
    if (one !== undefined && one.length !== 20) {
      throw new RangeError(
        `Cannot use an id of ${one.length} bytes: it must have 20`,
      );
    }
  }
  if (version !== undefined && version.length > 16) {
    throw new RangeError(
      `Cannot use a version of ${version.length} bytes: the most is 16`,
    );
  }
  if (!Number.isInteger(k) || k < 1 || k > 20) {
    throw new RangeError(
      `Cannot use ${k} as "k": it must be an integer from 1 to 20`,
    );
  }
}
