/** Runs the real `bip` command as a process of its own. */
import { outputOf, type Printed } from "./process.ts";

const root = new URL("../../", import.meta.url);

/** Path of a `file:` URL. */
function pathOf(url: URL): string {
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.replace(/^\/(?=\w:)/, "") : path;
}

export interface BipOptions {
  /** Where the person stands. @default {the root of the checkout} */
  readonly cwd?: string;
  /** Permissions of the process. @default {[]} */
  readonly permissions?: readonly string[];
  /** Other flags for `deno run`, such as `--unstable-net`. @default {[]} */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * The arguments for `deno` that run a file of the checkout: with the import map
 * this test itself runs with.
 */
export function denoArguments(
  path: string,
  flags: readonly string[],
  args: readonly string[],
): string[] {
  const std = import.meta.resolve("@std/assert");
  const importMap = Deno.env.get("BIP_IMPORT_MAP") ??
    (std.startsWith("jsr:")
      ? ""
      : pathOf(new URL("_tools/import_map.offline.json", root)));
  return [
    "run",
    "--quiet",
    "--no-check",
    "--no-prompt",
    `--config=${pathOf(new URL("deno.json", root))}`,
    ...(importMap === "" ? [] : [`--import-map=${importMap}`]),
    ...flags,
    pathOf(new URL(path, root)),
    ...args,
  ];
}

/** The arguments for `deno` that start the command. */
export function bipArguments(
  args: readonly string[],
  { flags = [], permissions = [] }: BipOptions = {},
): string[] {
  return denoArguments("cli/main.ts", [...flags, ...permissions], args);
}

/** A command that can be spawned; stdin is empty, output is piped. */
export function bipCommand(
  args: readonly string[],
  options: BipOptions = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: bipArguments(args, options),
    cwd: options.cwd ?? pathOf(root),
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

/** Runs the command to its end. */
export function bip(
  args: readonly string[],
  options: BipOptions = {},
): Promise<Printed> {
  return outputOf(bipCommand(args, options));
}

/**
 * `bip` as a program that uses the network and files of where it runs.
 *
 * @param args Its arguments.
 * @returns What to start.
 */
export function bipOnNetwork(
  args: readonly string[],
): { readonly command: string; readonly args: string[] } {
  return {
    command: Deno.execPath(),
    args: bipArguments(args, {
      flags: ["--unstable-net"],
      permissions: [
        "--allow-net",
        "--allow-read",
        "--allow-write",
        "--allow-sys=networkInterfaces",
      ],
    }),
  };
}
