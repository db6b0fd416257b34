import { assert, assertEquals } from "@std/assert";
import {
  simulateSwarm,
  type SimulationConfig,
  summarizeSimulation,
} from "../../testing/mod.ts";

const permissions: Deno.PermissionOptions = "none";

const SMALL: SimulationConfig = {
  pieces: 30,
  pieceLength: 16384,
  groups: [
    { name: "seed", count: 1, seed: true, upload: 262_144 },
    { name: "leechers", count: 6, arriveS: 5, stayS: 20, nat: 0.5 },
  ],
};

Deno.test({
  name: "a swarm is simulated the same each time, and otherwise by seed",
  permissions,
  async fn() {
    const first = await simulateSwarm(SMALL);
    assert(first.isComplete);
    assertEquals(first.length, 30 * 16384);
    assertEquals(await simulateSwarm(SMALL), first);
    const other = await simulateSwarm({ ...SMALL, seed: 2 });
    assert(JSON.stringify(other) !== JSON.stringify(first));
    for (const { group, tookS, downloaded, wasted } of first.peers) {
      if (group === "seed") assertEquals(downloaded, 0);
      else {
        // Nobody is faster than the link from the seed.
        assert(tookS! > first.length / 1_048_576, `${tookS}`);
        assert(downloaded - wasted >= first.length);
      }
    }
    assert(first.firstCopies! >= 0.9, `${first.firstCopies}`);
    assert(first.samples.every(({ mean, rarest }) => mean >= rarest));
    assert(first.samples.some(({ mean }) => mean > 3));
  },
});

Deno.test({
  name: "links bound what a simulated swarm can do",
  permissions,
  async fn() {
    const slow = await simulateSwarm({
      ...SMALL,
      groups: [
        { name: "seed", count: 1, seed: true, upload: 16384 },
        { name: "leecher", count: 1 },
      ],
    });
    // 30 pieces of a second each.
    const { tookS } = slow.peers[1]!;
    assert(tookS! > 29 && tookS! < 45, `${tookS}`);
  },
});

Deno.test({
  name: "free riders serve nobody, liars and drainers keep nobody from it",
  permissions,
  async fn() {
    const result = await simulateSwarm({
      ...SMALL,
      groups: [
        ...SMALL.groups,
        { name: "riders", count: 2, behaviour: "free-rider", stayS: 0 },
        { name: "liars", count: 2, behaviour: "liar" },
        { name: "drainers", count: 1, behaviour: "drainer" },
        { name: "visitors", count: 2, churn: { onS: 20, offS: 5 } },
      ],
    });
    assert(result.isComplete);
    const groups = summarizeSimulation(result);
    const of = (name: string) => groups.find(({ group }) => group === name)!;
    assertEquals(of("riders").complete, 2);
    // What they allowed fast at most.
    assert(of("riders").ratio! < 0.4, `${of("riders").ratio}`);
    assertEquals(of("visitors").complete, 2);
    assertEquals(of("drainers").complete, 0);
    assert(of("drainers").count === 1);
  },
});
