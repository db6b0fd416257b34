import { assertEquals } from "@std/assert";
import { BLOCK, join, world } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `steal ${name}`, permissions: "none", fn });

/** When a peer that was asked at 0 has stalled, in milliseconds. */
const STALLED = 15_000;

test("moves requests, and a block that comes all the same is welcome", () => {
  const picker = world({ pieces: 2, blocks: 4 });
  for (const peer of [1, 2]) join(picker, peer, "**");
  assertEquals(picker.pick(1, 8, 0).length, 8);
  const stolen = picker.steal(2, 3, STALLED);
  assertEquals(stolen.map(({ peer }) => peer), [1, 1, 1]);
  assertEquals([picker.outstanding(1), picker.outstanding(2)], [5, 3]);
  const { pieceIndex, blockOffset } = stolen[0]!.block;
  const result = picker.received(1, pieceIndex, blockOffset, STALLED);
  assertEquals(result, { accepted: true, cancel: [2], pieceComplete: false });
  assertInvariants(picker);
  assertEquals(picker.steal(2, 100, 2 * STALLED - 1), []);
  assertEquals(picker.steal(2, 100, 2 * STALLED).length, 5);
  assertEquals(picker.outstanding(1), 0);
  assertInvariants(picker);
});

test("moves nothing before 15 seconds without a block, or from nobody", () => {
  const picker = world({ pieces: 3, blocks: 2 });
  for (const peer of [1, 2, 3]) join(picker, peer, "***");
  picker.pick(1, 3, 1_000);
  assertEquals(picker.steal(2, 9, 15_999), []);
  // Peer 3 owes nothing.
  assertEquals(picker.steal(2, 9, 16_000).map(({ peer }) => peer), [1, 1, 1]);
});

test("moves only requests that the other peer can serve", () => {
  const picker = world({ pieces: 4, blocks: 2 });
  join(picker, 1, "****");
  join(picker, 2, " ** ");
  assertEquals(picker.pick(1, 8, 0).length, 8);
  // One piece that the idle peer has is no longer wanted.
  picker.pieces.setPriority(2, 0);
  const steal = () =>
    picker.steal(2, 100, 60_000)
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
  const moved = picker.steal(3, 9, STALLED);
  assertEquals(moved.map(({ block }) => block.pieceIndex), [
    1 - own!.pieceIndex,
  ]);
  assertInvariants(picker);
  const end = world({ pieces: 1, blocks: 1 });
  for (const peer of [1, 2, 3]) join(end, peer, "*");
  for (const peer of [1, 2]) assertEquals(end.pick(peer, 1, 0).length, 1);
  assertEquals(end.steal(3, 9, STALLED), []);
  end.releaseAll(2);
  assertEquals(end.steal(3, 9, STALLED).length, 1);
});

test("moves requests of those that stalled first, up to a number", () => {
  const picker = world({ pieces: 6, blocks: 1 });
  for (const peer of [1, 2, 3, 4]) join(picker, peer, "******");
  for (const [peer, at] of [[1, 300], [2, 100], [3, 200]] as const) {
    picker.pick(peer, 2, at);
  }
  const moved = picker.steal(4, 5, 60_000);
  assertEquals(moved.map(({ peer }) => peer), [2, 2, 3, 3, 1]);
  assertInvariants(picker);
});
