/**
 * `deno publish --dry-run`, which finds slow types and files that should not
 * ship. Without JSR it asks a registry that has the stand-ins.
 *
 * @module
 */
import type { TaskContext } from "./launch.ts";
import { capture, ROOT } from "./process.ts";
import { publishedFiles } from "./published_files.ts";
import { standInPackages, withRegistry } from "./registry.ts";

/** Compares what Deno would publish with what our registry serves. */
async function compare(told: string): Promise<number> {
  const root = ROOT.replaceAll("\\", "/").replace(/^\/?/, "file:///");
  const taken = told.split("\n")
    .flatMap((line) => {
      const start = line.indexOf(`${root}/`);
      if (start < 0) return [];
      const name = line.slice(start + root.length + 1).replace(/ \(.*$/, "");
      // A work tree of git has a file where a clone has a folder.
      return name === ".git" ? [] : [decodeURI(name)];
    }).sort();
  const served = await publishedFiles();
  const differing = [
    ...taken.filter((name) => !served.includes(name)),
    ...served.filter((name) => !taken.includes(name)),
  ];
  if (differing.length === 0) return 0;
  console.error(`Published or served, not both: ${differing.join(", ")}`);
  return 1;
}

/**
 * Checks that the package could be published, and that the registry here has
 * the same files.
 *
 * @param context Flags say whether JSR is there.
 * @returns The exit code of `deno publish --dry-run`, or 1.
 */
export async function publishDryRun(context: TaskContext): Promise<number> {
  const publish = async (env: Readonly<Record<string, string>>) => {
    const { code, stderr } = await capture(
      Deno.execPath(),
      ["publish", "--dry-run", "--allow-dirty"],
      { env: { ...context.env, ...env, NO_COLOR: "1" } },
    );
    if (code !== 0) console.error(stderr);
    return code === 0 ? await compare(stderr) : code;
  };
  return context.flags.length === 0
    ? await publish({})
    : await withRegistry(await standInPackages(), publish);
}
