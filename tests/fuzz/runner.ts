/**
 * Feeds a target with mutated inputs, and judges what it does.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { FuzzTarget } from "./fuzz_target.ts";
import { Mutator, targetSeed } from "./mutator.ts";

const MIB = 1024 * 1024;
/** Runs between two looks at the memory. */
const MEMORY_EVERY = 2048;

/** How a target is run. */
export interface FuzzOptions {
  /** Equal seeds give equal inputs. */
  readonly seed: number;
  /** How many mutated inputs are run, after the start inputs themselves. */
  readonly runs: number;
  /** A run that takes longer, also when it is repeated, is a failure. */
  readonly maxRunMs: number;
  /** Memory growth beyond this is a failure. */
  readonly maxGrowthMib: number;
  /** Told how many inputs have been begun. */
  readonly onRun?: (run: number) => void;
}

/** Why a target failed. */
export interface FuzzFailure {
  /** What it did. */
  readonly kind: "threw" | "slow" | "memory" | "hang" | "no seeds";
  /** More about it. */
  readonly message: string;
  /** The input, as hex. */
  readonly inputHex: string;
}

/** What came of a target. */
export interface FuzzResult {
  readonly name: string;
  readonly runs: number;
  readonly seconds: number;
  readonly slowestMs: number;
  /** The slowest input, as hex, cut after 64 bytes. */
  readonly slowestHex: string;
  readonly growthMib: number;
  readonly failure: FuzzFailure | undefined;
}

/** The inputs of a target in order: its start inputs, then mutations. */
export function* fuzzInputs(
  target: FuzzTarget,
  seed: number,
): Generator<Uint8Array, never, undefined> {
  const seeds = target.seeds();
  for (const input of seeds) yield input.slice();
  const mutator = new Mutator(seeds, targetSeed(seed, target.name));
  while (true) yield mutator.next();
}

/** Memory that this isolate and its buffers use, in MiB. */
function memoryMib(): number {
  const { rss, heapUsed, external } = Deno.memoryUsage();
  // Memory that was asked for but never touched is not resident.
  return Math.max(rss, heapUsed + external) / MIB;
}

function timeRun(target: FuzzTarget, input: Uint8Array): number {
  const start = performance.now();
  target.run(input);
  return performance.now() - start;
}

function describeError(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${Deno.inspect(error)}`;
  return (error.stack ?? String(error)).slice(0, 2000);
}

/**
 * Runs one target.
 *
 * @param target The target.
 * @param options How it is run.
 * @returns What came of it; a failure ends it at once.
 */
export function fuzz(target: FuzzTarget, options: FuzzOptions): FuzzResult {
  const { maxRunMs, maxGrowthMib, onRun } = options;
  const inputs = fuzzInputs(target, options.seed);
  const seedCount = target.seeds().length;
  const total = seedCount + options.runs;
  const start = performance.now();
  let memoryBefore = memoryMib();
  let growthMib = 0;
  let slowestMs = 0;
  let slowest: Uint8Array = new Uint8Array(0);
  let failure: FuzzFailure | undefined = seedCount > 0 ? undefined : {
    kind: "no seeds",
    message: "seeds() gave nothing to start from",
    inputHex: "",
  };
  let run = 0;

  for (; run < total && failure === undefined; run++) {
    const input = inputs.next().value;
    const hex = () => toHex(input);
    onRun?.(run);
    try {
      // A copy: what the target does to its input must not blur the report.
      let milliseconds = timeRun(target, input.slice());
      // The machine may have been busy: the best of four counts.
      for (let i = 0; i < 3 && milliseconds > slowestMs; i++) {
        milliseconds = Math.min(milliseconds, timeRun(target, input.slice()));
      }
      if (milliseconds > slowestMs) {
        slowestMs = milliseconds;
        slowest = input;
      }
      if (milliseconds > maxRunMs) {
        failure = {
          kind: "slow",
          message: `took ${
            milliseconds.toFixed(0)
          } ms, at most ${maxRunMs} ms are allowed`,
          inputHex: hex(),
        };
      }
    } catch (error) {
      failure = {
        kind: "threw",
        message: describeError(error),
        inputHex: hex(),
      };
    }
    if (run % MEMORY_EVERY === MEMORY_EVERY - 1 || run === total - 1) {
      const memory = memoryMib();
      // The first look comes after the code is compiled and caches are full.
      if (run < MEMORY_EVERY) {
        memoryBefore = Math.min(memory, memoryBefore + 64);
      }
      growthMib = Math.max(growthMib, memory - memoryBefore);
      if (growthMib > maxGrowthMib) {
        failure ??= {
          kind: "memory",
          message: `grew by ${
            growthMib.toFixed(0)
          } MiB, at most ${maxGrowthMib} MiB are allowed; the input is the last one run`,
          inputHex: hex(),
        };
      }
    }
  }
  return {
    name: target.name,
    runs: run,
    seconds: (performance.now() - start) / 1000,
    slowestMs,
    slowestHex: toHex(slowest.subarray(0, 64)) +
      (slowest.length > 64 ? `... (${slowest.length} bytes)` : ""),
    growthMib: Math.max(0, growthMib),
    failure,
  };
}
