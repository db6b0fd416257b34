/**
 * `deno task bench`: every benchmark in turn, each in a process of its own, as
 * one Markdown table on stdout.
 *
 * Environment: `BIP_BENCH_SMOKE=1` makes everything tiny, to see that it runs;
 * `BIP_BENCH_NPM` names a folder in which `npm i bencode@4` was run;
 * `BIP_BENCH_MIB` and `BIP_BENCH_DIR` are size and place of created payloads.
 * Exit codes: 0 done, whether targets were met or not; 1 a benchmark failed;
 * 2 usage.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "../_tools/process.ts";
import type { BenchRow } from "./bench_row.ts";
import { formatBenchTable } from "./bench_table.ts";

const FOLDER = new URL("./", import.meta.url);
const RESULTS = new URL("./RESULTS.md", import.meta.url);
const HELP = `Usage: deno task bench [OPTIONS]

  --only NAME    Run one benchmark; repeatable
  --list         List the benchmarks
  --write        Write the table to bench/RESULTS.md, too
  -h, --help     Show this help

BIP_BENCH_SMOKE=1 makes everything tiny: figures then mean nothing.`;

const SMOKE = Deno.env.get("BIP_BENCH_SMOKE") === "1";

/** Names of all benchmarks, sorted. */
function benchmarks(): string[] {
  return [...Deno.readDirSync(FOLDER)]
    .map(({ name }) => /^(\w+)_bench\.ts$/.exec(name)?.[1])
    .filter((name) => name !== undefined)
    .sort();
}

function usage(message: string): number {
  console.error(`${message}\nTry: deno task bench --help`);
  return 2;
}

/** Runs one benchmark; a failure becomes a row. */
async function runOne(name: string): Promise<[BenchRow[], boolean]> {
  const result = await Deno.makeTempFile({ prefix: "bip_bench_" });
  const importMap = Deno.env.get("BIP_IMPORT_MAP") ??
    (import.meta.resolve("@std/assert").startsWith("jsr:")
      ? undefined
      : fromFileUrl(new URL("../_tools/import_map.offline.json", FOLDER)));
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "-A",
      "--unstable-net",
      "--unstable-kv",
      `--config=${fromFileUrl(new URL("../deno.json", FOLDER))}`,
      ...(importMap === undefined ? [] : [`--import-map=${importMap}`]),
      fromFileUrl(new URL("bench_child.ts", FOLDER)),
      new URL(`${name}_bench.ts`, FOLDER).href,
      result,
    ],
    env: {
      ...(importMap === undefined ? {} : { BIP_IMPORT_MAP: importMap }),
      ...(SMOKE && !Deno.env.has("BIP_BENCH_MIB")
        ? { BIP_BENCH_MIB: "64" }
        : {}),
    },
    stdin: "null",
    // Stdout is for the table.
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  // A person's Ctrl-C goes to the child, too; nobody else's does.
  const onSignal = () => {
    try {
      child.kill("SIGINT");
    } catch {
      // It has ended already.
    }
  };
  Deno.addSignalListener("SIGINT", onSignal);
  try {
    const { code } = await child.output();
    if (code === 0) {
      return [JSON.parse(await Deno.readTextFile(result)), true];
    }
    return [[{ name, ours: "failed", note: `exit code ${code}` }], false];
  } finally {
    Deno.removeSignalListener("SIGINT", onSignal);
    await Deno.remove(result);
  }
}

/** The processor's name, where the system tells it. */
function processor(): string {
  try {
    const text = Deno.readTextFileSync("/proc/cpuinfo");
    return /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? Deno.build.arch;
  } catch {
    return Deno.build.arch;
  }
}

function describeMachine(): string {
  const load = Deno.build.os === "windows"
    ? ""
    : `, load ${Deno.loadavg()[0]!.toFixed(1)} at the start`;
  return `Deno ${Deno.version.deno}, ${Deno.build.os} ${Deno.osRelease()}, ${navigator.hardwareConcurrency} x ${processor()}${load}; ${
    new Date().toISOString().slice(0, 10)
  }.${SMOKE ? " SMOKE RUN: the figures mean nothing." : ""}`;
}

async function main(): Promise<number> {
  let failure: string | undefined;
  const options = parseArgs([...Deno.args], {
    string: ["only"],
    collect: ["only"],
    boolean: ["write", "list", "help"],
    alias: { help: "h" },
    unknown: (arg) => {
      failure ??= `Unknown argument ${arg}`;
    },
  });
  if (failure !== undefined) return usage(failure);
  if (options.help) {
    console.log(HELP);
    return 0;
  }
  const known = benchmarks();
  if (options.list) {
    console.log(known.join("\n"));
    return 0;
  }
  const only: readonly string[] = options.only ?? [];
  for (const name of only) {
    if (!known.includes(name)) {
      return usage(
        `No benchmark ${JSON.stringify(name)}: there are ${known.join(", ")}`,
      );
    }
  }
  if (options.write && (only.length > 0 || SMOKE)) {
    return usage("--write takes a whole run: no --only, no BIP_BENCH_SMOKE");
  }
  const machine = describeMachine();
  const rows: BenchRow[] = [];
  let good = true;
  for (const name of only.length > 0 ? only : known) {
    const startedAt = performance.now();
    const [more, succeeded] = await runOne(name);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    console.error(`${name}: ${succeeded ? "done" : "FAILED"}, ${seconds} s`);
    rows.push(...more);
    good &&= succeeded;
  }
  const text = `${machine}\n\n${formatBenchTable(rows)}`;
  console.log(text);
  if (options.write && good) {
    await Deno.writeTextFile(
      RESULTS,
      `# Benchmarks\n\nWritten by \`deno task bench --write\`. Medians of several runs, ours and the\npeer's in turn.\n\n${text}`,
    );
  }
  return good ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
