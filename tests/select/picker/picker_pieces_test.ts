import { assert, assertEquals, assertThrows } from "@std/assert";
import type { PiecePicker } from "../../../select/mod.ts";
import { BLOCK, deliver, join, pieces, show, world } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `PickerPieces ${name}`, permissions: "none", fn });

test("asks for a failed piece again and names who gave it", () => {
  const picker = world({ pieces: 1 });
  join(picker, 1, "*");
  join(picker, 2, "*");
  picker.pieces.markBlocks(0, [3]);
  deliver(picker, 1, picker.pick(1, 2, 0));
  deliver0(picker, 2);
  assertEquals(picker.pieces.state(0), "complete");
  assertEquals(picker.pieces.failed(0), [1, 1, 2, -1]);
  assertEquals(picker.pieces.state(0), "open");
  assertEquals(picker.pick(1, 9, 0).length, 4);
  assertInvariants(picker);
  function deliver0(p: PiecePicker, peer: number): void {
    for (const b of p.pick(peer, 9, 0)) p.received(peer, 0, b.blockOffset, 0);
  }
});

test("asks only for the bad blocks when they are known", () => {
  const picker = world({ pieces: 1 });
  join(picker, 1, "*");
  for (const b of picker.pick(1, 4, 0)) picker.received(1, 0, b.blockOffset, 0);
  picker.pieces.failed(0, [2]);
  assertEquals(picker.pieces.state(0), "partial");
  assertEquals(show(picker.pick(1, 4, 0)), "0.2");
  assertInvariants(picker);
});

test("asks again for a block that could not be kept", () => {
  const picker = world({ pieces: 2 });
  join(picker, 1, "**");
  const asked = picker.pick(1, 4, 0);
  const piece = asked[0]!.pieceIndex;
  for (const b of asked) picker.received(1, piece, b.blockOffset, 0);
  assertEquals(picker.pieces.state(piece), "complete");
  picker.pieces.lostBlock(piece, 1);
  assertEquals(picker.pieces.state(piece), "partial");
  assertInvariants(picker);
  assertEquals(show(picker.pick(1, 1, 0)), `${piece}.1`);
  // Those that are not here are left alone.
  picker.pieces.lostBlock(piece, 1);
  picker.pieces.lostBlock(piece, 99);
  picker.pieces.lostBlock(1 - piece, 0);
  for (const block of [0, 2, 3]) picker.pieces.lostBlock(piece, block);
  assertInvariants(picker);
  assertThrows(() => picker.pieces.lostBlock(2, 0), RangeError);
  const other = picker.pick(1, 2, 0);
  picker.received(1, other[0]!.pieceIndex, other[0]!.blockOffset, 0);
  picker.pieces.lostBlock(other[0]!.pieceIndex);
  assertInvariants(picker);
  assertEquals(show(picker.pick(1, 1, 0)), show(other.slice(0, 1)));
});

test("refuses to end a piece that is not complete", () => {
  const picker = world({ pieces: 1 });
  assertThrows(() => picker.pieces.verified(0), RangeError, "it is open");
  assertThrows(() => picker.pieces.failed(0), RangeError, "it is open");
});

test("drops requests for a piece that came from elsewhere", () => {
  const picker = world({ pieces: 2 });
  join(picker, 1, "**");
  const asked = picker.pick(1, 2, 0);
  const dropped = picker.pieces.setHave(asked[0]!.pieceIndex);
  assertEquals(dropped.map((item) => item.peer), [1, 1]);
  assertEquals(show(dropped.map((item) => item.block)), show(asked));
  assertEquals(
    picker.received(1, asked[0]!.pieceIndex, 0, 0).accepted,
    false,
  );
  assertEquals(picker.pieces.setHave(asked[0]!.pieceIndex), []);
  assertInvariants(picker);
});

test("asks for pieces with a deadline before all others", () => {
  const picker = world({ availability: "11111", priority: "44744" });
  join(picker, 1, "*****");
  picker.pieces.setDeadline(4, 500);
  picker.pieces.setDeadline(0, 300);
  picker.pieces.setDeadline(1, 400);
  picker.pieces.setDeadline(1, undefined);
  assertEquals(pieces(picker.pick(1, 12, 0)), [0, 4, 2]);
  assertThrows(() => picker.pieces.setDeadline(0, NaN), RangeError);
  assertInvariants(picker);
});

