/**
 * How long `bip --help` takes, beside a Deno script that does nothing.
 *
 * @module
 */
import type { BenchRow } from "./bench_row.ts";
import { bipArguments } from "../tests/support/bip_command.ts";

const RUNS = Deno.env.get("BIP_BENCH_SMOKE") === "1" ? 3 : 25;

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

async function time(args: readonly string[]): Promise<number> {
  const start = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    stdin: "null",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return performance.now() - start;
}

/**
 * Measures both, in turn.
 *
 * @returns One row.
 */
export async function run(): Promise<BenchRow[]> {
  const empty = await Deno.makeTempFile({ suffix: ".ts" });
  const help = bipArguments(["--help"]);
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let i = 0; i <= RUNS; i++) {
      const [a, b] = [
        await time(help),
        await time(["run", "--quiet", "--no-check", "--no-config", empty]),
      ];
      // The first pair fills the caches.
      if (i > 0) {
        ours.push(a);
        theirs.push(b);
      }
    }
    const [own, bare] = [median(ours), median(theirs)];
    return [{
      name: "start-up, bip --help",
      ours: `${own.toFixed(0)} ms`,
      peer: `empty script ${bare.toFixed(0)} ms`,
      ratio: bare / own,
      note: `${(own - bare).toFixed(0)} ms over an empty script`,
    }];
  } finally {
    await Deno.remove(empty);
  }
}

if (import.meta.main) {
  // deno-lint-ignore no-console -- the result
  console.table(await run());
}
