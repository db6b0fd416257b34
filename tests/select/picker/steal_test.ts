import { assertEquals } from "@std/assert";
import type { PeerLoad, StealPolicy } from "../../../select/mod.ts";
import { BLOCK, join, world } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `steal ${name}`, permissions: "none", fn });

/** Slower peers first; so many requests stay. */
const slowest = (keep = 0): StealPolicy => ({
  judge: (_, { rate }) => ({ score: -rate, keep }),
});

test("moves requests, and a block that comes all the same is welcome", () => {
  const picker = world({ pieces: 2, blocks: 4 });
  for (const peer of [1, 2]) join(picker, peer, "**");
  assertEquals(picker.pick(1, 8, 0).length, 8);
  const stolen = picker.steal(2, 3, 100, slowest(1));
  assertEquals(stolen.map(({ peer }) => peer), [1, 1, 1]);
  assertEquals([picker.outstanding(1), picker.outstanding(2)], [5, 3]);
  const { pieceIndex, blockOffset } = stolen[0]!.block;
  const result = picker.received(1, pieceIndex, blockOffset, 200);
  assertEquals(result, { accepted: true, cancel: [2], pieceComplete: false });
  assertInvariants(picker);
  picker.steal(2, 100, 200, slowest(1));
  assertEquals(picker.outstanding(1), 1);
  assertEquals(picker.steal(2, 100, 200, slowest(1)), []);
  picker.steal(2, 100, 200, slowest());
  assertEquals(picker.outstanding(1), 0);
  assertInvariants(picker);
});

test("tells the policy how busy both are", () => {
  const picker = world({ pieces: 3, blocks: 2 });
  for (const peer of [1, 2, 3]) join(picker, peer, "***");
  picker.peers.setRate(1, 500);
  picker.pick(1, 3, 1_000);
  picker.pick(2, 1, 1_000);
  const seen: PeerLoad[][] = [];
  picker.steal(2, 1, 4_000, {
    judge: (idle, busy) => void seen.push([idle, busy]),
  });
  // Peer 3 owes nothing.
  assertEquals(seen, [[
    { rate: 0, outstanding: 1, idleMs: 3_000 },
    { rate: 500, outstanding: 3, idleMs: 3_000 },
  ]]);
});

test("moves only requests that the other peer can serve", () => {
  const picker = world({ pieces: 4, blocks: 2 });
  join(picker, 1, "****");
  join(picker, 2, " ** ");
  assertEquals(picker.pick(1, 8, 0).length, 8);
  // One piece that the idle peer has is no longer wanted.
  picker.pieces.setPriority(2, 0);
  const steal = () =>
    picker.steal(2, 100, 60_000, slowest())
      .map(({ block }) => [block.pieceIndex, block.blockOffset]);
  picker.peers.setChoked(2, true);
  assertEquals(steal(), []);
  picker.peers.setChoked(2, false);
  picker.peers.setParole(2, true);
  assertEquals(steal(), []);
  picker.peers.setParole(2, false);
  // The last one first, as it would come last.
  assertEquals(steal(), [[1, BLOCK], [1, 0]]);
  assertInvariants(picker);
});

test("moves nothing of a piece with one author, nor what several were asked for", () => {
  const picker = world({ pieces: 2, blocks: 1 });
  for (const peer of [1, 2, 3]) join(picker, peer, "**");
  picker.peers.setParole(1, true);
  const [own] = picker.pick(1, 1, 0);
  assertEquals(picker.pick(2, 1, 0).length, 1);
  const moved = picker.steal(3, 9, 0, slowest());
  assertEquals(moved.map(({ block }) => block.pieceIndex), [
    1 - own!.pieceIndex,
  ]);
  assertInvariants(picker);
  const end = world({ pieces: 1, blocks: 1 });
  for (const peer of [1, 2, 3]) join(end, peer, "*");
  for (const peer of [1, 2]) assertEquals(end.pick(peer, 1, 0).length, 1);
  assertEquals(end.steal(3, 9, 0, slowest()), []);
  end.releaseAll(2);
  assertEquals(end.steal(3, 9, 0, slowest()).length, 1);
});

test("moves requests of those with the highest score first, up to a number", () => {
  const picker = world({ pieces: 6, blocks: 1 });
  for (const [peer, rate] of [[1, 3_000], [2, 10], [3, 100], [4, 10_000]]) {
    join(picker, peer!, "******");
    picker.peers.setRate(peer!, rate!);
    if (peer !== 4) picker.pick(peer!, 2, 0);
  }
  const moved = picker.steal(4, 3, 100, slowest(1));
  assertEquals(moved.map(({ peer }) => peer), [2, 3, 1]);
  assertInvariants(picker);
});