test("wants a piece that is not wanted while it has a deadline", () => {
  const picker = world({ pieces: 2 });
  picker.pieces.setPriority(0, 0);
  picker.pieces.setDeadline(0, 10);
  assertEquals(picker.pieces.priority(0), 4);
  picker.pieces.setDeadline(0, 20);
  picker.pieces.setPriority(0, 1);
  assertEquals(picker.pieces.priority(0), 1);
  picker.pieces.setPriorities([0, 3]);
  assertEquals(picker.pieces.priority(0), 4);
  picker.pieces.setDeadline(0, undefined);
  assertEquals(picker.pieces.priority(0), 0);
  picker.pieces.setDeadline(1, 10);
  picker.pieces.setHave(1);
  assertEquals(picker.pieces.priority(1), 3);
  assertInvariants(picker);
});

test("asks twice for overdue blocks of urgent pieces, of another peer", () => {
  const picker = world({ pieces: 20, blocks: 1 });
  join(picker, 1, "*".repeat(20));
  join(picker, 2, "*".repeat(20));
  for (let now = 0; now < 1000; now += 100) {
    deliver(picker, 2, picker.pick(2, 1, now), now + 100);
  }
  const urgent = pickOpen(picker);
  picker.pieces.setDeadline(urgent, 1500);
  assertEquals(pieces(picker.pick(1, 1, 1000)), [urgent]);
  assert(pieces(picker.pick(2, 1, 1001))[0] !== urgent);
  assertEquals(pieces(picker.pick(2, 1, 1400)), [urgent]);
  assertInvariants(picker);
});

function pickOpen(picker: PiecePicker): number {
  for (let i = 0; i < picker.stats().pieces; i++) {
    if (picker.pieces.state(i) === "open") return i;
  }
  throw new Error("No open piece");
}

test("keeps the slowest tenth away from urgent pieces", () => {
  const picker = world({ availability: "2222222122" });
  for (let peer = 0; peer < 10; peer++) {
    join(picker, peer, "*******2**".replaceAll("2", "*"));
    picker.peers.setRate(peer, (peer + 1) * 10_000);
  }
  picker.pieces.setDeadline(0, 100);
  assertEquals(pieces(picker.pick(0, 1, 0)), [7]);
  // Nor may one that is just faster: others give the piece sooner.
  assert(pieces(picker.pick(1, 1, 0))[0] !== 0);
  assertEquals(pieces(picker.pick(9, 1, 0)), [0]);
});

test("asks a slow peer for an urgent piece that no other has", () => {
  const picker = world({ availability: "1222222222" });
  join(picker, 0, "**********");
  join(picker, 1, " *********");
  picker.peers.setRate(0, BLOCK);
  picker.peers.setRate(1, 1000 * BLOCK);
  picker.pieces.setDeadline(0, 100);
  assertEquals(show(picker.pick(0, 2, 0)), "0.0 0.1");
});

test("gives up what is not due, and only that", () => {
  const picker = world({ availability: "1111" });
  join(picker, 1, "****");
  assert(!picker.pieces.hasDeadlines);
  picker.pieces.setDeadline(2, 100);
  assert(picker.pieces.hasDeadlines);
  assert(picker.pieces.hasDeadline(2) && !picker.pieces.hasDeadline(1));
  assertEquals(picker.pick(1, 16, 0).length, 16);
  const released = picker.releaseUndue(1);
  assertEquals(released.length, 12);
  assert(released.every(({ pieceIndex }) => pieceIndex !== 2));
  assertEquals(picker.outstanding(1), 4);
  assertEquals(picker.releaseUndue(9), []);
  assertInvariants(picker);
});

test("keeps peers with long queues away from urgent pieces", () => {
  const picker = world({ availability: "2222222122" });
  join(picker, 0, "**********");
  picker.peers.setRate(0, BLOCK);
  assertEquals(pieces(picker.pick(0, 4, 0)), [7]);
  picker.pieces.setDeadline(0, 3000);
  assert(pieces(picker.pick(0, 4, 0))[0] !== 0);
  // A later deadline it can keep.
  picker.pieces.setDeadline(0, 60_000);
  assertEquals(pieces(picker.pick(0, 4, 0)), [0]);
});

