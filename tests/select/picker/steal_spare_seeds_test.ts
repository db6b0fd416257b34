import { assertEquals } from "@std/assert";
import type { PiecePicker } from "../../../select/mod.ts";
import { join, world } from "../picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

const SEED = 1;
const OTHER = 2;

/** A seed that was asked for two pieces of two blocks, and a peer with none. */
function scene(pieces: number) {
  const picker = world({ pieces, blocks: 2 });
  join(picker, OTHER, " ".repeat(pieces));
  join(picker, SEED, "*".repeat(pieces));
  const asked = picker.pick(SEED, 4, 0).map(({ pieceIndex }) => pieceIndex);
  return { picker, first: asked[0]!, second: asked[2]! };
}
const gains = (picker: PiecePicker, pieceIndex: number) => {
  picker.peers.gained(OTHER, pieceIndex);
  return picker.spareSeeds(pieceIndex);
};

test("a seed is not asked on for what another peer came to have", () => {
  const { picker, first: piece } = scene(3);
  const spared = gains(picker, piece);
  assertEquals(
    spared.map((
      { peer, block },
    ) => [peer, block.pieceIndex, block.blockOffset]),
    [[SEED, piece, 0], [SEED, piece, 16384]],
  );
  assertEquals(picker.outstanding(SEED), 2);
  assertEquals(picker.pieces.state(piece), "open");
  // What nobody else has comes before it.
  const next = picker.pick(SEED, 2, 1).map(({ pieceIndex }) => pieceIndex);
  assertEquals(next.includes(piece), false);
  assertEquals(next.length, 2);
});

test("what a seed is asked for stays where nothing is rarer", () => {
  const { picker, first, second } = scene(2);
  // The other one that it was asked for is rarer.
  assertEquals(gains(picker, first).length, 2);
  assertEquals(gains(picker, second), []);
  assertEquals(picker.outstanding(SEED), 2);
});

test("only seeds are spared, and only by the first other copy", () => {
  const { picker, first, second } = scene(4);
  picker.peers.gained(OTHER, first);
  join(picker, 3, " ".repeat(4));
  picker.peers.gained(3, first);
  assertEquals(picker.spareSeeds(first), [], "two have it");
  const open = [0, 1, 2, 3].find((i) => i !== first && i !== second)!;
  assertEquals(gains(picker, open), [], "nobody was asked for it");
  picker.peers.setChoked(3, false);
  picker.peers.gained(3, second);
  picker.peers.lost(SEED, second);
  picker.pick(3, 2, 2);
  assertEquals(picker.spareSeeds(second), [], "no seed was asked for it");
});

test("what is due soon is asked of everybody", () => {
  const { picker, first, second } = scene(3);
  picker.pieces.setDeadline(first, 1_000);
  assertEquals(gains(picker, first), []);
  assertEquals(gains(picker, second).length, 2);
});
