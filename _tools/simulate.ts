/**
 * `deno task simulate FILE...`: runs the swarms that JSON files describe, prints
 * a table and draws charts.
 *
 * @module
 */
import { resolve } from "node:path";
import { parseArgs } from "@std/cli/parse-args";
import {
  checkSimulation,
  plotSimulations,
  simulateSwarm,
  type SimulationConfig,
  SimulationError,
  type SimulationResult,
  summarizeSimulation,
} from "../testing/mod.ts";

const HELP = `Usage: deno task simulate FILE... [--out=DIR] [--seed=N] [--json]

Runs the swarms that each FILE describes: one, or an object of several to be
compared, by name. Prints a table; --out writes charts as FILE-completion.svg,
-availability.svg, -fairness.svg and -copies.svg. --seed changes all chance.
--json prints the results. docs/simulation.md says what a file may hold.`;

/** What a file holds, by the name of each swarm. */
function readRuns(
  text: string,
  name: string,
): Record<string, SimulationConfig> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SimulationError(`No JSON: ${(error as Error).message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SimulationError("The file must hold an object");
  }
  if (Object.hasOwn(value, "groups")) return { [name]: checkSimulation(value) };
  return Object.fromEntries(
    Object.entries(value).map(([run, config]) => {
      try {
        return [run, checkSimulation(config)];
      } catch (error) {
        throw new SimulationError(`${run}: ${(error as Error).message}`);
      }
    }),
  );
}

const seconds = (value: number | undefined) =>
  value === undefined ? "-" : `${value.toFixed(0)} s`;

function table(run: string, result: SimulationResult): string {
  const copies = result.firstCopies === undefined
    ? "never whole without the first seeds"
    : `first seeds sent ${
      result.firstCopies.toFixed(2)
    } copies until the others had all`;
  const rows = summarizeSimulation(result).map((group) =>
    [
      `  ${group.group}`.padEnd(24),
      `${group.complete} of ${group.count}`.padStart(12),
      seconds(group.medianS).padStart(9),
      seconds(group.p95S).padStart(9),
      (group.ratio?.toFixed(2) ?? "-").padStart(9),
      `${(100 * group.waste).toFixed(1)} %`.padStart(9),
    ].join("")
  );
  return [
    `${run}: ${result.tookS.toFixed(0)} s of virtual time, ${copies}`,
    [
      "  group".padEnd(24),
      "complete".padStart(12),
      "median".padStart(9),
      "95 %".padStart(9),
      "ratio".padStart(9),
      "waste".padStart(9),
    ].join(""),
    ...rows,
  ].join("\n");
}

/**
 * Runs the task.
 *
 * @param args Its arguments.
 * @param cwd Where the person stands.
 * @returns The exit code.
 */
export async function simulate(
  args: readonly string[],
  cwd: string,
): Promise<number> {
  const unknown: string[] = [];
  const { _, out, seed, json, help } = parseArgs([...args], {
    string: ["_", "out", "seed"],
    boolean: ["json", "help"],
    alias: { help: "h" },
    unknown: (arg, key) => {
      if (key !== undefined) unknown.push(arg);
    },
  });
  const files = _.map(String);
  if (files.length === 0 || help || unknown.length > 0) {
    console.log(HELP);
    return help ? 0 : 2;
  }
  if (seed !== undefined && !/^\d{1,9}$/.test(seed)) {
    console.error("--seed takes a number");
    return 2;
  }
  for (const file of files) {
    const name = file.replace(/^.*[\/\\]/, "").replace(/\.json$/, "");
    const results: Record<string, SimulationResult> = {};
    try {
      const text = await Deno.readTextFile(resolve(cwd, file));
      for (const [run, config] of Object.entries(readRuns(text, name))) {
        const result = await simulateSwarm(
          seed === undefined ? config : { ...config, seed: Number(seed) },
        );
        results[run] = result;
        if (!json) console.log(table(run, result));
      }
    } catch (error) {
      if (
        error instanceof SimulationError ||
        error instanceof Deno.errors.NotFound
      ) {
        console.error(`${file}: ${error.message}`);
        return 2;
      }
      throw error;
    }
    if (json) console.log(JSON.stringify(results));
    if (out === undefined) continue;
    const folder = resolve(cwd, out);
    await Deno.mkdir(folder, { recursive: true });
    for (const [chart, svg] of Object.entries(plotSimulations(results))) {
      await Deno.writeTextFile(`${folder}/${name}-${chart}.svg`, svg);
    }
  }
  return 0;
}

if (import.meta.main) {
  Deno.exit(await simulate(Deno.args, Deno.cwd()));
}
