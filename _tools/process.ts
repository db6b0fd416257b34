/**
 * Child processes of the repo's tools: same terminal, exit codes passed
 * through, Ctrl-C left to the child.
 *
 * @module
 */

/** The root folder of the checkout, as a path that ends without a separator. */
export const ROOT: string = fromFileUrl(new URL("../", import.meta.url));

/**
 * Turns a `file:` URL into a path of this system.
 *
 * @param url The URL; a trailing slash is dropped.
 * @returns The path.
 */
export function fromFileUrl(url: URL): string {
  const path = decodeURIComponent(
    url.pathname.replace(/%(?![0-9A-F]{2})/gi, "%25"),
  );
  const plain = path.length > 1 ? path.replace(/\/$/, "") : path;
  return Deno.build.os === "windows"
    ? plain.replace(/^\/(?=[A-Za-z]:)/, "").replaceAll("/", "\\")
    : plain;
}

/** Options of {@linkcode run}. */
export interface RunOptions {
  /** Where the child stands. @default {ROOT} */
  readonly cwd?: string;
  /** Environment variables beside the inherited ones. @default {{}} */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Runs a program to its end with this terminal.
 *
 * @param program Path or name of the program.
 * @param args Its arguments.
 * @param options See {@linkcode RunOptions}.
 * @returns Its exit code; 128 + n when signal n ended it.
 */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<number> {
  const child = new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { ...options.env },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  // A terminal sends Ctrl-C to the whole group, so the child has it already:
  // this process only has to outlive the child. A signal sent to this process
  // alone (by a supervisor) is handed on.
  const interactive = Deno.stdin.isTerminal();
  const listeners: [Deno.Signal, () => void][] = [];
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGBREAK"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) {
    const listener = () => {
      if (signal === "SIGINT" && interactive) return;
      try {
        child.kill(signal);
      } catch {
        // It has just ended.
      }
    };
    Deno.addSignalListener(signal, listener);
    listeners.push([signal, listener]);
  }
  try {
    const status = await child.status;
    return status.code;
  } finally {
    for (const [signal, listener] of listeners) {
      Deno.removeSignalListener(signal, listener);
    }
  }
}

/** What {@linkcode capture} returns. */
export interface Captured {
  /** The exit code. */
  readonly code: number;
  /** What went to stdout. */
  readonly stdout: string;
  /** What went to stderr. */
  readonly stderr: string;
}

/**
 * Runs a program to its end and keeps what it printed.
 *
 * @param program Path or name of the program.
 * @param args Its arguments.
 * @param options See {@linkcode RunOptions}; stdin is empty.
 * @returns Exit code and output.
 */
export async function capture(
  program: string,
  args: readonly string[],
  options: RunOptions & { readonly signal?: AbortSignal } = {},
): Promise<Captured> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: options.cwd ?? ROOT,
    env: { ...options.env },
    stdin: "null",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}
