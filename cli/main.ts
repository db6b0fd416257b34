/**
 * The `bip` command: create, inspect, verify, download and seed torrents.
 *
 * Run it with `deno run -A jsr:@bip/bip/cli --help`, or with the narrow
 * permissions that `bip VERB --help` lists. Importing this module runs nothing;
 * {@linkcode main} is the whole command as a function.
 *
 * | Exit code | Meaning |
 * | --- | --- |
 * | 0 | done |
 * | 1 | unexpected error |
 * | 2 | usage |
 * | 3 | verification failed |
 * | 4 | bad torrent file or magnet link |
 * | 5 | no peers, or timed out |
 * | 6 | I/O error or disk full |
 * | 130 | interrupted |
 *
 * | BEP | Supported | Where |
 * | --- | --- | --- |
 * | none | the command knows no protocol: it parses, calls and prints | the modules |
 *
 * Permissions: none to import; each verb's help lists what it needs.
 *
 * @example
 * ```ts
 * import { main } from "@bip/bip/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const lines: string[] = [];
 * const code = await main(["--version"], {
 *   interactive: false,
 *   color: false,
 *   columns: 80,
 *   print: (line) => lines.push(line),
 *   printJson: (value) => lines.push(JSON.stringify(value)),
 *   printBytes: () => {},
 *   note: (line) => lines.push(line),
 * });
 * assertEquals(code, 0);
 * assertEquals(lines.length, 1);
 * ```
 *
 * @module
 */
import type { Verb, VerbEntry } from "./command.ts";
import { describeError, UsageError } from "./error.ts";
import {
  EXIT_DONE,
  EXIT_INTERRUPTED,
  EXIT_IO,
  EXIT_USAGE,
} from "./exit_code.ts";
import { listenForSignals, unlessStuck } from "./signals.ts";
import { guardOutput, type Output, processOutput, styled } from "./terminal.ts";
import { safeText } from "./text.ts";
import { VERBS } from "./verbs.ts";
import { VERSION } from "./version.ts";

export type { Output } from "./terminal.ts";

/** What `bip --help` says. */
function overview(): string {
  const width = Math.max(...VERBS.map((verb) => verb.name.length)) + 2;
  return [
    `bip ${VERSION}: BitTorrent for Deno`,
    "",
    "Usage: bip VERB [ARGUMENTS]",
    "",
    ...VERBS.map((verb) => `  ${verb.name.padEnd(width)}${verb.summary}`),
    "",
    "  bip VERB --help   shows the options of a verb and the permissions it needs",
    "",
    "Exit codes: 0 done, 1 unexpected, 2 usage, 3 verification failed, 4 bad torrent",
    "or magnet, 5 no peers or timed out, 6 I/O error or disk full, 130 interrupted",
  ].join("\n");
}

async function findVerb(name: string): Promise<VerbEntry> {
  const entry = VERBS.find((verb) => verb.name === name);
  if (entry !== undefined) return entry;
  const { nearest } = await import("./nearest.ts");
  const names = [...VERBS.map((verb) => verb.name), "--version"];
  const guess = nearest(name, names);
  throw new UsageError(
    `Unknown verb ${JSON.stringify(name)}`,
    guess === undefined
      ? "bip --help lists the verbs"
      : `Did you mean bip ${guess}?`,
  );
}

async function showHelp(
  verb: Verb,
  output: Output,
  subVerb?: string,
): Promise<number> {
  const { verbHelp } = await import("./help.ts");
  output.print(verbHelp(verb, output.columns, subVerb));
  return EXIT_DONE;
}

