import { assertEquals } from "@std/assert";
import { KeptPieces } from "../../../disk/object/kept_pieces.ts";

const MIB = 1 << 20;

Deno.test("KeptPieces: a piece is given once, the oldest give way", {
  permissions: "none",
}, () => {
  const kept = new KeptPieces();
  const pieces = Array.from({ length: 5 }, () => new Uint8Array(8 * MIB));
  const there = () => pieces.map((bytes, i) => kept.take(i) === bytes);
  pieces.forEach((bytes, i) => kept.add(i, bytes));
  assertEquals(there(), [false, true, true, true, true]);
  assertEquals(there(), [false, false, false, false, false]);
  // What was given makes room; what comes again is the youngest.
  for (const i of [0, 1, 2, 3]) kept.add(i, pieces[i]!);
  kept.take(1);
  kept.add(0, pieces[0]!);
  kept.add(4, pieces[4]!);
  kept.add(1, pieces[1]!);
  assertEquals(there(), [true, true, false, true, true]);
  // One that is too large is not kept, nor is anything else then.
  kept.add(0, pieces[0]!);
  kept.add(1, new Uint8Array(33 * MIB));
  assertEquals(there(), [false, false, false, false, false]);
  kept.add(2, pieces[2]!);
  kept.clear();
  pieces.forEach((bytes, i) => i > 0 && kept.add(i, bytes));
  assertEquals(there(), [false, true, true, true, true]);
});
