/**
 * Runs one benchmark in a process of its own:
 * `deno run -A bench/bench_child.ts bench/NAME_bench.ts RESULT.json`.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";

if (import.meta.main) {
  const [script, result] = Deno.args as [string, string];
  const bench: { run(): Promise<BenchRow[]> } = await import(script);
  await Deno.writeTextFile(result, JSON.stringify(await bench.run()));
  // A peer that was left behind would otherwise keep the process alive.
  Deno.exit(0);
}
