import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import { PieceLayout } from "../../metainfo/piece_layout.ts";
import { PiecePicker, randomOrder, sequential } from "../../select/mod.ts";
import { BLOCK, join, pieces, show, world } from "./picker_world.ts";
import { assertInvariants } from "./picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `PiecePicker ${name}`, permissions: "none", fn });

test("asks for the rarest pieces first", () => {
  const picker = world({ availability: "3321244" });
  join(picker, 1, "*******");
  const order = pieces(picker.pick(1, 100, 0));
  assertEquals(order[0], 3);
  assertEquals(order.slice(1, 3).sort(), [2, 4]);
  assertEquals(order.slice(3, 5).sort(), [0, 1]);
  assertEquals(order.slice(5).sort(), [5, 6]);
});

test("breaks ties of rarity by chance", () => {
  const firsts = new Set<number>();
  for (let seed = 0; seed < 30; seed++) {
    const picker = world({
      availability: "1111",
      options: { random: seededRandom(seed) },
    });
    join(picker, 1, "****");
    firsts.add(picker.pick(1, 1, 0)[0]!.pieceIndex);
  }
  assertEquals(firsts.size, 4);
});

test("puts priority before rarity and never asks for what is skipped", () => {
  const picker = world({ availability: "1234", priority: "0147" });
  join(picker, 1, "****");
  assertEquals(pieces(picker.pick(1, 100, 0)), [3, 2, 1]);
  assertEquals(picker.pieces.state(0), "skipped");
  assertInvariants(picker);
});

test("follows changes of rarity", () => {
  const picker = world({ availability: "2222" });
  join(picker, 1, "****");
  for (const key of [7, 8, 9]) {
    join(picker, key, "    ");
    for (const i of [0, 1, 3]) picker.peers.gained(key, i);
  }
  assertEquals(pieces(picker.pick(1, 4, 0)), [2]);
  picker.peers.remove(8);
  picker.peers.lost(7, 3);
  picker.peers.lost(9, 3);
  assertEquals(pieces(picker.pick(1, 4, 0)), [3]);
  assertInvariants(picker);
});

test("chooses the first pieces by chance, within the priority", () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const picker = world({
      availability: "12345678111111",
      priority: "44444447111111",
      options: { random: seededRandom(seed), randomFirstPieces: 4 },
    });
    join(picker, 1, "******* ******");
    seen.add(picker.pick(1, 1, 0)[0]!.pieceIndex);
    join(picker, 2, "********      ");
    assertEquals(pieces(picker.pick(2, 4, 0)), [7]);
  }
  assert(seen.size >= 6);
  assert(Math.max(...seen) < 7);
});

test("takes the rarest once enough pieces are here", () => {
  for (const [randomFirstPieces, firsts] of [[4, 1], [5, 4]] as const) {
    const seen = new Set<number>();
    for (let seed = 0; seed < 40; seed++) {
      const picker = world({
        availability: "22221234",
        have: "****    ",
        options: { random: seededRandom(seed), randomFirstPieces },
      });
      join(picker, 1, "********");
      seen.add(picker.pick(1, 1, 0)[0]!.pieceIndex);
    }
    assertEquals([seen.size, seen.has(4)], [firsts, true]);
  }
});

test("asks first for what was given up", () => {
  for (let seed = 0; seed < 10; seed++) {
    const picker = world({
      availability: "1".repeat(50),
      blocks: 1,
      options: { random: seededRandom(seed) },
    });
    for (const peer of [1, 2]) join(picker, peer, "*".repeat(50));
    const asked = picker.pick(1, 20, 0);
    picker.released(1, asked[7]!);
    assertEquals(show(picker.pick(2, 1, 0)), show(asked.slice(7, 8)));
  }
});

test("goes on with the rarest of the pieces that were started", () => {
  const picker = world({ availability: "1323", partial: "1111" });
  join(picker, 1, "****");
  assertEquals(pieces(picker.pick(1, 6, 0)), [0, 2]);
});

test("goes on with a started piece that has a deadline", () => {
  const picker = world({ availability: "2111", partial: "1111" });
  join(picker, 1, "****");
  picker.pieces.setDeadline(0, 1_000);
  assertEquals(show(picker.pick(1, 3, 0)), "0.1 0.2 0.3");
});

