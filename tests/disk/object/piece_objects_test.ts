import { assertEquals } from "@std/assert";
import { PieceObjects } from "../../../disk/object/piece_objects.ts";
import { PieceLayout } from "../../../metainfo/piece_layout.ts";

const pure = { permissions: "none" } as const;
const MIB = 1 << 20;

/** Runs of eight pieces: 0 to 7, 8 to 15, 16 to 18; the last is short. */
function setUp(pieceLength = MIB) {
  const files = [{ length: 18 * MIB + 5 }];
  return new PieceObjects(new PieceLayout({ pieceLength, files }), "f/");
}

const keys = (objects: PieceObjects, first: number, end: number) =>
  [...objects.within({ first, end })].map(({ key }) => key);

Deno.test(
  "PieceObjects: what is found is taken by name and length",
  pure,
  () => {
    const objects = setUp();
    for (
      const [name, size] of [
        ["0000003", MIB],
        ["0000018", 5],
        ["0000008-0000015", 8 * MIB],
        ["0000016-0000018", 2 * MIB + 5],
        // No whole pieces, other runs, other names.
        ["0000001", MIB - 1],
        ["0000019", MIB],
        ["000000000", MIB],
        ["1", MIB],
        ["0000000-0000007", 8 * MIB - 1],
        ["0000000-0000006", 7 * MIB],
        ["0000004-0000007", 4 * MIB],
        ["0000005-0000005", MIB],
        ["x", MIB],
      ] as const
    ) objects.note(`f/${name}`, size);
    const has = Array.from({ length: 19 }, (_, i) => i)
      .filter((i) => objects.has(i));
    assertEquals(has, [3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18]);
    assertEquals(
      keys(objects, 0, 19),
      [
        "f/0000003",
        "f/0000008-0000015",
        "f/0000018",
        "f/0000016-0000018",
      ].toSorted(),
    );
    objects.clear();
    assertEquals(keys(objects, 0, 19), []);
  },
);

Deno.test("PieceObjects: a piece may be in two objects", pure, () => {
  const objects = setUp();
  const run = objects.of(8, 8);
  assertEquals(run, {
    key: "f/0000008-0000015",
    first: 8,
    end: 16,
    length: 8 * MIB,
  });
  objects.add(run);
  objects.add(objects.of(9, 1));
  assertEquals(objects.at(9), run);
  assertEquals(objects.at(7), undefined);
  assertEquals([objects.lose(run), objects.lose(run)], [true, false]);
  assertEquals(objects.at(9)?.key, "f/0000009");
  assertEquals([objects.at(8), objects.has(8)], [undefined, false]);
  assertEquals(objects.lose(objects.of(9, 1)), true);
  assertEquals(objects.has(9), false);
});

Deno.test(
  "PieceObjects: runs that reach into a range are within it",
  pure,
  () => {
    const objects = setUp();
    objects.add(objects.of(0, 8));
    objects.add(objects.of(8, 8));
    objects.add(objects.of(16, 1));
    assertEquals(keys(objects, 7, 9), [
      "f/0000000-0000007",
      "f/0000008-0000015",
    ]);
    assertEquals(keys(objects, 12, 13), ["f/0000008-0000015"]);
    assertEquals(keys(objects, 16, 16), []);
    assertEquals(keys(objects, 16, 17), ["f/0000016"]);
  },
);

Deno.test("PieceObjects: large pieces are objects each", pure, () => {
  const objects = setUp(6 * MIB);
  assertEquals(objects.runPieces, 1);
  assertEquals(objects.of(3, 1), {
    key: "f/0000003",
    first: 3,
    end: 4,
    length: 5,
  });
  objects.note("f/0000000-0000001", 12 * MIB);
  objects.note("f/0000001", 6 * MIB);
  assertEquals(keys(objects, 0, 4), ["f/0000001"]);
});
