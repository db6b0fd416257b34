import { assert, assertEquals } from "@std/assert";
import {
  checkSimulation,
  simulateSwarm,
  type SimulationConfig,
  type SimulationResult,
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

const FOLDER = new URL("../../docs/simulations/", import.meta.url);
const READ: Deno.PermissionOptions = { read: [FOLDER] };

/** A swarm of the documentation. */
async function described(
  file: string,
  name: string,
): Promise<SimulationResult> {
  const text = await Deno.readTextFile(new URL(`${file}.json`, FOLDER));
  return await simulateSwarm(checkSimulation(JSON.parse(text)[name]));
}

/** Medians of groups, in virtual seconds. */
function medians(result: SimulationResult): Record<string, number> {
  return Object.fromEntries(
    summarizeSimulation(result).map((
      { group, medianS = Infinity },
    ) => [group, medianS]),
  );
}

Deno.test({
  name: "newcomers get their share of a swarm that is under way",
  permissions: READ,
  async fn() {
    const result = await described("newcomers", "newcomers");
    assert(result.isComplete);
    const of = medians(result);
    assert(of.newcomers! <= 1.2 * of.leechers!, JSON.stringify(of));
    // They give a quarter of what the others give.
    assert(of["slow newcomers"]! <= 1.5 * of.leechers!, JSON.stringify(of));
    for (const { group, firstPieceS } of result.peers) {
      if (group === "first seed") continue;
      assert(firstPieceS! <= 25, `${group}: ${firstPieceS}`);
    }
  },
});

Deno.test({
  name: "peers that come and go lose nothing of what the first seed left",
  permissions: READ,
  async fn() {
    const all = medians(await described("churn", "all stay"));
    const result = await described("churn", "come and go");
    assert(result.isComplete);
    // Those that come late never saw the first seed.
    const some = medians(result);
    assert(some.late! <= 2 * all.late!, `${all.late} ${some.late}`);
    const left = result.samples.filter(({ atS }) => atS > 70);
    assert(left.length > 20);
    for (const { atS, rarest } of left) {
      assert(rarest >= 10, `${rarest} copies after ${atS} s`);
    }
  },
});