test("asks nothing urgent of a peer that owes more than there is time for", () => {
  const now = 100_000;
  for (
    const [dueMs, rate, expected] of [
      // Four blocks of 16 KiB are owed: 4 s, or a moment.
      [3_900, BLOCK, 2],
      [4_000, BLOCK, 1],
      [4_100, BLOCK, 1],
      [1_000, 100 * BLOCK, 1],
      // Up to two seconds are nothing to speak of.
      [1_000, 2 * BLOCK, 1],
    ] as const
  ) {
    const picker = world({ availability: "111", priority: "717" });
    join(picker, 1, "***");
    assertEquals(pieces(picker.pick(1, 4, now)), [0]);
    picker.peers.setRate(1, rate);
    picker.pieces.setDeadline(1, now + dueMs);
    picker.pieces.setPriority(1, 1);
    assertEquals(
      pieces(picker.pick(1, 4, now)),
      [expected],
      `${dueMs} ${rate}`,
    );
  }
});

test("asks for pieces in order when sequential", () => {
  const picker = world({
    availability: "31231",
    priority: "44474",
    options: { strategy: sequential() },
  });
  join(picker, 1, "** **");
  assertEquals(pieces(picker.pick(1, 100, 0)), [3, 0, 1, 4]);
  assertInvariants(picker);
});

test("asks for pieces in order from some piece on", () => {
  const picker = world({
    availability: "31231",
    priority: "44474",
    options: { strategy: sequential(2) },
  });
  join(picker, 1, "*****");
  assertEquals(pieces(picker.pick(1, 100, 0)), [3, 2, 4, 0, 1]);
  assertInvariants(picker);
});

test("goes back to an earlier piece when sequential", () => {
  const picker = world({
    pieces: 70,
    options: { strategy: sequential() },
  });
  join(picker, 1, "*".repeat(70));
  join(picker, 2, "*".repeat(70));
  const first = picker.pick(1, 4, 0);
  assertEquals(pieces(first), [0]);
  picker.peers.setRate(2, 1e6);
  assertEquals(pieces(picker.pick(2, 4, 0)), [1]);
  picker.releaseAll(1);
  assertEquals(pieces(picker.pick(2, 4, 0)), [0]);
});

test("changes the strategy under way", () => {
  const picker = world({ availability: "4321" });
  join(picker, 1, "****");
  assertEquals(pieces(picker.pick(1, 4, 0)), [3]);
  picker.pieces.setStrategy(sequential());
  assertEquals(pieces(picker.pick(1, 4, 0)), [0]);
  picker.pieces.setStrategy(randomOrder());
  assertEquals(picker.pick(1, 100, 0).length, 8);
  assertInvariants(picker);
});

test("gives contiguous blocks and goes on with the same piece", () => {
  const picker = world({ availability: "1111", blocks: 8 });
  join(picker, 1, "****");
  const one = picker.pick(1, 3, 0);
  const two = picker.pick(1, 3, 0);
  const i = one[0]!.pieceIndex;
  assertEquals(show(one), `${i}.0 ${i}.1 ${i}.2`);
  assertEquals(show(two), `${i}.3 ${i}.4 ${i}.5`);
});

test("lets slow peers share a piece and fast ones take their own", () => {
  const picker = world({ availability: "1111", blocks: 8 });
  join(picker, 1, "****");
  join(picker, 2, "****");
  join(picker, 3, "****");
  picker.peers.setRate(2, 100);
  picker.peers.setRate(3, 1e6);
  const first = pieces(picker.pick(1, 2, 0));
  assertEquals(pieces(picker.pick(2, 2, 0)), first);
  assert(pieces(picker.pick(3, 2, 0))[0] !== first[0]);
});

test("finishes started pieces that nobody works on", () => {
  const picker = world({ availability: "22222", partial: "..3.." });
  join(picker, 1, "*****");
  picker.peers.setRate(1, 1e6);
  assertEquals(show(picker.pick(1, 2, 0)), "2.2 2.3");
});

test("finishes started pieces first when there are too many", () => {
  // More than one and a half for each of 4 peers, or more than 2048 free
  // blocks: even a higher priority has to wait.
  for (
    const [partial, blocks, waits] of [
      ["111111....", 4, false],
      ["1111111...", 4, true],
      ["11........", 1025, false],
      ["12........", 1026, true],
    ] as const
  ) {
    const picker = world({ availability: "3333333333", partial, blocks });
    join(picker, 1, "**********");
    picker.pieces.setPriority(9, 7);
    const [first] = pieces(picker.pick(1, 3, 0));
    assertEquals(first !== 9, waits, `${partial} ${blocks}`);
  }
});

