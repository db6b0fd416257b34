/** Runs the `bip` command as a person would, as a child process. */
import { bipArguments } from "./bip_command.ts";
import { Child, type ChildResult } from "./process.ts";

/** Options of {@linkcode startBip}. */
export interface BipOptions {
  readonly cwd?: string;
  /** Permission flags. @default {--allow-net --allow-read --allow-write} */
  readonly permissions?: readonly string[];
  /** More flags for `deno run`. @default {[]} */
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
}

/** Starts `bip`; dispose of the result. */
export function startBip(
  args: readonly string[],
  options: BipOptions = {},
): Child {
  return new Child(Deno.execPath(), {
    args: bipArguments(args, {
      flags: ["--unstable-net", ...options.flags ?? []],
      permissions: options.permissions ??
        ["--allow-net", "--allow-read", "--allow-write"],
    }),
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
