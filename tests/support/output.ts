import type { Output } from "../../cli/terminal.ts";

/** What is no terminal, and keeps what is said. */
export interface Recorder extends Output {
  readonly out: string[];
  readonly err: string[];
}

/** Makes one; by default results and notes are kept apart. */
export function recorder(
  out: string[] = [],
  err: string[] = [],
): Recorder {
  return {
    out,
    err,
    interactive: false,
    color: false,
    columns: 80,
    print: (line) => out.push(line),
    printJson: (value) => out.push(JSON.stringify(value)),
    printBytes: () => {},
    note: (line) => err.push(line),
  };
}
