import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import { BLOCK_SIZE, PieceLayout } from "../../metainfo/piece_layout.ts";
import { PiecePicker } from "../../select/piece_picker.ts";
import { rarestFirst } from "../../select/rarest_first.ts";

const pure = { permissions: "none" } as const;
const PIECES = 40;

/** Pieces of one block; a seed is peer 1. */
function setUp({ run = 8, randomFirstPieces = 0, seed = 1 } = {}) {
  const picker = new PiecePicker({
    layout: new PieceLayout({
      pieceLength: BLOCK_SIZE,
      files: [{ length: PIECES * BLOCK_SIZE }],
    }),
    random: seededRandom(seed),
    strategy: rarestFirst(run),
    randomFirstPieces,
  });
  const join = (peer: number, pieces?: readonly number[]) => {
    picker.peers.add(peer);
    if (pieces === undefined) picker.peers.setAll(peer);
    else {
      const field = new Bitfield(PIECES);
      for (const i of pieces) field.set(i);
      picker.peers.setBitfield(peer, field);
    }
    picker.peers.setChoked(peer, false);
  };
  const pick = (peer: number, count: number) =>
    picker.pick(peer, count, 0).map(({ pieceIndex }) => pieceIndex);
  return { picker, join, pick };
}

const range = (from: number, end: number) =>
  Array.from({ length: end - from }, (_, i) => from + i);

Deno.test("rarestFirst(): a run that was begun is ended first", pure, () => {
  for (const randomFirstPieces of [0, 4]) {
    const { join, pick } = setUp({ randomFirstPieces });
    join(1);
    const picked = pick(1, PIECES);
    assertEquals(picked.toSorted((a, b) => a - b), range(0, PIECES));
    const runs = picked.map((i) => Math.floor(i / 8));
    assertEquals(runs.filter((run, at) => run !== runs[at - 1]).length, 5);
    // Whose turn it is is left to chance.
    assert(runs.join() !== runs.toSorted().join());
  }
});

Deno.test("rarestFirst(): the first of a run is the rarest", pure, () => {
  const { join, pick } = setUp();
  join(1);
  join(2, range(0, PIECES).filter((i) => i !== 21));
  assertEquals(pick(1, 8), [21, 16, 17, 18, 19, 20, 22, 23]);
});

Deno.test(
  "rarestFirst(): who lacks the rest of a run begins another, or ends an older one",
  pure,
  () => {
    const { join, pick } = setUp();
    join(1, range(0, 16));
    join(2, range(8, 24));
    const first = pick(1, 3).map((i) => Math.floor(i / 8));
    assertEquals(new Set(first).size, 1);
    const begun = first[0]! * 8;
    const second = pick(2, 2);
    if (begun === 8) assert(second.every((i) => i >= 8 && i < 16));
    join(3, [begun + 7, 30, 31]);
    assertEquals(pick(3, 1), [begun + 7]);
  },
);

Deno.test(
  "rarestFirst(): a piece of a run that was ended comes again",
  pure,
  () => {
    const { picker, join, pick } = setUp();
    join(1);
    const picked = pick(1, 9);
    const again = {
      pieceIndex: picked[3]!,
      blockOffset: 0,
      length: BLOCK_SIZE,
    };
    assertEquals(picker.released(1, again), true);
    const rest = pick(1, PIECES);
    assertEquals(
      [...picked.toSpliced(3, 1), ...rest].toSorted((a, b) => a - b),
      range(0, PIECES),
    );
    // First, what was begun.
    const run = (i: number) => Math.floor(i / 8);
    assertEquals(new Set(rest.slice(0, 7).map(run)).size, 1);
  },
);

Deno.test("rarestFirst(): priorities go before runs", pure, () => {
  const { picker, join, pick } = setUp();
  join(1);
  const [first] = pick(1, 1);
  const other = (first! + 20) % PIECES;
  picker.pieces.setPriority(other, 7);
  assertEquals(pick(1, 1), [other]);
  const run = Math.floor(first! / 8) * 8;
  for (const i of range(run, run + 8)) {
    if (i !== first) picker.pieces.setPriority(i, 1);
  }
  const last = pick(1, PIECES - 2).slice(-7);
  assertEquals(
    last.toSorted((a, b) => a - b),
    range(run, run + 8)
      .filter((i) => i !== first),
  );
});

Deno.test(
  "rarestFirst(): with a run of one, all is left to rarity and chance",
  pure,
  () => {
    const { join, pick } = setUp({ run: 1 });
    join(1);
    const picked = pick(1, PIECES);
    const beside = picked.filter((i, at) => i === picked[at - 1]! + 1).length;
    assert(beside < 10, `${picked}`);
  },
);
