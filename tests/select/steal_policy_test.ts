import { assert, assertEquals } from "@std/assert";
import { stealFromStalled } from "../../select/mod.ts";

Deno.test("stealFromStalled takes from those without a block for 15 s only", {
  permissions: "none",
}, () => {
  const policy = stealFromStalled();
  const idle = { rate: 1e6, outstanding: 0, idleMs: 0 };
  const judge = (idleMs: number) =>
    policy.judge(idle, { rate: 1, outstanding: 50, idleMs });
  assertEquals(judge(14_999), undefined);
  const [first, second] = [judge(16_000)!, judge(15_000)!];
  assertEquals([first.keep, second.keep], [0, 0]);
  assert(first.score > second.score);
});
