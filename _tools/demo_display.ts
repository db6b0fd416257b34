/**
 * What the demo shows while it runs: a bar for every peer, redrawn in place on
 * a terminal, plain lines elsewhere.
 *
 * @module
 */
import { fitColumns } from "../cli/progress.ts";
import { formatRate } from "../cli/units.ts";

/** Between two redraws on a terminal, in milliseconds. */
const REDRAW_MS = 250;
/** Between two plain lines, in milliseconds. */
const PLAIN_LINE_MS = 2_000;
/** Width of a name, in columns. */
const NAME_COLUMNS = 11;
/** Narrowest bar that is worth a figure less, in columns. */
const MIN_BAR_COLUMNS = 10;

/** The figures of one peer at one moment. */
export interface PeerRow {
  /** Such as `leecher 1`. */
  readonly name: string;
  /** What it is doing. */
  readonly state: string;
  /** Verified pieces. */
  readonly piecesDone: number;
  /** Pieces in all; 0 while that is unknown. */
  readonly pieceCount: number;
  /** Bytes a second. */
  readonly downloadRate: number;
  /** Bytes a second. */
  readonly uploadRate: number;
  /** Connected peers. */
  readonly peers: number;
}

/** Where the display is drawn. */
export interface DisplayTarget {
  /** Whether lines can be redrawn. */
  readonly interactive: boolean;
  /** Whether colours are wanted. */
  readonly color: boolean;
  /** Width of the terminal in columns, at this moment. */
  readonly columns: number;
  /**
   * Prints text as it is.
   *
   * @param text The text, with its newlines.
   */
  write(text: string): void;
}

function percentOf(row: PeerRow): number {
  return row.pieceCount === 0
    ? 0
    : Math.floor(row.piecesDone / row.pieceCount * 100);
}

/**
 * Formats one peer as a line.
 *
 * @param row Its figures.
 * @param columns Width of the line.
 * @param color Whether the bar is coloured.
 * @returns The line, without a newline.
 */
export function formatPeerRow(
  row: PeerRow,
  columns: number,
  color: boolean,
): string {
  const { piecesDone, pieceCount, downloadRate, uploadRate, peers } = row;
  const rate = (bytes: number) => formatRate(bytes).padStart(10);
  const head = `${row.name.padEnd(NAME_COLUMNS)} `;
  const parts = [
    ` ${String(percentOf(row)).padStart(3)}%`,
    `${
      String(piecesDone).padStart(String(pieceCount).length)
    }/${pieceCount} pieces`,
    `down ${rate(downloadRate)}`,
    `up ${rate(uploadRate)}`,
    `peers ${String(peers).padStart(2)}`,
  ];
  // The bar first: in a narrow terminal the last figures give way.
  const room = () => columns - head.length - parts.join("  ").length - 2;
  while (room() < MIN_BAR_COLUMNS && parts.length > 1) parts.pop();
  const tail = parts.join("  ");
  const width = Math.min(40, room());
  if (width < 1) return fitColumns(head + tail.trimStart(), columns);
  const filled = pieceCount === 0
    ? 0
    : Math.floor(piecesDone / pieceCount * width);
  const full = "#".repeat(filled);
  const code = piecesDone === pieceCount && pieceCount > 0 ? 32 : 36;
  const bar = (color && filled > 0 ? `\x1b[${code}m${full}\x1b[0m` : full) +
    "-".repeat(width - filled);
  return `${head}[${bar}]${tail}`;
}

/**
 * Formats all leechers as one plain line.
 *
 * @param rows Figures of every peer; the first is the seeder's.
 * @param seconds Since the start.
 * @returns The line, without a newline.
 */
export function formatPlainLine(
  rows: readonly PeerRow[],
  seconds: number,
): string {
  const leechers = rows.slice(1);
  const total = leechers.reduce((sum, row) => sum + row.downloadRate, 0);
  return [
    `${seconds.toFixed(1).padStart(6)} s`,
    ...leechers.map((row) =>
      `${row.name} ${
        percentOf(row)
      }% (${row.piecesDone}/${row.pieceCount} pieces)`
    ),
    `${formatRate(total)} in all`,
  ].join("  ");
}

/** Draws the peers again and again until it is stopped. */
export class Display implements Disposable {
  readonly #target: DisplayTarget;
  readonly #rows: () => readonly PeerRow[];
  readonly #startedAt = performance.now();
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #notes: string[] = [];
  #drawn = 0;
  #stopped = false;

  /**
   * Starts drawing.
   *
   * @param target Where.
   * @param rows Reads the figures; the seeder's come first.
   */
  constructor(target: DisplayTarget, rows: () => readonly PeerRow[]) {
    this.#target = target;
    this.#rows = rows;
    if (target.interactive) target.write("\x1b[?25l");
    this.#timer = setInterval(
      () => this.#draw(),
      target.interactive ? REDRAW_MS : PLAIN_LINE_MS,
    );
    if (target.interactive) this.#draw();
  }

  /** Seconds since the start. */
  get seconds(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  /**
   * Prints a line above the bars, on a terminal with their next drawing.
   *
   * @param text The line.
   */
  note(text: string): void {
    if (this.#target.interactive && !this.#stopped) this.#notes.push(text);
    else this.#target.write(`${text}\n`);
  }

  /** Draws the last figures and stops. */
  [Symbol.dispose](): void {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#draw();
    if (this.#target.interactive) this.#target.write("\x1b[?25h");
  }

  #draw(): void {
    const { interactive, color, columns } = this.#target;
    const rows = this.#rows();
    if (!interactive) {
      this.#target.write(`${formatPlainLine(rows, this.seconds)}\n`);
      return;
    }
    // One column is left free: a full line would wrap on some terminals.
    const lines = [
      ...this.#notes.splice(0),
      ...rows.map((row) => formatPeerRow(row, columns - 1, color)),
    ];
    // Up to the first bar and clear from there; all in one write.
    const erase = this.#drawn === 0 ? "" : `\x1b[${this.#drawn}A\r\x1b[J`;
    this.#target.write(`${erase}${lines.join("\n")}\n`);
    this.#drawn = rows.length;
  }
}