async function dispatch(
  words: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined) {
    output.note(overview());
    return EXIT_USAGE;
  }
  if (name === "--version" || name === "-V") {
    output.print(`bip ${VERSION}`);
    return EXIT_DONE;
  }
  if (name === "help" || name === "--help" || name === "-h") {
    if (rest[0]?.startsWith("-") === false) {
      const verb = await (await findVerb(rest[0])).load();
      return await showHelp(verb, output, rest[1]);
    }
    output.print(overview());
    return EXIT_DONE;
  }
  if (name.startsWith("-")) {
    throw new UsageError(
      `Unknown option ${name}`,
      "Options go after the verb: bip VERB [OPTIONS]",
    );
  }
  const verb = await (await findVerb(name)).load();
  const { parseVerbArguments } = await import("./arguments.ts");
  const args = parseVerbArguments(rest, verb);
  if (args.has("help")) return await showHelp(verb, output, args.operands[0]);
  return await verb.run({ args, output, signal });
}

/**
 * Runs the command.
 *
 * @param words The arguments, without the program's name.
 * @param output Where it prints. @default {processOutput}
 * @param signal Fires to stop cleanly; the code is then 130.
 * @returns The exit code. Errors are printed as one line, never thrown.
 */
export async function main(
  words: readonly string[],
  output: Output = processOutput,
  signal: AbortSignal = new AbortController().signal,
): Promise<number> {
  // When results can no longer be written, the work ends cleanly.
  const mute = new AbortController();
  const guarded = guardOutput(output, (error) => mute.abort(error));
  const ending = AbortSignal.any([signal, mute.signal]);
  let code: number;
  try {
    code = await unlessStuck(dispatch(words, guarded, ending), ending);
  } catch (error) {
    if (mute.signal.aborted) code = EXIT_IO;
    else if (signal.aborted) {
      noteInterrupted(guarded);
      code = EXIT_INTERRUPTED;
    } else code = report(error, words, guarded);
  }
  return mute.signal.aborted
    ? await reportMute(mute.signal.reason, words, guarded)
    : code;
}

/** Says so, in place of the ^C that a terminal shows. */
function noteInterrupted(output: Output): void {
  output.note(`${output.interactive ? "\r\x1b[K" : ""}bip: interrupted`);
}

async function reportMute(
  error: unknown,
  words: readonly string[],
  output: Output,
): Promise<number> {
  // The reader is gone, so there is no one to tell.
  if (error instanceof Deno.errors.BrokenPipe) return EXIT_IO;
  const { ioError } = await import("./io_error.ts");
  return report(ioError(error, "write to", "stdout"), words, output);
}

/** Longest line of an error: what was typed may be a whole file. */
const MAX_SHOWN = 2000;

function shownText(text: string): string {
  return safeText(
    text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text,
  );
}

function report(
  error: unknown,
  words: readonly string[],
  output: Output,
): number {
  const { exitCode, message, hint, unexpected } = describeError(error);
  const debug = words.includes("--debug");
  const kind = styled(output, "red", "error:");
  output.note(
    `bip: ${kind} ${unexpected ? "unexpected: " : ""}${shownText(message)}`,
  );
  if (hint !== undefined) output.note(`     ${shownText(hint)}`);
  else if (unexpected && !debug) {
    output.note("     This is a bug; --debug shows where it happened");
  }
  if (debug && error instanceof Error) {
    for (const line of (error.stack ?? "").split("\n")) {
      output.note(safeText(line));
    }
  }
  return exitCode;
}

/** Runs the command as this process: signals, output, exit code. */
async function mainProcess(): Promise<never> {
  const controller = new AbortController();
  const output = guardOutput(processOutput, () => {});
  listenForSignals((again) => {
    if (again) {
      // The line of a display that is not ended any more.
      if (output.interactive) noteInterrupted(output);
      Deno.exit(EXIT_INTERRUPTED);
    }
    controller.abort(new DOMException("Interrupted", "AbortError"));
  });
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    Deno.exit(report(event.reason, Deno.args, output));
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    Deno.exit(report(event.error, Deno.args, output));
  });
  Deno.exit(await main(Deno.args, processOutput, controller.signal));
}

if (import.meta.main) await mainProcess();
