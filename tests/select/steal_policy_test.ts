import { assert, assertEquals } from "@std/assert";
import { stealFromSlow, stealFromStalled } from "../../select/mod.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `stealFromSlow ${name}`, permissions: "none", fn });

const load = (rate: number, outstanding = 10, idleMs = 0) => ({
  rate,
  outstanding,
  idleMs,
});

test("ranks much slower before stalled before slower", () => {
  const policy = stealFromSlow();
  const idle = load(10_000, 0);
  const much = policy.judge(idle, load(900))!;
  const stalled = policy.judge(idle, load(9000, 1, 20_000))!;
  const slower = policy.judge(idle, load(3000))!;
  assert(much.score > stalled.score && stalled.score > slower.score);
  assertEquals([much.keep, stalled.keep, slower.keep], [1, 0, 1]);
});

test("leaves peers of like speed and unknown ones alone", () => {
  const policy = stealFromSlow();
  assertEquals(policy.judge(load(10_000), load(5000)), undefined);
  assertEquals(policy.judge(load(10_000), load(0)), undefined);
  assertEquals(policy.judge(load(0), load(10)), undefined);
});

test("moves at exactly its thresholds", () => {
  const policy = stealFromSlow();
  const idle = load(30_000, 0);
  assertEquals(policy.judge(idle, load(10_000))?.keep, 1);
  assertEquals(policy.judge(idle, load(10_001)), undefined);
  assert(policy.judge(idle, load(3_000))!.score > 3);
  assert(policy.judge(idle, load(3_001))!.score < 1);
  assertEquals(policy.judge(idle, load(0, 1, 14_999)), undefined);
  assertEquals(policy.judge(idle, load(0, 1, 15_000))?.keep, 0);
});

test("moves nothing that would arrive later", () => {
  const policy = stealFromSlow();
  assertEquals(policy.judge(load(10, 0), load(1, 0.1)), undefined);
  assert(policy.judge(load(10, 0), load(1, 0.2)) !== undefined);
});

Deno.test({
  name: "stealFromStalled takes from those without a block for 15 s only",
  permissions: "none",
  fn() {
    const policy = stealFromStalled();
    const idle = load(1e6, 0);
    assertEquals(policy.judge(idle, load(1, 50, 14_999)), undefined);
    const first = policy.judge(idle, load(1e6, 1, 16_000))!;
    const second = policy.judge(load(0, 0), load(0, 1, 15_000))!;
    assertEquals([first.keep, second.keep], [0, 0]);
    assert(first.score > second.score);
  },
});