test("takes late blocks while they are lacking, and no others than its own", () => {
  const picker = world({ availability: "1" });
  join(picker, 1, "*");
  const [block] = picker.pick(1, 1, 0);
  const at = block!.blockOffset;
  assertEquals(picker.received(1, 0, at + 1, 1).accepted, false);
  assertEquals(picker.received(1, 0, 4 * BLOCK, 1).accepted, false);
  assertEquals(picker.received(1, 1, 0, 1).accepted, false);
  assertEquals(picker.received(1, -1, NaN, 1).accepted, false);
  assertEquals(picker.received(77, 0, at, 1).accepted, false);
  assert(picker.released(1, block!));
  assert(!picker.released(1, block!));
  assertEquals(picker.pieces.state(0), "open");
  assertEquals(picker.received(1, 0, at, 2).accepted, true);
  assertEquals(picker.received(1, 0, at, 3).accepted, false);
  assertInvariants(picker);
});

test("cancels the losers of the end-game, whose blocks are waste then", () => {
  const picker = world({ pieces: 1, blocks: 2 });
  join(picker, 1, "*");
  join(picker, 2, "*");
  join(picker, 3, "*");
  assertEquals(show(picker.pick(1, 5, 0)), "0.0 0.1");
  assert(picker.stats().endGame);
  assertEquals(show(picker.pick(2, 5, 1)), "0.0");
  // One duplicate a peer, and the block with the fewest askers.
  assertEquals(picker.pick(2, 5, 1), []);
  assertEquals(show(picker.pick(3, 5, 2)), "0.1");
  const result = picker.received(2, 0, 0, 3);
  assertEquals(result.accepted, true);
  assertEquals(result.cancel, [1]);
  assertEquals(picker.received(1, 0, 0, 4).accepted, false);
  const last = picker.received(1, 0, BLOCK, 5);
  assertEquals(last, {
    accepted: true,
    cancel: [3],
    pieceComplete: true,
  });
  assertEquals(picker.pieces.verified(0), [2, 1]);
  assert(picker.isDone);
  assertInvariants(picker);
});

test("has no end-game while anything else can be had", () => {
  const picker = world({ pieces: 2, blocks: 2 });
  join(picker, 1, "**");
  join(picker, 2, "* ");
  const first = picker.pick(1, 1, 0);
  picker.pick(1, 1, 0);
  if (first[0]!.pieceIndex === 0) {
    assertEquals(picker.pick(2, 2, 0), []);
  }
  assert(!picker.stats().endGame);
  assertInvariants(picker);
});

test("has an end-game though nobody has some pieces", () => {
  const picker = world({ pieces: 2, blocks: 1 });
  join(picker, 1, "* ");
  join(picker, 2, "* ");
  picker.pick(1, 1, 0);
  assertEquals(show(picker.pick(2, 1, 0)), "0.0");
});

test("bounds how many peers a block is asked of", () => {
  const picker = world({ pieces: 1, blocks: 1 });
  for (let peer = 0; peer < 10; peer++) join(picker, peer, "*");
  let asked = 0;
  for (let peer = 0; peer < 10; peer++) {
    asked += picker.pick(peer, 1, 0).length;
  }
  assertEquals(asked, 4);
});

test("releases everything of a peer that leaves or chokes", () => {
  const picker = world({ availability: "111" });
  join(picker, 1, "***");
  const asked = picker.pick(1, 6, 0);
  assertEquals(picker.outstanding(1), 6);
  assertEquals(show(picker.releaseAll(1)), show(asked));
  assertEquals(picker.outstanding(1), 0);
  assertEquals(picker.stats().open, 3);
  picker.pick(1, 6, 0);
  assertEquals(picker.peers.remove(1).length, 6);
  assertEquals(picker.peers.remove(1), []);
  assertEquals(picker.stats().requestedBlocks, 0);
  assertInvariants(picker);
});

test("puts priority before rarity, however many peers have a piece", () => {
  const picker = world({ pieces: 9, blocks: 1 });
  join(picker, 0, "*********");
  for (let i = 1; i < 9; i++) picker.pieces.setPriority(i, 3);
  // Builds the order while all pieces are as rare.
  assertEquals(pieces(picker.pick(0, 1, 0)), [0]);
  picker.releaseAll(0);
  for (let peer = 1; peer <= 40; peer++) {
    join(picker, peer, "*        ");
    assertEquals(pieces(picker.pick(0, 1, 0)), [0], `${peer} peers`);
    picker.releaseAll(0);
  }
  assertInvariants(picker);
});

