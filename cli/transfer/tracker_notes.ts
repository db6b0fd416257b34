/**
 * Failures of trackers as people want them: one short line, not one a retry.
 *
 * @module
 */
import { fitColumns } from "../progress.ts";
import { safeText } from "../text.ts";

/** Longest line, in columns. */
const MAX_COLUMNS = 120;
/** Failures that are kept apart. */
const MAX_KEPT = 1000;

/** Counts failures that are alike. */
export class TrackerNotes {
  readonly #counts = new Map<string, { count: number; told: number }>();

  /**
   * Counts a failure.
   *
   * @param tracker Its name.
   * @param error What went wrong; not yet safe to show.
   * @returns The line to show, at the 1st, 10th, 100th ... of a kind.
   */
  failed(tracker: string, error: string): string | undefined {
    const line = lineOf(tracker, error);
    const entry = this.#counts.get(line) ?? { count: 0, told: 0 };
    if (entry.count === 0 && this.#counts.size >= MAX_KEPT) return undefined;
    this.#counts.set(line, entry);
    entry.count++;
    if (!/^10*$/.test(String(entry.count))) return undefined;
    entry.told = entry.count;
    return counted(line, entry.count);
  }

  /**
   * Ends the counting.
   *
   * @returns Lines of those that failed more often than was told.
   */
  rest(): string[] {
    const lines = [...this.#counts]
      .filter(([, { count, told }]) => count > told)
      .map(([line, { count }]) => counted(line, count));
    this.#counts.clear();
    return lines;
  }
}

function counted(line: string, count: number): string {
  return count === 1 ? line : `${line} (${count} times)`;
}

function lineOf(tracker: string, error: string): string {
  // Most messages name the tracker themselves.
  const text = error.replace(`Tracker ${tracker} `, "")
    .replace(` tracker ${tracker}`, "");
  return fitColumns(
    `Tracker ${safeText(tracker)}: ${safeText(text)}`,
    MAX_COLUMNS,
  );
}
