import { assertEquals, assertNotEquals } from "@std/assert";
import type { FuzzTarget } from "./fuzz_target.ts";
import { Mutator } from "./mutator.ts";
import { fuzz, fuzzInputs, type FuzzOptions } from "./runner.ts";
import { importTarget, targetModules } from "./targets.ts";

const OPTIONS: FuzzOptions = {
  seed: 1,
  runs: 3000,
  maxRunMs: 1000,
  maxGrowthMib: 512,
};
const text = (value: string) => new TextEncoder().encode(value);

function target(run: (input: Uint8Array) => void): FuzzTarget {
  return { name: "test", seeds: () => [text("4:spam"), text("i1e")], run };
}

for (const module of targetModules()) {
  const file = module.slice(module.lastIndexOf("/") + 1);
  Deno.test({
    name: `fuzz smoke of ${file}`,
    timeout: 60_000,
    async fn() {
      const result = fuzz(await importTarget(module), OPTIONS);
      assertEquals(result.failure, undefined);
      assertEquals(result.runs > OPTIONS.runs, true);
    },
  });
}

Deno.test({
  name: "fuzz() finds a throw, and names the input",
  permissions: "none",
  fn() {
    const result = fuzz(
      target((input) => {
        if (input.includes(0x99)) throw new RangeError("found it");
      }),
      OPTIONS,
    );
    assertEquals(result.failure?.kind, "threw");
    assertEquals(result.failure?.inputHex.includes("99"), true);
    assertEquals(result.failure?.message.includes("found it"), true);
    assertEquals(result.runs < OPTIONS.runs, true);
  },
});

Deno.test({
  name: "fuzz() finds a slow run, but forgives a busy moment",
  permissions: "none",
  fn() {
    const spin = (ms: number) => {
      for (const end = performance.now() + ms; performance.now() < end;);
    };
    const options = { ...OPTIONS, maxRunMs: 20 };
    const slow = target((input) => input.length > 40 ? spin(25) : undefined);
    assertEquals(fuzz(slow, options).failure?.kind, "slow");
    let once = true;
    const busy = target(() => {
      if (once) spin(25);
      once = false;
    });
    assertEquals(fuzz(busy, { ...options, runs: 10 }).failure, undefined);
  },
});

Deno.test({
  name: "fuzz() finds memory that grows, touched or not",
  permissions: "none",
  fn() {
    const held: Uint8Array[] = [];
    const options = { ...OPTIONS, runs: 20_000, maxGrowthMib: 100 };
    const leak = target(() => void held.push(new Uint8Array(65_536)));
    assertEquals(fuzz(leak, options).failure?.kind, "memory");
    held.length = 0;
  },
});

Deno.test({
  name: "fuzz() refuses a target without start inputs",
  permissions: "none",
  fn() {
    const empty: FuzzTarget = { name: "empty", seeds: () => [], run() {} };
    assertEquals(fuzz(empty, OPTIONS).failure?.kind, "no seeds");
  },
});

Deno.test({
  name: "fuzzInputs() repeats itself for a seed, and only for it",
  permissions: "none",
  fn() {
    const take = (seed: number, vandal: boolean) => {
      const inputs = fuzzInputs(target(() => {}), seed);
      const taken: string[] = [];
      for (let i = 0; i < 500; i++) {
        const input = inputs.next().value;
        taken.push(input.join());
        if (vandal) input.fill(0);
      }
      return taken;
    };
    assertEquals(take(7, false), take(7, true));
    assertNotEquals(take(7, false), take(8, false));
    assertEquals(take(7, false)[0], text("4:spam").join());
  },
});

Deno.test({
  name: "Mutator makes many different inputs of bounded length",
  permissions: "none",
  fn() {
    const mutator = new Mutator([text("d4:spami42ee"), text("")], 3);
    const seen = new Set<string>();
    let longest = 0;
    for (let i = 0; i < 5000; i++) {
      const input = mutator.next();
      longest = Math.max(longest, input.length);
      seen.add(input.join());
    }
    assertEquals(seen.size > 3500, true, `${seen.size} different`);
    assertEquals(longest > 1000 && longest <= 12 + 4096, true, `${longest}`);
  },
});