test("resumes from blocks on disk", () => {
  const picker = world({ availability: "11", partial: "5." });
  join(picker, 1, "* ");
  assertEquals(show(picker.pick(1, 9, 0)), "0.1 0.3");
  assert(!picker.pieces.markBlocks(1, [0]));
  assert(picker.pieces.markBlocks(1, [1, 2, 3]));
  assertEquals(picker.pieces.state(1), "complete");
  assertThrows(() => picker.pieces.markBlocks(0, [4]), RangeError);
  assertInvariants(picker);
});

test("refuses blocks that no piece has, and leaves a verified one alone", () => {
  const picker = world({ pieces: 2, have: "* " });
  for (const block of [-1, 0.5, NaN, 4]) {
    assertThrows(() => picker.pieces.markBlocks(1, [0, block]), RangeError);
  }
  assertEquals(picker.pieces.state(1), "open");
  assertEquals(picker.pieces.markBlocks(0, [0]), false);
  assertEquals(picker.pieces.state(0), "have");
  assertEquals(picker.pieces.markBlocks(1, []), false);
  assertEquals(picker.pieces.markBlocks(1, [0, 1, 2, 3]), true);
  assertEquals(picker.pieces.markBlocks(1, []), true);
  assertInvariants(picker);
});

test("stops asking for blocks of a piece that is no longer wanted", () => {
  const picker = world({ availability: "1", partial: "1" });
  join(picker, 1, "*");
  picker.pick(1, 1, 0);
  picker.pieces.setPriority(0, 0);
  assertEquals(picker.pick(1, 3, 0), []);
  assert(picker.isDone);
  picker.pieces.setPriority(0, 4);
  assertEquals(show(picker.pick(1, 3, 0)), "0.2 0.3");
  assertInvariants(picker);
});

test("counts whole copies, and the share of pieces above them", () => {
  for (
    const [availability, copies] of [
      ["1111", 1],
      ["1221", 1.5],
      ["2112", 1.5],
      ["3103", 0.75],
      ["0000", 0],
    ] as const
  ) {
    const picker = world({ availability, pieces: 4 });
    assertEquals(picker.pieces.distributedCopies(), copies, availability);
    join(picker, 1, "****");
    assertEquals(picker.pieces.distributedCopies(), copies + 1, availability);
  }
  assertEquals(world({ pieces: 0 }).pieces.distributedCopies(), 0);
});

test("gives all of its numbers", () => {
  const picker = world({ availability: "1220", partial: "..f.", have: "*   " });
  assertEquals(picker.stats(), {
    pieces: 4,
    have: 1,
    lacking: 3,
    open: 2,
    partial: 0,
    complete: 1,
    freeBlocks: 0,
    requestedBlocks: 0,
    peers: 2,
    seeds: 0,
    endGame: false,
  });
  assertEquals(picker.pieces.distributedCopies(), 0.75);
});

test("a block is overdue after the mean and three deviations", () => {
  // Blocks of one peer take 100 ms, so the deviation goes from 50 towards 0.
  const overdueAfter = (samples: readonly number[]) => {
    const picker = world({ pieces: 40, blocks: 1 });
    join(picker, 1, "*".repeat(40));
    join(picker, 2, "*".repeat(40));
    let now = 0;
    for (const ms of samples) {
      const [block] = picker.pick(1, 1, now);
      now += ms;
      picker.received(1, block!.pieceIndex, 0, now);
    }
    const [last] = picker.pick(1, 1, now);
    picker.pieces.setDeadline(last!.pieceIndex, now);
    for (let wait = 0; wait < 2000; wait++) {
      const asked = picker.pick(2, 1, now + wait);
      if (asked[0]?.pieceIndex === last!.pieceIndex) return wait;
      for (const block of asked) picker.released(2, block);
    }
    return Infinity;
  };
  assertEquals(overdueAfter([100]), 250);
  // 50 * 15 / 16 is 46.9; 50 * (15 / 16)^9 is 28.
  assertEquals(overdueAfter([100, 100]), 241);
  assertEquals(overdueAfter(new Array(10).fill(100)), 184);
  // One of 260 ms: 50 + 110 / 16 of deviation, 110 of mean.
  assertEquals(overdueAfter([100, 260]), 281);
});
