/**
 * The files that `deno publish` takes.
 *
 * @module
 */
import { capture, ROOT } from "./process.ts";

async function* walk(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(`${ROOT}/${folder}`)) {
    const path = folder + entry.name;
    if (/^(\.git|node_modules)$/.test(entry.name)) continue;
    if (entry.isDirectory) yield* walk(`${path}/`);
    else if (entry.isFile) yield path;
  }
}

async function candidates(): Promise<string[]> {
  const listed = await capture("git", [
    "ls-files",
    "--cached",
    "--others",
    "--exclude-standard",
    "--deduplicate",
    "-z",
  ]).catch(() => undefined);
  if (listed?.code !== 0) return await Array.fromAsync(walk(""));
  const names: string[] = [];
  for (const name of listed.stdout.split("\0")) {
    // Deleted files are listed until that is committed.
    const { isFile } = await Deno.stat(`${ROOT}/${name}`).catch(() => ({
      isFile: false,
    }));
    if (isFile) names.push(name);
  }
  return names;
}

/**
 * Lists what would be published: what git knows or would know, or all files
 * where there is no git, but for `publish.exclude` of deno.json.
 *
 * @returns Paths under the root, sorted.
 */
export async function publishedFiles(): Promise<string[]> {
  const { publish } = JSON.parse(
    await Deno.readTextFile(`${ROOT}/deno.json`),
  ) as { readonly publish: { readonly exclude: readonly string[] } };
  const excluded = ["dist", ".gitignore", ...publish.exclude];
  return (await candidates()).filter((name) =>
    !excluded.some((path) => name === path || name.startsWith(`${path}/`))
  ).sort();
}
