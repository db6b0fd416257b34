/** Pieces that are wanted by a moment. */
import { assertEquals } from "@std/assert";
import { DuePieces } from "../../../client/content/wishes.ts";

const pure = { permissions: "none" } as const;

Deno.test("DuePieces: the earlier moment counts", pure, () => {
  const due = new DuePieces();
  due.set(1, 500);
  assertEquals(due.read(new Map([[1, 900], [2, 300]])), [1, 2]);
  assertEquals([due.at(1), due.at(2), due.at(3)], [500, 300, undefined]);
  assertEquals([...due.pieces()].sort(), [1, 1, 2]);
  assertEquals(due.read(new Map()), [1, 2]);
  assertEquals([due.at(1), due.at(2)], [500, undefined]);
  due.set(1, undefined);
  assertEquals(due.at(1), undefined);
});

Deno.test("DuePieces: moments of readers that hardly move stay", pure, () => {
  const due = new DuePieces();
  due.read(new Map([[1, 1000]]));
  assertEquals(due.read(new Map([[1, 1249]])), []);
  assertEquals(due.at(1), 1000);
  assertEquals(due.read(new Map([[1, 1250]])), [1]);
  assertEquals(due.at(1), 1250);
});

Deno.test("DuePieces: what is there is due no more", pure, () => {
  const due = new DuePieces();
  due.set(1, 500);
  due.done(1);
  assertEquals([...due.pieces()], []);
});
