/** What is wanted, and how much of it is there. */
import { assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { checkPriority, Wishes } from "../../../client/content/wishes.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";

const pure = { permissions: "none" } as const;

/** Files of 3, 5 and 4 pieces' halves: borders lie within pieces. */
function world(pad = false) {
  const layout = new PieceLayout({
    pieceLength: 32768,
    files: [
      { length: 49152 },
      ...(pad ? [{ length: 65536 - 49152, pad: true }] : []),
      { length: 81920 },
      { length: 65536 },
    ],
  });
  const have = new Bitfield(layout.pieceCount);
  return { layout, have, wishes: new Wishes(layout, have) };
}

Deno.test("Wishes wants everything alike at first", pure, () => {
  const { layout, wishes } = world();
  assertEquals(wishes.priorities, undefined);
  assertEquals(wishes.filePriorities, undefined);
  assertEquals(wishes.wantedBytes, layout.totalLength);
  assertEquals(wishes.doneBytes, 0);
  assertEquals(wishes.isDone, false);
});

Deno.test("Wishes: a piece has the highest priority of its files", pure, () => {
  const { wishes } = world();
  wishes.setFiles([[0, 0], [2, 7]]);
  // File 0: pieces 0, 1; file 1: 1, 2, 3; file 2: 4, 5.
  assertEquals([...wishes.priorities!], [0, 4, 4, 4, 7, 7]);
  assertEquals([...wishes.filePriorities!], [0, 4, 7]);
  assertEquals(wishes.wantedBytes, 5 * 32768);
  wishes.setFiles([[0, 4], [2, 4]]);
  assertEquals(wishes.priorities, undefined);
});

Deno.test("Wishes: pieces may have priorities of their own", pure, () => {
  const { wishes } = world();
  wishes.setPieces([[0, 0], [5, 7]]);
  assertEquals([...wishes.priorities!], [0, 4, 4, 4, 4, 7]);
  wishes.setFiles([[2, 0]]);
  assertEquals(wishes.piecePriority(5), 7);
  assertEquals(wishes.piecePriority(4), 0);
  wishes.setPieces([[0, undefined], [5, undefined]]);
  assertEquals(wishes.ownPriorities, undefined);
  assertEquals([...wishes.priorities!], [4, 4, 4, 4, 0, 0]);
});

Deno.test("Wishes counts what is there, and what is lost", pure, () => {
  const { have, wishes } = world();
  wishes.setFiles([[2, 0]]);
  for (let i = 0; i < 4; i++) {
    assertEquals(wishes.isDone, false);
    have.set(i);
    wishes.verified(i);
  }
  assertEquals(wishes.isDone, true);
  assertEquals(wishes.doneBytes, wishes.wantedBytes);
  // An unwanted piece that comes all the same changes nothing.
  have.set(5);
  wishes.verified(5);
  assertEquals(wishes.doneBytes, 4 * 32768);
  have.clear(0);
  wishes.recount();
  assertEquals(wishes.isDone, false);
  assertEquals(wishes.doneBytes, 3 * 32768);
});

Deno.test("Wishes never wants what is nothing but padding", pure, () => {
  const layout = new PieceLayout({
    pieceLength: 16384,
    files: [{ length: 16384 }, { length: 32768, pad: true }, { length: 5 }],
  });
  const wishes = new Wishes(layout, new Bitfield(layout.pieceCount));
  assertEquals([...wishes.priorities!], [4, 0, 0, 4]);
  assertEquals(wishes.wantedBytes, 16389);
  // Padding that only fills a piece up is no matter.
  assertEquals(world(true).wishes.priorities, undefined);
});

Deno.test("checkPriority() knows 0 to 7", pure, () => {
  for (const good of [0, 4, 7]) checkPriority(good);
  for (const bad of [-1, 8, 1.5, NaN]) {
    assertThrows(() => checkPriority(bad), RangeError);
  }
});

Deno.test("Wishes: what is read is wanted, whatever its file is", pure, () => {
  const { have, wishes } = world();
  assertEquals(wishes.setRead([{ first: 0, end: 2 }]), false);
  assertEquals(wishes.priorities, undefined);
  wishes.setFiles([[0, 0], [1, 0]]);
  // File 2 alone, and what is read.
  assertEquals([...wishes.priorities!], [4, 4, 0, 0, 4, 4]);
  have.set(0);
  wishes.verified(0);
  assertEquals(wishes.doneBytes, 32768);
  assertEquals(wishes.setRead([{ first: 2, end: 3 }]), true);
  assertEquals([...wishes.priorities!], [0, 0, 4, 0, 4, 4]);
  assertEquals([wishes.wantedBytes, wishes.doneBytes], [3 * 32768, 0]);
  assertEquals(wishes.setRead([]), true);
  assertEquals([...wishes.priorities!], [0, 0, 0, 0, 4, 4]);
  assertEquals(wishes.setRead([]), false);
});

Deno.test(
  "Wishes tells what is lacking of the whole, wanted or not",
  pure,
  () => {
    const { layout, have, wishes } = world();
    wishes.setFiles([[0, 0]]);
    assertEquals(wishes.missingBytes, layout.totalLength);
    have.set(1);
    assertEquals(wishes.missingBytes, layout.totalLength - 32768);
    have.setAll();
    assertEquals(wishes.missingBytes, 0);
  },
);

Deno.test("Wishes: what is read may make all of it wanted alike", pure, () => {
  const { layout, wishes } = world();
  wishes.setFiles([[0, 0]]);
  assertEquals(wishes.setRead([{ first: 0, end: 1 }]), true);
  assertEquals(wishes.priorities, undefined);
  assertEquals(wishes.wantedBytes, layout.totalLength);
});

Deno.test(
  "Wishes: the ends of files come first, of those that are wanted",
  pure,
  () => {
    const layout = new PieceLayout({
      pieceLength: 16384,
      files: [
        { length: 4 * 16384 },
        { length: 0 },
        { length: 16384, pad: true },
        { length: 3 * 16384 },
        { length: 16384 },
      ],
    });
    const have = new Bitfield(layout.pieceCount);
    const wishes = new Wishes(layout, have, true);
    assertEquals([...wishes.priorities!], [7, 4, 4, 7, 0, 7, 4, 7, 7]);
    wishes.setFiles([[0, 0], [3, 1]]);
    assertEquals([...wishes.priorities!], [0, 0, 0, 0, 0, 7, 1, 7, 7]);
  },
);

Deno.test("Wishes lacks what is wanted and not there", pure, () => {
  const { have, wishes } = world();
  wishes.setFiles([[0, 0]]);
  have.set(4);
  const lacks = [0, 1, 2, 3, 4, 5].filter((i) => wishes.lacks(i));
  assertEquals(lacks, [1, 2, 3, 5]);
});
