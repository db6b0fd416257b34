/**
 * The launcher behind every task: decides once where `@std/*` comes from and
 * runs the tool with that.
 *
 * `deno run -A _tools/launch.ts TASK [ARGUMENTS]`
 *
 * @module
 */
import { ROOT, run } from "./process.ts";
import { decideStdSource, IMPORT_MAP_VARIABLE } from "./std_source.ts";

/** What a task is given. */
export interface TaskContext {
  /** The person's arguments after the task's name. */
  readonly args: readonly string[];
  /** Flags that point `@std/*` at the right place; may be empty. */
  readonly flags: readonly string[];
  /** Environment for children. */
  readonly env: Readonly<Record<string, string>>;
  /** The folder the person stands in. */
  readonly cwd: string;
  /** A checkout of denoland/std to serve `@std` from, if one was given. */
  readonly std: string | undefined;
}

/** The variable that names a checkout of denoland/std; so does `--std=PATH`. */
const STD_VARIABLE = "BIP_STD";

/** Unstable APIs that the package uses when they are there. */
const UNSTABLE = ["--unstable-net", "--unstable-kv"];

/**
 * Everything: Deno keeps folders such as `/dev/shm` and `/etc` from programs
 * with any narrower set. `bip VERB --help` lists what a verb needs.
 */
const BIP_PERMISSIONS = ["-A"];

/**
 * What is imported dynamically is read when it is used. Without it Deno reads
 * every verb at each start. It needs permission to read the package.
 */
const LAZY_IMPORTS = "--unstable-lazy-dynamic-imports";

/** Hundreds of sessions make much that soon is garbage; helpers cost more. */
const SIMULATION_MEMORY =
  "--v8-flags=--max-semi-space-size=256,--single-threaded-gc,--max-old-space-size=8192";

const CLI = `${ROOT}/cli/main.ts`;

const deno = (
  context: TaskContext,
  command: string,
  flags: readonly string[],
  rest: readonly string[],
  cwd: string = ROOT,
): Promise<number> =>
  run(Deno.execPath(), [command, ...context.flags, ...flags, ...rest], {
    cwd,
    env: context.env,
  });

const script = (path: string) => (context: TaskContext): Promise<number> =>
  deno(context, "run", ["-A", ...UNSTABLE], [path, ...context.args]);

/** Paths among test arguments; the rest are flags of `deno test`. */
function testArguments(context: TaskContext, paths: readonly string[]) {
  const named = context.args.some((arg) => !arg.startsWith("-"));
  return named ? context.args : [...context.args, ...paths];
}

const TASKS: Readonly<
  Record<string, (context: TaskContext) => Promise<number>>
> = {
  bip: (context) =>
    deno(
      context,
      "run",
      [
        "--quiet",
        "--no-check",
        "--config",
        `${ROOT}/deno.json`,
        ...BIP_PERMISSIONS,
        ...UNSTABLE,
        LAZY_IMPORTS,
      ],
      [CLI, ...context.args],
      context.cwd,
    ),
  demo: script("_tools/demo.ts"),
  test: (context) =>
    deno(
      context,
      "test",
      [
        "-A",
        "--doc",
        "--parallel",
        "--ignore=tests/interop,dist",
        ...UNSTABLE,
      ],
      testArguments(context, []),
    ),
  interop: (context) =>
    deno(
      context,
      "test",
      // They mostly wait for each other's timers.
      ["-A", "--parallel", ...UNSTABLE],
      testArguments(context, ["tests/interop"]),
    ),
  simulate: (context) =>
    deno(
      context,
      "run",
      ["-A", "--no-check", ...UNSTABLE, SIMULATION_MEMORY],
      [`${ROOT}/_tools/simulate.ts`, ...context.args],
      context.cwd,
    ),
  fuzz: script("tests/fuzz/fuzz.ts"),
  soak: script("tests/soak/soak.ts"),
  bench: script("bench/main.ts"),
  // What `bip` does not need is not loaded for it.
  ok: async (context) => await (await import("./ok.ts")).ok(context),
  compile: async (context) =>
    await (await import("./compile.ts")).compile(context),
  cases: async (context) => await (await import("./cases.ts")).cases(context),
};

async function main(): Promise<number> {
  const [name, ...words] = Deno.args;
  const task = name !== undefined && Object.hasOwn(TASKS, name)
    ? TASKS[name]
    : undefined;
  if (task === undefined) {
    console.error(
      `Cannot run task ${JSON.stringify(name ?? "")}: expected one of ${
        Object.keys(TASKS).join(", ")
      }`,
    );
    return 2;
  }
  const cwd = Deno.env.get("INIT_CWD") ?? Deno.cwd();
  const isStd = (word: string) => name !== "bip" && word.startsWith("--std=");
  const args = words.filter((word) => !isStd(word));
  if (name === "bip" && (args[0] === undefined || args[0].startsWith("-"))) {
    // No verb: nothing that needs `@std`, nor a process of its own. What the
    // specifier names is not read for other tasks, as it is no literal.
    const cli: typeof import("../cli/main.ts") = await import(
      new URL("../cli/main.ts", import.meta.url).href
    );
    return await cli.main(args);
  }
  const given = words.find(isStd)?.slice(6) ?? Deno.env.get(STD_VARIABLE);
  if (given) {
    const { resolve } = await import("node:path");
    const { stdPackages, withRegistry } = await import("./registry.ts");
    const std = resolve(cwd, given);
    try {
      await Deno.stat(`${std}/assert/deno.json`);
    } catch {
      console.error(
        `Cannot use ${given} as ${STD_VARIABLE}: expected a checkout of denoland/std`,
      );
      return 2;
    }
    // Children are told by their registry.
    Deno.env.delete(STD_VARIABLE);
    Deno.env.delete(IMPORT_MAP_VARIABLE);
    return await withRegistry(
      await stdPackages(std),
      (env) => task({ args, flags: [], env, cwd, std }),
    );
  }
  const { importMap, reason } = await decideStdSource(name === "bip");
  if (importMap !== undefined && name !== "bip") {
    console.error(`Note: ${reason}`);
  }
  // Children take the variable as a path: it is there or it is not.
  Deno.env.delete(IMPORT_MAP_VARIABLE);
  return await task({
    args,
    flags: importMap === undefined ? [] : [`--import-map=${importMap}`],
    env: importMap === undefined ? {} : { [IMPORT_MAP_VARIABLE]: importMap },
    cwd,
    std: undefined,
  });
}

if (import.meta.main) Deno.exit(await main());
