import { assert, assertEquals } from "@std/assert";
import {
  plotSimulations,
  summarizeSimulation,
} from "../../../testing/simulation/report.ts";
import type { SimulationResult } from "../../../testing/simulation/result.ts";

const peer = (group: string, tookS: number | undefined, uploaded: number) => ({
  group,
  arrivedS: 0,
  tookS,
  uploaded,
  downloaded: group === "seed" ? 0 : 100,
  wasted: group === "seed" ? 0 : 10,
});

const RESULT: SimulationResult = {
  length: 90,
  tookS: 40,
  isComplete: false,
  peers: [
    peer("seed", undefined, 300),
    peer("a", 30, 50),
    peer("a", 10, 150),
    peer("a", 20, 100),
    peer("a", undefined, 0),
  ],
  samples: [
    { atS: 0, complete: 0, rarest: 1, mean: 1, firstSent: 0 },
    { atS: 5, complete: 3, rarest: 2, mean: 3.5, firstSent: 270 },
  ],
  firstCopies: 3,
};

Deno.test({
  name: "groups are summed up over all of their peers",
  permissions: "none",
  fn() {
    assertEquals(summarizeSimulation(RESULT), [
      {
        group: "seed",
        count: 1,
        complete: 0,
        medianS: undefined,
        p95S: undefined,
        ratio: undefined,
        waste: 0,
      },
      {
        group: "a",
        count: 4,
        complete: 3,
        medianS: 20,
        // One of four never became complete.
        p95S: undefined,
        ratio: 0.75,
        waste: 0.1,
      },
    ]);
  },
});

Deno.test({
  name: "simulations are drawn side by side",
  permissions: "none",
  fn() {
    const one = plotSimulations({ x: RESULT });
    assert(one.completion.includes(">a</text>"));
    assert(!one.completion.includes(">seed</text>"));
    assert(one.availability.includes(">rarest piece</text>"));
    assert(one.fairness.includes(">a</text>"));
    assert(one.copies.includes(">x</text>"));
    const two = plotSimulations({ x: RESULT, y: RESULT });
    assert(two.completion.includes(">x: a</text>"));
    assert(two.completion.includes(">y: a</text>"));
  },
});
