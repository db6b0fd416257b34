/**
 * Progress on stderr: one line that is redrawn four times a second on a
 * terminal, a plain line now and then elsewhere.
 *
 * @module
 */
import { unicodeWidth } from "@std/cli/unicode-width";
import { ProgressBar } from "@std/cli/unstable-progress-bar";
import { RateMeter } from "../_shared/rate_meter.ts";
import type { Output } from "./terminal.ts";
import { formatDuration, formatRate, formatSize } from "./units.ts";

/** Time between redraws on a terminal, in milliseconds. */
export const REDRAW_MS = 250;
/** Time between plain lines, in milliseconds. */
export const PLAIN_LINE_MS = 10_000;
/** What is shown. */
export interface ProgressState {
  /** What is being done, such as `"Hashing"`. */
  readonly label: string;
  /** Bytes done. */
  readonly done: number;
  /** Bytes in all; 0 or less when unknown. */
  readonly total: number;
  /** Bytes a second. */
  readonly rate: number;
  /** More words, safe to show, such as `"12 peers"`. */
  readonly detail?: string;
}

/**
 * Cuts text to a width.
 *
 * @param text One line.
 * @param columns Most columns.
 * @returns The text, with an ellipsis when cut.
 */
export function fitColumns(text: string, columns: number): string {
  if (unicodeWidth(text) <= columns) return text;
  let width = 0;
  let result = "";
  for (const char of text) {
    width += unicodeWidth(char);
    if (width > columns - 1) break;
    result += char;
  }
  return `${result}…`;
}

/**
 * Formats progress as one line.
 *
 * @param state What is shown.
 * @param columns Width of the line.
 * @param bar The drawn bar, or `undefined` for none.
 * @returns The line.
 */
export function formatProgress(
  state: ProgressState,
  columns: number,
  bar?: string,
): string {
  const { label, done, total, rate, detail } = state;
  const parts = [label];
  if (total > 0) {
    const percent = Math.min(100, Math.floor(done / total * 1000) / 10);
    if (bar !== undefined) parts.push(`[${bar}]`);
    parts.push(
      `${percent.toFixed(1)}%`,
      `${formatSize(done)} / ${formatSize(total)}`,
    );
  } else parts.push(formatSize(done));
  parts.push(formatRate(rate));
  if (total > 0 && done < total) {
    parts.push(
      `ETA ${rate > 0 ? formatDuration((total - done) / rate * 1e3) : "–"}`,
    );
  }
  if (detail !== undefined && detail !== "") parts.push(detail);
  return fitColumns(parts.join("  "), columns);
}

/** Options of {@linkcode Progress}. */
export interface ProgressOptions {
  /** What is being done, such as `"Hashing"`. */
  readonly label: string;
  /** Bytes in all, if known already. @default {0} */
  readonly total?: number;
  /** Whether to show nothing at all. @default {false} */
  readonly quiet?: boolean;
  /** Reads a monotonic clock in milliseconds. */
  readonly now?: () => number;
}

/** A progress display. Stop it before anything else is printed at the end. */
export class Progress implements AsyncDisposable {
  readonly #output: Output;
  readonly #quiet: boolean;
  readonly #now: () => number;
  readonly #meter = new RateMeter();
  #state: ProgressState;
  #rate: number | undefined;
  #bar: ProgressBar | undefined;
  #printedAt: number;
  #stopped = false;

  /**
   * Starts showing.
   *
   * @param output Where to.
   * @param options See {@linkcode ProgressOptions}.
   */
  constructor(output: Output, options: ProgressOptions) {
    this.#output = output;
    this.#quiet = options.quiet ?? false;
    this.#now = options.now ?? (() => performance.now());
    this.#state = {
      label: options.label,
      done: 0,
      total: options.total ?? 0,
      rate: 0,
    };
    this.#printedAt = this.#now();
    if (output.interactive && !this.#quiet) {
      this.#bar = new ProgressBar({
        max: 1,
        interval: REDRAW_MS,
        clear: true,
        barLength: Math.max(8, Math.min(30, output.columns - 70)),
        formatter: (drawn) =>
          formatProgress(
            this.#current(),
            this.#output.columns - 1,
            this.#output.columns >= 60 ? drawn.progressBar : undefined,
          ),
      });
    }
  }

  /**
   * Says how far things are. Cheap enough for every piece.
   *
   * @param done Bytes done.
   * @param more Total, label, detail or a rate measured elsewhere, where they
   * change.
   */
  update(
    done: number,
    more: Partial<Omit<ProgressState, "done">> = {},
  ): void {
    const now = this.#now();
    // Less than before: something else is counted now.
    this.#meter.add(Math.max(0, done - this.#state.done), now);
    this.#state = { ...this.#state, ...more, done };
    if (more.rate !== undefined) this.#rate = more.rate;
    if (this.#bar !== undefined) {
      const { total } = this.#state;
      this.#bar.value = total > 0 ? done / total : 0;
    } else if (!this.#quiet && now - this.#printedAt >= PLAIN_LINE_MS) {
      this.#printedAt = now;
      this.#output.note(formatProgress(this.#current(), 200));
    }
  }

  /**
   * Prints a line to stderr without disturbing the display.
   *
   * @param line Text that is safe to show.
   */
  note(line: string): void {
    if (this.#quiet) return;
    this.#output.note(this.#bar === undefined ? line : `\r\x1b[K${line}`);
  }

  /** Ends the display and clears its line. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.#bar?.stop();
    this.#bar = undefined;
  }

  /** Same as {@linkcode Progress.stop}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #current(): ProgressState {
    return {
      ...this.#state,
      rate: this.#rate ?? this.#meter.rate(this.#now()),
    };
  }
}
