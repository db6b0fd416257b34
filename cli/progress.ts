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
/** Fewest columns of a bar, with its brackets. */
const MIN_BAR = 12;
/** Columns of the label that figures of less importance do not take. */
const MIN_LABEL = 10;

/** What is shown. */
export interface ProgressState {
  /** What is being done, such as `"Hashing"`. */
  readonly label: string;
  /** Bytes done. */
  readonly done: number;
  /** Bytes in all; 0 when unknown, less than 0 when no bytes are counted. */
  readonly total: number;
  /** Bytes a second. @default {0} */
  readonly rate?: number;
  /** Since the start, in milliseconds. */
  readonly elapsedMs?: number;
  /** More words, safe to show, such as `"12 peers"`; the first matter most. */
  readonly details?: readonly string[];
}

let graphemes: Intl.Segmenter | undefined;

/** Graphemes of text; what splits it takes long to make. */
function segments(text: string): Intl.Segments {
  graphemes ??= new Intl.Segmenter(undefined, { granularity: "grapheme" });
  return graphemes.segment(text);
}

/** Columns that a grapheme takes; emoji style makes some signs wide. */
function graphemeWidth(text: string): number {
  return Math.max(unicodeWidth(text), text.includes("\ufe0f") ? 2 : 0);
}

/** Columns that text takes. */
function textWidth(text: string): number {
  let width = 0;
  for (const { segment } of segments(text)) width += graphemeWidth(segment);
  return width;
}

/**
 * Cuts text to a width.
 *
 * @param text One line.
 * @param columns Most columns.
 * @returns The text, with an ellipsis when cut.
 */
export function fitColumns(text: string, columns: number): string {
  if (columns < 1) return "";
  let width = 0;
  let kept = "";
  for (const { segment } of segments(text)) {
    width += graphemeWidth(segment);
    if (width > columns) return `${kept}…`;
    // The ellipsis needs a column, too.
    if (width < columns) kept += segment;
  }
  return text;
}

/** Figures in the order they are shown; the lowest ranks stay longest. */
function figuresOf(state: ProgressState): [rank: number, text: string][] {
  const { done, total, rate = 0, elapsedMs, details = [] } = state;
  const figures: [number, string][] = [];
  if (total > 0) {
    const percent = Math.min(100, Math.floor(done / total * 1000) / 10);
    figures.push(
      [0, `${percent.toFixed(1)}%`],
      [3, `${formatSize(done)} / ${formatSize(total)}`],
    );
  } else if (total === 0) figures.push([0, formatSize(done)]);
  if (total >= 0) figures.push([1, formatRate(rate)]);
  if (total > 0 && done < total) {
    const leftMs = rate > 0 ? (total - done) / rate * 1e3 : NaN;
    figures.push([2, `ETA ${formatDuration(leftMs)}`]);
  }
  details.forEach((text, at) => figures.push([4 + at, text]));
  if (elapsedMs !== undefined) {
    const rank = total > 0 ? 5.5 : 2;
    figures.push([rank, `${formatDuration(elapsedMs)} elapsed`]);
  }
  return figures;
}

/**
 * Formats progress as one line. What does not fit is left out: first the bar,
 * then the end of the label, then figures from the least important on.
 *
 * @param state What is shown.
 * @param columns Width of the line.
 * @param withBar Whether a bar takes the columns that are left.
 * @returns The line.
 */
export function formatProgress(
  state: ProgressState,
  columns: number,
  withBar = false,
): string {
  const { label, done, total } = state;
  const labelWidth = textWidth(label);
  const figures = figuresOf(state);
  const reserved = Math.min(labelWidth, MIN_LABEL, Math.floor(columns / 5));
  let room = columns - reserved;
  let lastRank = -1;
  for (const [rank, text] of figures.toSorted(([a], [b]) => a - b)) {
    const needed = 2 + textWidth(text);
    if (needed > room && lastRank >= 0) break;
    room -= needed;
    lastRank = rank;
  }
  const parts = figures.filter(([rank]) => rank <= lastRank)
    .map(([, text]) => text);
  room += reserved;
  const barRoom = room - Math.max(Math.min(labelWidth, 20), room >> 1) - 2;
  let shown = fitColumns(label, room);
  if (withBar && total > 0 && barRoom >= MIN_BAR) {
    shown = fitColumns(label, room - barRoom - 2);
    const length = room - textWidth(shown) - 4;
    const filled = Math.floor(Math.min(1, done / total) * length);
    parts.unshift(`[${"#".repeat(filled)}${"-".repeat(length - filled)}]`);
  }
  if (room >= Math.min(4, labelWidth)) parts.unshift(shown);
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
  readonly #startedAt: number;
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
    };
    this.#startedAt = this.#printedAt = this.#now();
    if (output.interactive && !this.#quiet) {
      this.#bar = new ProgressBar({
        max: 1,
        interval: REDRAW_MS,
        clear: true,
        formatter: () =>
          formatProgress(this.#current(), this.#output.columns - 1, true),
      });
    }
  }

  /**
   * Says how far things are. Cheap enough for every piece.
   *
   * @param done Bytes done.
   * @param more Total, label and details, where they change; the rate, where it
   * is measured elsewhere.
   */
  update(
    done: number,
    more: Partial<Omit<ProgressState, "done">> = {},
  ): void {
    const now = this.#now();
    // Less than before: something else is counted now.
    this.#meter.add(Math.max(0, done - this.#state.done), now);
    this.#state = { ...this.#state, ...more, done };
    this.#rate = more.rate;
    if (
      this.#bar === undefined && !this.#quiet &&
      now - this.#printedAt >= PLAIN_LINE_MS
    ) {
      this.#printedAt = now;
      this.#output.note(formatProgress(this.#current(), 200));
    }
  }

  /**
   * Prints a line to stderr without disturbing the display.
   *
   * @param line Text that is safe to show.
   * @param always Whether also where nothing is to be shown. @default {false}
   */
  note(line: string, always = false): void {
    if (this.#quiet && !always) return;
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
    const now = this.#now();
    return {
      ...this.#state,
      rate: this.#rate ?? this.#meter.rate(now),
      elapsedMs: now - this.#startedAt,
    };
  }
}
