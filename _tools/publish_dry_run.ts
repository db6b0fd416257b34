/**
 * `deno publish --dry-run`, which finds slow types and files that should not
 * ship. Without JSR it runs on a copy whose deno.json links the stand-ins as
 * packages.
 *
 * @module
 */
import type { TaskContext } from "./launch.ts";
import { capture, ROOT, run } from "./process.ts";

interface Config {
  readonly imports: Readonly<Record<string, string>>;
  readonly publish: { readonly exclude: readonly string[] };
  readonly [key: string]: unknown;
}

async function copyTree(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const entry of Deno.readDir(from)) {
    const [source, target] = [`${from}/${entry.name}`, `${to}/${entry.name}`];
    if (entry.isDirectory) await copyTree(source, target);
    else if (entry.isFile) await Deno.copyFile(source, target);
  }
}

/** Turns the stand-ins into local packages named like the real ones. */
async function makePackages(folder: string): Promise<string[]> {
  const map = JSON.parse(
    await Deno.readTextFile(`${ROOT}/_tools/import_map.offline.json`),
  ) as { readonly imports: Readonly<Record<string, string>> };
  const packages = new Map<string, Record<string, string>>();
  for (const [specifier, path] of Object.entries(map.imports)) {
    const match = /^(@std\/[^/]+)(\/.+)?$/.exec(specifier);
    if (match === null) continue;
    const exports = packages.get(match[1]!) ?? {};
    exports[match[2] === undefined ? "." : `.${match[2]}`] = path;
    packages.set(match[1]!, exports);
  }
  const paths: string[] = [];
  for (const [name, exports] of packages) {
    const path = `${folder}/${name.replace("/", "+")}`;
    await copyTree(`${ROOT}/_tools/offline`, `${path}/offline`);
    await Deno.writeTextFile(
      `${path}/deno.json`,
      JSON.stringify({ name, version: "1.999.0", license: "MIT", exports }),
    );
    paths.push(path);
  }
  return paths;
}

/**
 * Checks that the package could be published.
 *
 * @param context Flags say whether JSR is there.
 * @returns The exit code of `deno publish --dry-run`.
 */
export async function publishDryRun(context: TaskContext): Promise<number> {
  const command = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  if (context.flags.length === 0) {
    return await run(Deno.execPath(), command, { env: context.env });
  }
  const folder = await Deno.makeTempDir({ prefix: "bip-publish-" });
  try {
    const config = JSON.parse(
      await Deno.readTextFile(`${ROOT}/deno.json`),
    ) as Config;
    const listed = await capture("git", [
      "ls-files",
      "--cached",
      "--others",
      "--exclude-standard",
    ]);
    if (listed.code !== 0) {
      console.error("Skipped: not a git checkout, and JSR is not reachable");
      return 0;
    }
    const excluded = config.publish.exclude;
    for (const name of listed.stdout.split("\n").filter((line) => line)) {
      if (excluded.some((path) => name.startsWith(`${path}/`))) continue;
      const target = `${folder}/package/${name}`;
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), {
        recursive: true,
      });
      try {
        await Deno.copyFile(`${ROOT}/${name}`, target);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    const links = await makePackages(`${folder}/links`);
    const { lint: _, ...rest } = config;
    await Deno.writeTextFile(
      `${folder}/package/deno.json`,
      JSON.stringify({ ...rest, links }),
    );
    return await run(Deno.execPath(), command, {
      cwd: `${folder}/package`,
      env: context.env,
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
