import { assert, assertEquals, assertThrows } from "@std/assert";
import { bits, join, pieces, show, world } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `PickerPeers ${name}`, permissions: "none", fn });

test("asks nothing of a peer that chokes us but what it allows", () => {
  const picker = world({ availability: "1111" });
  picker.peers.add(1);
  picker.peers.setAll(1);
  assertEquals(picker.pick(1, 10, 0), []);
  picker.peers.allowFast(1, 2);
  assertEquals(show(picker.pick(1, 10, 0)), "2.0 2.1 2.2 2.3");
  picker.peers.setChoked(1, false);
  assertEquals(picker.pick(1, 4, 0).length, 4);
  assertInvariants(picker);
});

test("prefers suggested pieces, but not before priorities", () => {
  const picker = world({ availability: "1111111", priority: "4444744" });
  join(picker, 1, "*******");
  picker.peers.suggest(1, 5);
  assertEquals(pieces(picker.pick(1, 4, 0)), [4]);
  assertEquals(pieces(picker.pick(1, 4, 0)), [5]);
});

test("knows what is interesting", () => {
  const picker = world({ pieces: 3, have: "*  " });
  join(picker, 1, "*  ");
  join(picker, 2, "** ");
  assert(!picker.peers.isInteresting(1));
  assert(picker.peers.isInteresting(2));
  picker.pieces.setPriority(1, 0);
  assert(!picker.peers.isInteresting(2));
  picker.pieces.setPriority(1, 4);
  assert(picker.peers.isInteresting(2));
  picker.pieces.setHave(1);
  assert(!picker.peers.isInteresting(2));
  picker.peers.gained(1, 2);
  assert(picker.peers.isInteresting(1));
  picker.pieces.clearHave(0);
  assert(picker.peers.isInteresting(2));
  assert(!picker.peers.isInteresting(99));
});

test("tells whose interest changed, and nobody else's", () => {
  const picker = world({ pieces: 3, have: "*  " });
  const { peers, pieces } = picker;
  for (const peer of [1, 2, 3]) peers.add(peer);
  const steps: [() => unknown, number[]][] = [
    [() => peers.gained(1, 0), []],
    [() => peers.gained(1, 1), [1]],
    [() => peers.gained(1, 2), []],
    [() => peers.setAll(2), [2]],
    [() => peers.setBitfield(3, bits(" * ")), [3]],
    [() => pieces.setHave(1), [3]],
    [() => pieces.setPriority(2, 0), [1, 2]],
    [() => pieces.setPriorities([4, 4, 4]), [1, 2]],
    [() => peers.lost(1, 2), [1]],
    [() => peers.lost(2, 2), [2]],
    [() => pieces.clearHave(1), [1, 2, 3]],
    [() => peers.setBitfield(3, bits("   ")), [3]],
    [() => peers.setBitfield(1, bits("*  ")), [1]],
    [() => peers.remove(2), []],
  ];
  for (const [step, changed] of steps) {
    step();
    assertEquals(peers.takeInterestChanges().sort(), changed, `${step}`);
    assertInvariants(picker);
  }
});

test("takes keys of 31 bits, each once", () => {
  const { peers } = world({ pieces: 1 });
  for (const key of [0, 2 ** 31 - 1]) peers.add(key);
  for (const key of [0, -1, 0.5, NaN, 2 ** 31]) {
    assertThrows(() => peers.add(key), RangeError, undefined, `${key}`);
  }
});

test("remembers the latest 64 suggestions", () => {
  const picker = world({ availability: "1".repeat(80), blocks: 1 });
  join(picker, 1, "*".repeat(80));
  for (let i = 0; i <= 64; i++) picker.peers.suggest(1, i);
  const expected = Array.from({ length: 64 }, (_, i) => i + 1);
  assertEquals(pieces(picker.pick(1, 64, 0)), expected);
});

test("counts a repeated announcement once", () => {
  const picker = world({ pieces: 2 });
  join(picker, 1, "  ");
  assert(picker.peers.gained(1, 0));
  assert(!picker.peers.gained(1, 0));
  assertEquals(picker.pieces.availability(0), 1);
  picker.peers.setAll(1);
  picker.peers.setAll(1);
  assertEquals(picker.pieces.availability(0), 1);
  picker.peers.setBitfield(1, bits("* "));
  assertEquals(picker.pieces.availability(1), 0);
  assertEquals(picker.peers.lost(1, 1), []);
  assertInvariants(picker);
});

