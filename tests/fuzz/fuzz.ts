/**
 * The fuzzer: mutated inputs through every decoder that has a target here.
 *
 * ```sh
 * deno run -A tests/fuzz/fuzz.ts [--seed N] [--runs 1000000] [--target name,...]
 *   [--max-run-ms 250] [--max-growth-mib 512] [--input HEX]
 * ```
 *
 * Only a target's typed errors may come out of a decoder, and it has to be
 * quick and frugal. The seed and the input of a failure are printed:
 * `--target name --input HEX` runs that input alone.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { toHex, tryFromHex } from "../../_shared/bytes.ts";
import type { FuzzAnswer, FuzzJob } from "./fuzz_worker.ts";
import { fuzzInputs, type FuzzResult } from "./runner.ts";
import { importTarget, targetModules } from "./targets.ts";

const HELP =
  `Usage: deno task fuzz [--runs N] [--seed N] [--target NAME,...] [--input HEX]
  [--max-run-ms N] [--max-growth-mib N]

Runs mutated input through every decoder, a million a target. --input runs one.`;

const HANG_MS = 15_000;

const encoder = new TextEncoder();

function print(line: string): void {
  const bytes = encoder.encode(line + "\n");
  for (let p = 0; p < bytes.length;) {
    p += Deno.stdout.writeSync(bytes.subarray(p));
  }
}

function readCount(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value) || value < least) {
    print(`Option --${name} must be an integer of at least ${least}: ${text}`);
    Deno.exit(2);
  }
  return value;
}

/** Makes the input of a run again. */
async function inputOfRun(job: FuzzJob, run: number): Promise<Uint8Array> {
  const inputs = fuzzInputs(await importTarget(job.module), job.seed);
  for (let i = 0; i < run; i++) inputs.next();
  return inputs.next().value;
}

/** Runs a target in a worker, and watches that it goes on. */
async function runJob(job: FuzzJob, name: string): Promise<FuzzResult> {
  const worker = new Worker(new URL("./fuzz_worker.ts", import.meta.url), {
    type: "module",
  });
  const progress = new Int32Array(job.progress);
  const started = performance.now();
  let last = -1;
  let timer: ReturnType<typeof setInterval> | undefined;
  try {
    const answer = await new Promise<FuzzAnswer | undefined>(
      (resolve, reject) => {
        let since = performance.now();
        timer = setInterval(() => {
          const run = Atomics.load(progress, 0);
          if (run !== last) {
            last = run;
            since = performance.now();
          } else if (performance.now() - since > HANG_MS) {
            resolve(undefined);
          }
        }, 500);
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = (event) => {
          event.preventDefault();
          reject(new Error(event.message));
        };
        worker.postMessage(job);
      },
    );
    if (answer !== undefined && "result" in answer) return answer.result;
    const isHang = answer === undefined;
    return {
      name,
      runs: Math.max(0, last),
      seconds: (performance.now() - started) / 1000,
      slowestMs: isHang ? HANG_MS : 0,
      slowestHex: "",
      growthMib: 0,
      failure: {
        kind: isHang ? "hang" : "threw",
        message: isHang ? `did not return within ${HANG_MS} ms` : answer.error,
        inputHex: isHang ? toHex(await inputOfRun(job, Math.max(0, last))) : "",
      },
    };
  } finally {
    clearInterval(timer);
    worker.terminate();
  }
}

function report(result: FuzzResult, seed: number): void {
  const { name, runs, seconds, failure } = result;
  const rate = Math.round(runs / Math.max(seconds, 0.001));
  print(
    `${
      failure === undefined ? "ok    " : "FAILED"
    } ${name}: ${runs} runs, ${rate} runs/s, slowest ${
      result.slowestMs.toFixed(2)
    } ms (${result.slowestHex || "empty"}), memory +${
      result.growthMib.toFixed(0)
    } MiB`,
  );
  if (failure !== undefined) {
    print(`  ${failure.kind}: ${failure.message}`);
    print(`  seed: ${seed}`);
    print(`  input: ${failure.inputHex}`);
  }
}

async function main(): Promise<number> {
  let isUnknown = false;
  const args = parseArgs(Deno.args, {
    boolean: ["help"],
    alias: { help: "h" },
    unknown: () => {
      isUnknown = true;
    },
    string: [
      "seed",
      "runs",
      "target",
      "input",
      "max-run-ms",
      "max-growth-mib",
    ],
  });
  if (args.help || isUnknown) {
    print(HELP);
    return args.help ? 0 : 2;
  }
  const seed = args.seed === undefined
    ? crypto.getRandomValues(new Uint32Array(1))[0]!
    : readCount("seed", args.seed, 0);
  const options = {
    seed,
    runs: readCount("runs", args.runs ?? "1000000", 0),
    maxRunMs: readCount("max-run-ms", args["max-run-ms"] ?? "250", 1),
    maxGrowthMib: readCount(
      "max-growth-mib",
      args["max-growth-mib"] ?? "512",
      1,
    ),
  };
  const wanted = args.target?.split(",").filter((name: string) => name !== "");

  const modules = new Map<string, string>();
  let failed = 0;
  for (const module of targetModules()) {
    try {
      modules.set((await importTarget(module)).name, module);
    } catch (error) {
      print(`FAILED ${module}: ${Deno.inspect(error)}`);
      failed++;
    }
  }
  for (const name of wanted ?? []) {
    if (modules.has(name)) continue;
    print(`No target ${name}; there are: ${[...modules.keys()].join(", ")}`);
    return 2;
  }

  if (args.input !== undefined) {
    const input = tryFromHex(args.input);
    if (input === undefined || wanted?.length !== 1) {
      print("Option --input wants hex digits and one --target");
      return 2;
    }
    (await importTarget(modules.get(wanted[0]!)!)).run(input);
    print(`ok     ${wanted[0]}: the input is handled`);
    return 0;
  }

  print(`seed ${seed}, ${options.runs} runs a target`);
  let passed = 0;
  for (const [name, module] of modules) {
    if (wanted !== undefined && !wanted.includes(name)) continue;
    const progress = new SharedArrayBuffer(4);
    const result = await runJob({ ...options, module, progress }, name);
    report(result, seed);
    if (result.failure === undefined) passed++;
    else failed++;
  }
  print(`${passed} passed, ${failed} failed`);
  return failed === 0 && passed > 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main());
