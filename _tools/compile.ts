/**
 * `deno task compile [TARGET...]`: one stand-alone `bip` per target in `dist/`.
 *
 * `deno compile` downloads a base program per target. Where its host cannot be
 * reached, `DENORT_BIN=<path of deno>` still exercises the embedding; the result
 * then is no stand-alone program.
 *
 * @module
 */
import type { TaskContext } from "./launch.ts";
import { run } from "./process.ts";

/** The targets that `deno compile` knows. */
export const COMPILE_TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/**
 * Compiles `bip` for the named targets, or for all five.
 *
 * @param context Arguments name targets.
 * @returns The exit code: 0 when every target was built.
 */
export async function compile(context: TaskContext): Promise<number> {
  const unknown = context.args.find((arg) => !COMPILE_TARGETS.includes(arg));
  if (unknown !== undefined) {
    console.error(
      `Cannot compile for ${JSON.stringify(unknown)}: expected one of ${
        COMPILE_TARGETS.join(", ")
      }`,
    );
    return 2;
  }
  const targets = context.args.length > 0 ? context.args : COMPILE_TARGETS;
  let failed = 0;
  for (const target of targets) {
    const code = await run(Deno.execPath(), [
      "compile",
      ...context.flags,
      // A program of its own has the rights of the person who starts it.
      "-A",
      "--unstable-net",
      "--unstable-kv",
      "--no-check",
      "--target",
      target,
      "--output",
      `dist/bip-${target}`,
      "cli/main.ts",
    ], { env: context.env });
    if (code !== 0) failed++;
    console.error(`${code === 0 ? "built" : "failed"}  ${target}`);
  }
  return failed === 0 ? 0 : 1;
}