test("asks the layout for no piece that is not there", () => {
  const asked = new Set<number>();
  const picker = world({
    pieces: 2,
    options: {
      layout: {
        pieceCount: 2,
        blockCount: (pieceIndex) => (asked.add(pieceIndex), 4),
        blockSize: () => BLOCK,
      },
    },
  });
  join(picker, 1, "**");
  const [block] = picker.pick(1, 1, 0);
  for (const pieceIndex of [-1, 2, 3, 0.5, NaN]) {
    assert(!picker.received(1, pieceIndex, 0, 0).accepted);
    assert(!picker.released(1, { ...block!, pieceIndex }));
  }
  for (const blockOffset of [-BLOCK, 1, 4 * BLOCK]) {
    assert(!picker.received(1, 0, blockOffset, 0).accepted);
  }
  assertEquals([...asked].filter((i) => i !== 0 && i !== 1), []);
  assertEquals(picker.pick(1, 0, 0), []);
});

test("works with a real layout, whose last block is short", () => {
  const layout = new PieceLayout({
    pieceLength: 2 * BLOCK,
    files: [{ length: 3 * BLOCK + 5 }],
  });
  const picker = new PiecePicker({ layout, random: seededRandom(1) });
  picker.peers.add(0);
  picker.peers.setAll(0);
  picker.peers.setChoked(0, false);
  const blocks = picker.pick(0, 10, 0);
  assertEquals(blocks.reduce((sum, b) => sum + b.length, 0), 3 * BLOCK + 5);
  for (const b of blocks) {
    assert(layout.isBlock(b.pieceIndex, b.blockOffset, b.length));
  }
});

test("starts complete with everything and with nothing", () => {
  assert(world({ have: "***" }).isDone);
  const empty = world({ pieces: 0 });
  assert(empty.isDone);
  assertEquals(empty.pieces.distributedCopies(), 0);
  empty.peers.add(1);
  empty.peers.setAll(1);
  assertEquals(empty.pick(1, 3, 0), []);
});

test("refuses nonsense", () => {
  const picker = world({ pieces: 2 });
  picker.peers.add(1);
  for (
    const call of [
      () => picker.peers.add(1),
      () => picker.peers.add(-1),
      () => picker.peers.add(2 ** 31),
      () => picker.peers.add(0.5),
      () => picker.peers.setAll(9),
      () => picker.peers.setBitfield(1, new Bitfield(3)),
      () => picker.peers.gained(1, 2),
      () => picker.peers.lost(1, -1),
      () => picker.pick(9, 1, 0),
      () => picker.pieces.setPriority(2, 4),
      () => picker.pieces.setPriority(0, 8),
      () => picker.pieces.setPriority(0, 1.5),
      () => picker.pieces.setPriorities([1]),
      () => picker.pieces.setPriorities([1, 9]),
      () => picker.pieces.state(2),
      () => world({ pieces: 2, options: { have: new Bitfield(3) } }),
      () => world({ pieces: 2, options: { randomFirstPieces: NaN } }),
    ]
  ) assertThrows(call, RangeError);
});

test("asks for the duplicate that the fewest were asked for", () => {
  const picker = world({ pieces: 1, blocks: 3 });
  for (let peer = 0; peer < 5; peer++) join(picker, peer, "*");
  assertEquals(show(picker.pick(0, 2, 0)), "0.0 0.1");
  assertEquals(show(picker.pick(1, 1, 5)), "0.2");
  assertEquals(show(picker.pick(2, 1, 6)), "0.0");
  assertEquals(show(picker.pick(3, 1, 7)), "0.1");
  picker.released(3, { pieceIndex: 0, blockOffset: BLOCK, length: BLOCK });
  picker.received(0, 0, 0, 8);
  // Block 1 is older and has one asker again, block 2 has one.
  assertEquals(show(picker.pick(2, 1, 9)), "0.2");
  assertEquals(show(picker.pick(3, 1, 9)), "0.1");
  picker.releaseAll(2);
  assertEquals(show(picker.pick(4, 1, 9)), "0.2");
});

test("gives a run of whole pieces, from a multiple of its length, or where a piece is urgent", () => {
  const fresh = () => {
    const picker = world({ availability: "33333331" });
    join(picker, 1, "********");
    join(picker, 2, "********");
    return picker;
  };
  const blocks = fresh().pickRun(1, 1, 0).length;
  assertEquals(pieces(fresh().pickRun(1, 4 * blocks, 0)), [4, 5, 6, 7]);
  assertEquals(pieces(fresh().pickRun(1, 0, 0)), [7]);
  const picker = fresh();
  picker.pieces.setDeadline(2, 5);
  assertEquals(pieces(picker.pickRun(1, 4 * blocks, 0)), [2, 3, 4, 5]);
  // Nobody joins in while there is something else.
  assertEquals(pieces(picker.pick(2, blocks, 0)), [7]);
  assertEquals(pieces(picker.pickRun(1, 4 * blocks, 0)), [6]);
  assertInvariants(picker);
  assertThrows(() => picker.pickRun(9, 1, 0), RangeError);
});
