import { assertEquals } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { FirstCopies } from "../../select/first_copies.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

function copies(counts: number[]) {
  const have = Bitfield.full(counts.length);
  have.clear(0);
  return new FirstCopies(have, (pieceIndex) => counts[pieceIndex]!);
}
const firsts = (book: FirstCopies, peer: number, pieceCount: number) =>
  Array.from({ length: pieceCount }, (_, i) => i)
    .filter(book.firstFor(peer) ?? (() => false));

test("FirstCopies puts first what we have and nobody else", () => {
  const counts = [0, 1, 0, 0, 2];
  const book = copies(counts);
  assertEquals(book.firstFor(1), undefined);
  book.look();
  assertEquals(firsts(book, 1, 5), [2, 3]);
  counts[3] = 1;
  assertEquals(firsts(book, 1, 5), [2], "at once, not with the next look");
  counts[2] = 1;
  book.look();
  assertEquals(book.firstFor(1), undefined);
});

test("FirstCopies sends each piece to one peer first", () => {
  const counts = [0, 0, 0, 0, 1];
  const book = copies(counts);
  book.look();
  book.served(1, 2);
  book.served(2, 2);
  book.served(2, 4);
  assertEquals(firsts(book, 1, 5), [1, 2, 3]);
  assertEquals(firsts(book, 2, 5), [1, 3]);
  book.gone(2);
  assertEquals(firsts(book, 2, 5), [1, 3]);
  book.gone(1);
  assertEquals(firsts(book, 2, 5), [1, 2, 3]);
});

test("FirstCopies forgets who was sent what others have", () => {
  const counts = [0, 0];
  const book = copies(counts);
  book.look();
  book.served(1, 1);
  counts[1] = 1;
  book.look();
  counts[1] = 0;
  book.look();
  assertEquals(firsts(book, 2, 2), [1]);
});
