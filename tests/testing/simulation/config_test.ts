import { assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../_shared/random.ts";
import {
  checkSimulation,
  chokerOf,
  type SimulationConfig,
  SimulationError,
  strategyOf,
} from "../../../testing/simulation/config.ts";

const GROUP = { name: "a", count: 1, seed: true };

Deno.test({
  name: "a description is checked by name and range",
  permissions: "none",
  fn() {
    const right: SimulationConfig = {
      pieces: 10,
      maxPeers: 5,
      groups: [{ ...GROUP, churn: { onS: 1, offS: 1 }, choker: "anti-leech" }],
    };
    assertEquals(checkSimulation(right), right);
    const wrong: [unknown, string][] = [
      [null, "The simulation must be an object"],
      [{}, "The simulation has no groups"],
      [{ groups: [] }, "groups cannot be []"],
      [{ groups: [GROUP], piece: 1 }, 'unknown "piece"'],
      [{ groups: [GROUP], pieceLength: 20_000 }, "pieceLength cannot be"],
      [{ groups: [{ name: "a" }] }, "Group 1 has no count"],
      [{ groups: [{ ...GROUP, fromS: -1 }] }, "Group 1: fromS cannot be -1"],
      [{ groups: [{ ...GROUP, nat: 2 }] }, "Group 1: nat cannot be 2"],
      [{ groups: [{ ...GROUP, churn: { onS: 1 } }] }, "churn cannot be"],
      [{ groups: [{ ...GROUP, strategy: "best" }] }, 'cannot be "best"'],
      [{ groups: [{ ...GROUP, toString: 1 }] }, 'unknown "toString"'],
      [{ groups: [{ ...GROUP, seed: false }] }, "No group has the content"],
      [{ groups: [{ ...GROUP, behaviour: "liar" }] }, "No group has"],
    ];
    for (const [value, message] of wrong) {
      assertThrows(() => checkSimulation(value), SimulationError, message);
    }
  },
});

Deno.test({
  name: "names stand for the policies of select/",
  permissions: "none",
  fn() {
    const random = seededRandom(1);
    for (
      const name of [
        "tit-for-tat",
        "fastest-upload",
        "round-robin",
        "anti-leech",
      ] as const
    ) assertEquals(chokerOf(name, random).name, name);
    assertEquals(strategyOf("rarest-first").name, "rarest-first");
    assertEquals(strategyOf("sequential").name, "sequential");
  },
});
