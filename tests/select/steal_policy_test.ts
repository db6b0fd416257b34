import { assert, assertEquals, assertThrows } from "@std/assert";
import { neverSteal, stealFromSlow } from "../../select/mod.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `stealFromSlow ${name}`, permissions: "none", fn });

const load = (rate: number, outstanding = 10, idleMs = 0) => ({
  rate,
  outstanding,
  idleMs,
});

test("ranks much slower before stalled before slower", () => {
  const policy = stealFromSlow();
  const thief = load(10_000, 0);
  const much = policy.judge(thief, load(900))!;
  const stalled = policy.judge(thief, load(9000, 1, 20_000))!;
  const slower = policy.judge(thief, load(3000))!;
  assert(much.score > stalled.score && stalled.score > slower.score);
  assertEquals([much.keep, stalled.keep, slower.keep], [1, 0, 1]);
});

test("leaves peers of like speed and unknown ones alone", () => {
  const policy = stealFromSlow();
  assertEquals(policy.judge(load(10_000), load(5000)), undefined);
  assertEquals(policy.judge(load(10_000), load(0)), undefined);
  assertEquals(policy.judge(load(0), load(10)), undefined);
});

test("takes its thresholds from options", () => {
  const policy = stealFromSlow({ slower: 2, muchSlower: 4, stalledMs: 5 });
  assert(policy.judge(load(10_000), load(5000)) !== undefined);
  assert(policy.judge(load(0), load(0, 1, 5)) !== undefined);
  assertThrows(() => stealFromSlow({ slower: 0 }), RangeError, "slower");
});

test("has a counterpart that takes nothing", () => {
  assertEquals(neverSteal().judge(load(1e9), load(1, 99, 1e9)), undefined);
});