test("a seed that loses pieces and has all again costs no walk over all pieces", () => {
  const picker = world({ pieces: 3_000 });
  join(picker, 1, "*".repeat(3_000));
  join(picker, 2, "*".repeat(2_999) + " ");
  assertEquals(picker.peers.takeInterestChanges().sort(), [1, 2]);
  for (let round = 0; round < 3; round++) {
    // Few are kept as exceptions, many piece by piece: the same in both.
    for (let i = 0; i < 300; i++) {
      assertEquals(picker.peers.lost(1, 2_999 - i).length, 0);
      assertEquals(picker.peers.hasPiece(1, 2_999 - i), false);
      if (i % 50 === 0) assertInvariants(picker);
    }
    assertInvariants(picker);
    assertEquals(picker.stats().seeds, 0);
    assertEquals(picker.pieces.availability(2_999), 0);
    assertEquals(picker.pieces.availability(2_998), 1);
    assert(picker.peers.gained(1, 2_999));
    picker.peers.setAll(1);
    assertInvariants(picker);
    assertEquals(picker.stats().seeds, 1);
  }
  picker.peers.lost(1, 5);
  picker.peers.remove(1);
  assertInvariants(picker);
  assertEquals(picker.peers.takeInterestChanges(), []);
});

test("takes a piece back from a seed", () => {
  const picker = world({ pieces: 3 });
  join(picker, 1, "***");
  assertEquals(picker.stats().seeds, 1);
  const asked = picker.pick(1, 4, 0);
  const lost = asked[0]!.pieceIndex;
  assertEquals(show(picker.peers.lost(1, lost)), show(asked));
  assertEquals(picker.stats().seeds, 0);
  assertEquals(picker.peers.hasPiece(1, lost), false);
  assertEquals(picker.pieces.availability(lost), 0);
  assertInvariants(picker);
});

test("keeps a peer on parole to itself", () => {
  const picker = world({ availability: "11", blocks: 4 });
  join(picker, 1, "**");
  join(picker, 2, "**");
  join(picker, 3, "**");
  picker.peers.setParole(1, true);
  const started = pieces(picker.pick(2, 1, 0))[0]!;
  // Not in the started piece, but in one of its own.
  const own = pieces(picker.pick(1, 2, 0));
  assertEquals(own, [1 - started]);
  picker.pick(2, 3, 0);
  // Nothing is open any more: now others may help.
  assertEquals(pieces(picker.pick(3, 1, 0)), own);
  assertInvariants(picker);
});

test("lets others into a parole piece after an acquittal", () => {
  const picker = world({ availability: "111", blocks: 4 });
  join(picker, 1, "*  ");
  join(picker, 2, "** ");
  picker.peers.setParole(1, true);
  picker.pick(1, 2, 0);
  assertEquals(pieces(picker.pick(2, 4, 0)), [1]);
  picker.peers.setParole(1, false);
  assertEquals(show(picker.pick(2, 1, 0)), "0.2");
});

test("remembers few grants, each once", () => {
  const picker = world({ pieces: 100, blocks: 1 });
  picker.peers.add(1);
  picker.peers.setAll(1);
  for (let i = 0; i < 100; i++) {
    picker.peers.allowFast(1, i);
    picker.peers.allowFast(1, i);
  }
  assertEquals(picker.pick(1, 100, 0).length, 64);
  assertInvariants(picker);
});

test("knows who has what", () => {
  const picker = world({ pieces: 3 });
  join(picker, 1, " * ");
  assertEquals([0, 1, 2].map((i) => picker.peers.hasPiece(1, i)), [
    false,
    true,
    false,
  ]);
  assert(!picker.peers.hasPiece(99, 1));
  assert(picker.peers.has(1) && !picker.peers.has(99));
});

test("pieces that do not exist are a mistake of the caller", () => {
  const picker = world({ pieces: 3 });
  join(picker, 1, "***");
  for (const pieceIndex of [-1, 3, 0.5, NaN, 2 ** 32]) {
    for (
      const call of [
        () => picker.peers.gained(1, pieceIndex),
        () => picker.peers.lost(1, pieceIndex),
        () => picker.peers.allowFast(1, pieceIndex),
        () => picker.peers.suggest(1, pieceIndex),
        () => picker.pieces.setHave(pieceIndex),
        () => picker.pieces.clearHave(pieceIndex),
        () => picker.pieces.markBlocks(pieceIndex, [0]),
        () => picker.pieces.setPriority(pieceIndex, 1),
        () => picker.pieces.setDeadline(pieceIndex, 1),
      ]
    ) assertThrows(call, RangeError, undefined, `${call} ${pieceIndex}`);
  }
  assertInvariants(picker);
});
