/**
 * Where the command prints: results to stdout, everything else to stderr.
 *
 * @module
 */
import { safeJson } from "./text.ts";

/** Where a verb prints. */
export interface Output {
  /** Whether stderr is a terminal that can redraw a line. */
  readonly interactive: boolean;
  /** Whether colours are wanted: a terminal, and no NO_COLOR. */
  readonly color: boolean;
  /** Width of the terminal in columns; 80 where that is unknown. */
  readonly columns: number;
  /**
   * Prints a result line to stdout.
   *
   * @param line Text that is safe to show, without the newline.
   */
  print(line: string): void;
  /**
   * Prints a JSON document or event to stdout.
   *
   * @param value The value.
   * @param indent Spaces a level. @default {0}
   */
  printJson(value: unknown, indent?: number): void;
  /**
   * Prints bytes to stdout as they are.
   *
   * @param bytes The bytes.
   */
  printBytes(bytes: Uint8Array): void;
  /**
   * Prints a line to stderr.
   *
   * @param line Text that is safe to show, without the newline.
   */
  note(line: string): void;
}

interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
  isTerminal(): boolean;
}

const encoder = new TextEncoder();

function writeAll(writer: SyncWriter, bytes: Uint8Array): void {
  let offset = 0;
  while (offset < bytes.length) {
    try {
      offset += writer.writeSync(bytes.subarray(offset));
    } catch (error) {
      // A pipe that another process made non-blocking is full: try again.
      if (!(error instanceof Deno.errors.WouldBlock)) throw error;
    }
  }
}

/** A variable of the environment, if it may be read without asking. */
function variable(name: string): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) ?? "" : undefined;
}

/**
 * The width of the terminal, or 0 where that is unknown. Who sets COLUMNS wants
 * no wider lines.
 */
function terminalColumns(): number {
  const wanted = Number(variable("COLUMNS"));
  const most = Number.isInteger(wanted) && wanted > 0 ? wanted : Infinity;
  try {
    const columns = Math.min(Deno.consoleSize().columns || Infinity, most);
    return Number.isFinite(columns) ? columns : 0;
  } catch {
    return 0;
  }
}

/**
 * Reads the height of the terminal.
 *
 * @returns Rows; 24 where that is unknown.
 */
export function terminalRows(): number {
  try {
    return Deno.consoleSize().rows || 24;
  } catch {
    return 24;
  }
}

/** Whether stderr is a terminal that obeys escape sequences. */
function isCapable(): boolean {
  if (!Deno.stderr.isTerminal()) return false;
  if (Deno.build.os === "windows") return true;
  const term = variable("TERM");
  return term !== "" && term !== "dumb";
}

/** The process's own stdout and stderr. */
export const processOutput: Output = {
  get interactive() {
    return isCapable() && terminalColumns() > 0;
  },
  get color() {
    // What goes to a file or another program has none.
    return isCapable() && Deno.stdout.isTerminal() && !Deno.noColor;
  },
  get columns() {
    return terminalColumns() || 80;
  },
  print: (line) => writeAll(Deno.stdout, encoder.encode(`${line}\n`)),
  printJson: (value, indent = 0) =>
    writeAll(Deno.stdout, encoder.encode(`${safeJson(value, indent)}\n`)),
  printBytes: (bytes) => writeAll(Deno.stdout, bytes),
  note: (line) => writeAll(Deno.stderr, encoder.encode(`${line}\n`)),
};

/**
 * Wraps an output that may come to an end, such as a closed pipe or a full
 * disk: nothing it is asked for throws. What cannot be shown on stderr is lost.
 *
 * @param output What to wrap.
 * @param onFailure Is told once when stdout takes no more; later results are
 * thrown away.
 * @returns An output that never throws.
 */
export function guardOutput(
  output: Output,
  onFailure: (error: unknown) => void,
): Output {
  let failed = false;
  const guard = (write: () => void) => {
    if (failed) return;
    try {
      write();
    } catch (error) {
      failed = true;
      onFailure(error);
    }
  };
  return {
    get interactive() {
      return output.interactive;
    },
    get color() {
      return output.color;
    },
    get columns() {
      return output.columns;
    },
    print: (line) => guard(() => output.print(line)),
    printJson: (value, indent) => guard(() => output.printJson(value, indent)),
    printBytes: (bytes) => guard(() => output.printBytes(bytes)),
    note(line) {
      try {
        output.note(line);
      } catch {
        // There is no other place to complain.
      }
    },
  };
}

/**
 * Colours a word, if colours are wanted.
 *
 * @param output Where it will be printed.
 * @param style Which style.
 * @param text The text.
 * @returns The text, with escape sequences where they are wanted.
 */
export function styled(
  output: Output,
  style: "bold" | "red" | "green",
  text: string,
): string {
  if (!output.color) return text;
  const code = style === "bold" ? "1" : style === "red" ? "31" : "32";
  return `\x1b[${code}m${text}\x1b[0m`;
}
