/** Runs the `bip` command as a person would, as a child process. */
import { fromFileUrl } from "./paths.ts";
import { Child, type ChildResult } from "./process.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Options of {@linkcode startBip}. */
export interface BipOptions {
  readonly cwd?: string;
  /** Permission flags. @default {--allow-net --allow-read --allow-write} */
  readonly permissions?: readonly string[];
  readonly env?: Record<string, string>;
}

/** The command line before the arguments of `bip`. */
export function bipCommand(
  permissions: readonly string[] = [
    "--allow-net",
    "--allow-read",
    "--allow-write",
  ],
): string[] {
  const map = Deno.env.get("BIP_IMPORT_MAP");
  return [
    "run",
    "--quiet",
    "--no-prompt",
    "--unstable-net",
    ...(map === undefined ? [] : [`--import-map=${map}`]),
    `--config=${ROOT}deno.json`,
    ...permissions,
    `${ROOT}cli/main.ts`,
  ];
}

/** Starts `bip`; dispose of the result. */
export function startBip(
  args: readonly string[],
  options: BipOptions = {},
): Child {
  return new Child(Deno.execPath(), {
    args: [...bipCommand(options.permissions), ...args],
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { NO_COLOR: "1", ...options.env },
  });
}

/** Runs `bip` to its end. */
export async function runBip(
  args: readonly string[],
  options: BipOptions = {},
): Promise<ChildResult> {
  await using child = startBip(args, options);
  return await child.result;
}
