import { assertEquals } from "@std/assert";
import { Deadlines } from "../../../select/picker/deadlines.ts";

Deno.test("Deadlines: soonest first, in the order they came among equals", {
  permissions: "none",
}, () => {
  const deadlines = new Deadlines();
  const list = () =>
    deadlines.list.map(({ pieceIndex, at }) => `${pieceIndex}@${at}`).join(" ");
  for (const [piece, at] of [[1, 50], [2, 20], [3, 50], [4, 70], [5, 20]]) {
    deadlines.set(piece!, at!, piece!);
  }
  assertEquals(list(), "2@20 5@20 1@50 3@50 4@70");
  deadlines.set(2, 60, 99);
  deadlines.set(4, 10, 99);
  assertEquals(list(), "4@10 5@20 1@50 3@50 2@60");
  // What was before counts from the first time, or as it is changed.
  assertEquals([2, 4, 9].map((i) => deadlines.before(i)), [2, 4, undefined]);
  deadlines.setBefore(4, 7);
  assertEquals(deadlines.before(4), 7);
  assertEquals([deadlines.has(4), deadlines.has(9)], [true, false]);
  deadlines.delete(4);
  deadlines.delete(9);
  assertEquals([list(), deadlines.has(4)], ["5@20 1@50 3@50 2@60", false]);
});
