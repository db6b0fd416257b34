/** The command on a terminal of its own. */
import { assertEquals } from "@std/assert";
import { bipArguments } from "./bip_command.ts";

/** What a terminal was sent. */
export interface TerminalRun {
  readonly code: number;
  readonly text: string;
}

/**
 * Runs the command on a terminal of 24 rows; at the first `ctrlC` it is
 * interrupted, or `TYPED` of the environment is typed.
 */
export async function onTerminal(
  args: readonly string[],
  {
    columns,
    term = "xterm",
    ctrlC = "",
    env = {},
    permissions = ["-A"],
    stdout,
  }: {
    readonly columns: number;
    readonly term?: string;
    readonly ctrlC?: string;
    readonly env?: Record<string, string>;
    readonly permissions?: readonly string[];
    /** A file that results go to. */
    readonly stdout?: string;
  },
): Promise<TerminalRun> {
  const script = new URL("./pty_run.py", import.meta.url).pathname;
  const { code, stdout: shown, stderr } = await new Deno.Command(
    "/usr/bin/python3",
    {
      args: [
        script,
        String(columns),
        ctrlC,
        ...(stdout === undefined ? [] : ["sh", "-c", '"$@" >"$0"', stdout]),
        Deno.execPath(),
        ...bipArguments(args, { permissions, flags: ["--unstable-net"] }),
      ],
      env: { TERM: term, NO_COLOR: "", COLUMNS: "", ...env },
    },
  ).output();
  const decoder = new TextDecoder();
  assertEquals(decoder.decode(stderr), "");
  return { code, text: decoder.decode(shown) };
}
