/**
 * `deno publish --dry-run`, which finds slow types and files that should not
 * ship. Without JSR it asks a registry that has the stand-ins.
 *
 * @module
 */
import type { TaskContext } from "./launch.ts";
import { run } from "./process.ts";
import { standInPackages, withRegistry } from "./registry.ts";

/**
 * Checks that the package could be published.
 *
 * @param context Flags say whether JSR is there.
 * @returns The exit code of `deno publish --dry-run`.
 */
export async function publishDryRun(context: TaskContext): Promise<number> {
  const publish = (env: Readonly<Record<string, string>>) =>
    run(
      Deno.execPath(),
      ["publish", "--dry-run", "--allow-dirty", "--quiet"],
      { env: { ...context.env, ...env } },
    );
  return context.flags.length === 0
    ? await publish({})
    : await withRegistry(await standInPackages(), publish);
}
