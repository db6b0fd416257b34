/**
 * What was moved over all runs.
 *
 * @module
 */
import type { DaemonTotals } from "../types.ts";

const NONE: DaemonTotals = {
  downloadedBytes: 0,
  uploadedBytes: 0,
  torrentsAdded: 0,
  runs: 0,
  activeMs: 0,
};

/**
 * Adds what was moved in this run to what was kept.
 *
 * @param kept What earlier runs kept, of any kind.
 * @param current What this run did.
 * @returns The sums.
 */
export function addTotals(kept: unknown, current: DaemonTotals): DaemonTotals {
  const before = { ...NONE, ...kept as Partial<DaemonTotals> };
  const sum = (name: keyof DaemonTotals) => {
    const value = before[name];
    return current[name] + (Number.isFinite(value) && value >= 0 ? value : 0);
  };
  return {
    downloadedBytes: sum("downloadedBytes"),
    uploadedBytes: sum("uploadedBytes"),
    torrentsAdded: sum("torrentsAdded"),
    runs: sum("runs"),
    activeMs: sum("activeMs"),
  };
}
