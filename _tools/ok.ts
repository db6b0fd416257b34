/**
 * `deno task ok`: the whole gate, a line per stage and a summary.
 *
 * @module
 */
import { consumer } from "./consumer.ts";
import type { TaskContext } from "./launch.ts";
import { capture, ROOT, run } from "./process.ts";
import { publishDryRun } from "./publish_dry_run.ts";

interface Stage {
  readonly name: string;
  /** Runs the stage; what it prints goes to the terminal. */
  run(): Promise<number>;
}

async function faces(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}/deno.json`));
  const paths: string[] = [];
  for (const path of Object.values(config.exports as Record<string, string>)) {
    try {
      await Deno.stat(`${ROOT}/${path}`);
      paths.push(path);
    } catch {
      // The docs stage reports it.
    }
  }
  return paths;
}

/** Folders and files that `deno check` looks at. */
async function checked(): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(ROOT)) {
    if (entry.name.startsWith(".") || entry.name === "dist") continue;
    if (entry.isDirectory || entry.name.endsWith(".ts")) names.push(entry.name);
  }
  return names.sort();
}

/**
 * Runs every stage, the later ones too when an early one fails.
 *
 * @param context Arguments: `--fail-fast` stops at the first failure,
 * `--without=NAME,...` leaves stages out, `--only=NAME,...` all others.
 * @returns 0 when every stage passed, 2 for an unknown argument, else 1.
 */
export async function ok(context: TaskContext): Promise<number> {
  const deno = (...args: string[]) =>
    run(Deno.execPath(), args, { env: context.env });
  const flags = [...context.flags];
  const every: Stage[] = [
    { name: "format", run: () => deno("fmt", "--check", "--quiet") },
    { name: "lint", run: () => deno("lint", "--quiet") },
    {
      name: "types",
      run: async () =>
        await deno("check", "--quiet", ...flags, ...await checked()),
    },
    {
      name: "doc lint",
      // All at once: faces show types that other faces document.
      run: async () => {
        const { code, stderr } = await capture(
          Deno.execPath(),
          ["doc", "--lint", ...flags, ...await faces()],
          { env: context.env },
        );
        if (code !== 0) console.error(stderr);
        return code;
      },
    },
    {
      name: "docs",
      run: () => deno("run", "-A", "_tools/check_docs.ts"),
    },
    {
      name: "tests",
      run: () =>
        deno(
          "test",
          "-A",
          "--doc",
          "--parallel",
          "--quiet",
          "--ignore=tests/interop,dist",
          "--unstable-net",
          "--unstable-kv",
          ...flags,
        ),
    },
    { name: "publish dry run", run: () => publishDryRun(context) },
    { name: "consumer", run: () => consumer(context) },
  ];
  const names = every.map((stage) => stage.name);
  let stages = every;
  for (const arg of context.args) {
    const match = /^--(without|only)=(.+)$/.exec(arg);
    const named = match?.[2]?.split(",") ?? [];
    const stranger = named.find((name) => !names.includes(name));
    if ((match === null && arg !== "--fail-fast") || stranger !== undefined) {
      console.error(
        `Cannot use ${
          stranger ?? arg
        }: expected --fail-fast, --without=NAME or --only=NAME with names of ${
          names.join(", ")
        }`,
      );
      return 2;
    }
    if (match === null) continue;
    stages = stages.filter(({ name }) =>
      named.includes(name) === (match[1] === "only")
    );
  }
  const lines: string[] = [];
  let failed = 0;
  for (const stage of stages) {
    const start = performance.now();
    const code = await stage.run();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const line = `${code === 0 ? "ok    " : "FAILED"}  ${
      stage.name.padEnd(16)
    } ${seconds.padStart(6)} s`;
    console.error(line);
    lines.push(line);
    if (code !== 0) {
      failed++;
      if (context.args.includes("--fail-fast")) break;
    }
  }
  console.error(
    `\n${lines.join("\n")}\n${
      failed === 0
        ? `All ${stages.length} stages passed`
        : `${failed} of ${stages.length} stages failed`
    }`,
  );
  return failed === 0 ? 0 : 1;
}
