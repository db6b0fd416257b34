/**
 * `deno task cases [NAME...]`: runs programs outside of the checkout that try
 * it, one after the other, and prints a table.
 *
 * A folder of cases has `reports/NAME.sh` and `hostile/NAME`. Each is given the
 * checkout, ends with 0 when it behaves, and prints a line that says what was
 * seen.
 *
 * @module
 */
import { resolve } from "node:path";
import type { TaskContext } from "./launch.ts";
import { capture, ROOT } from "./process.ts";

/** Longest run of a case, in seconds. */
const LIMIT_SECONDS = 150;

/** Cases that are run once for each of these further arguments. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "complete-but-gone": ["dir", "file", "replace"],
};

const HELP = `Usage: deno task cases [NAME...] [--cases=DIR]

Runs the scripts of DIR/reports and DIR/hostile (default ../shared/cases beside
the checkout), or those named.`;

interface Case {
  readonly name: string;
  readonly path: string;
  readonly args: readonly string[];
}

async function listCases(folder: string): Promise<Case[]> {
  const cases: Case[] = [];
  for (const kind of ["reports", "hostile"]) {
    const names: string[] = [];
    try {
      for await (const { isFile, name } of Deno.readDir(`${folder}/${kind}`)) {
        const isScript = kind === "reports"
          ? name.endsWith(".sh")
          : !name.startsWith("_") && !name.includes(".");
        if (isFile && isScript) names.push(name);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    for (const file of names.sort()) {
      const name = file.replace(/\.sh$/, "");
      const path = `${folder}/${kind}/${file}`;
      for (const arg of VARIANTS[name] ?? [undefined]) {
        cases.push({
          name: arg === undefined ? name : `${name} ${arg}`,
          path,
          args: arg === undefined ? [] : [arg],
        });
      }
    }
  }
  return cases;
}

/** The name without what stands behind it. */
const plain = ({ name }: Case): string => name.split(" ")[0]!;

/** Runs a case; the last line that it printed, and whether it behaved. */
async function runCase({ path, args }: Case): Promise<[boolean, string]> {
  const { code, stdout, stderr } = await capture("timeout", [
    // Signals the whole group of processes.
    ...["--kill-after=10", String(LIMIT_SECONDS), path, ROOT, ...args],
  ]);
  const lines = (stdout.trim() || stderr.trim()).split("\n");
  const said = code === 124 || code === 137
    ? `stopped after ${LIMIT_SECONDS} s; ${lines.at(-1)}`
    : lines.at(-1)!;
  return [code === 0, said];
}

/**
 * Runs the cases.
 *
 * @param context Arguments: names of cases, `--cases=DIR`.
 * @returns 0 when all behaved or there are none, 1 when one did not, 2 for an
 * unknown argument.
 */
export async function cases(context: TaskContext): Promise<number> {
  const flags = context.args.filter((arg) => arg.startsWith("-"));
  const names = context.args.filter((arg) => !arg.startsWith("-"));
  const given = flags.find((arg) => arg.startsWith("--cases="))?.slice(8);
  if (flags.length > (given === undefined ? 0 : 1)) {
    console.error(HELP);
    return 2;
  }
  const folder = given === undefined
    ? resolve(ROOT, "../shared/cases")
    : resolve(context.cwd, given);
  const all = await listCases(folder);
  if (all.length === 0) {
    console.log(`Skipped: there are no cases in ${folder}\n0 passed, 0 failed`);
    return 0;
  }
  const stranger = names.find((name) =>
    !all.some((one) => plain(one) === name)
  );
  if (stranger !== undefined) {
    const known = new Set(all.map(plain));
    console.error(
      `Cannot find case ${stranger}: expected one of ${[...known].join(", ")}`,
    );
    return 2;
  }
  const chosen = all.filter((one) =>
    names.length === 0 || names.includes(plain(one))
  );
  let passed = 0;
  for (const one of chosen) {
    const start = performance.now();
    const [good, said] = await runCase(one);
    if (good) passed++;
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(
      `${good ? "ok    " : "FAILED"}  ${one.name.padEnd(34)} ${
        seconds.padStart(6)
      } s  ${said}`,
    );
  }
  console.log(`${passed} passed, ${chosen.length - passed} failed`);
  return passed === chosen.length ? 0 : 1;
}
