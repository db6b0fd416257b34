import { assert, assertEquals, assertThrows } from "@std/assert";
import { SmartBan } from "../../select/mod.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `SmartBan ${name}`, permissions: "none", fn });

/** Digests from a text, one letter for a block. */
const digests = (text: string) =>
  [...text].map((letter) => Uint8Array.of(letter.charCodeAt(0)));

test("bans whoever gave a bad piece alone", () => {
  const judge = new SmartBan();
  const verdict = judge.pieceFailed(0, [5, 5], digests("xx"));
  assertEquals(verdict, { ban: [5], parole: [], absolve: [] });
  assert(judge.isBanned(5));
  assert(!judge.hasSuspects(0));
});

test("does not ban when a part came from the disk", () => {
  const judge = new SmartBan();
  const verdict = judge.pieceFailed(0, [5, -1], digests("xx"));
  assertEquals(verdict, { ban: [], parole: [5], absolve: [] });
  // The block on disk was the bad one.
  assert(judge.hasSuspects(0));
  assertEquals(
    judge.pieceVerified(0, [6, 6], digests("xa")),
    { ban: [], parole: [], absolve: [5] },
  );
});

test("names exactly the culprit and acquits the others", () => {
  const judge = new SmartBan();
  const first = judge.pieceFailed(3, [1, 2, 3, 1], digests("aBcd"));
  assertEquals(first.parole, [1, 2, 3]);
  const second = judge.pieceVerified(3, [4, 4, 4, 4], digests("abcd"));
  assertEquals(second, { ban: [2], parole: [], absolve: [1, 3] });
  assert(judge.isBanned(2));
  assert(!judge.hasSuspects(3));
});

test("compares every failure of a piece", () => {
  const judge = new SmartBan();
  judge.pieceFailed(0, [1, 2], digests("Xb"));
  judge.pieceFailed(0, [3, 4], digests("aY"));
  assertEquals(
    [...judge.pieceVerified(0, [9, 9], digests("ab")).ban].sort(),
    [1, 4],
  );
});

test("keeps a peer on parole while another piece may prove it guilty", () => {
  const judge = new SmartBan();
  judge.pieceFailed(0, [1, 2], digests("ab"));
  judge.pieceFailed(1, [1, 3], digests("ab"));
  // A good piece alone does not clear it, nor does one of two cases.
  assertEquals(judge.pieceVerified(7, [1, 1]).absolve, []);
  assertEquals(judge.pieceVerified(0, [9, 9], digests("aX")).ban, [2]);
  assertEquals(judge.pieceVerified(1, [9, 9], digests("aX")).absolve, [1]);
});

test("convicts a peer that left before the proof", () => {
  const judge = new SmartBan();
  judge.pieceFailed(0, [1, 2], digests("Xb"));
  judge.forget(1);
  assertEquals(judge.pieceVerified(0, [3, 3], digests("ab")).ban, [1]);
});

test("keeps accounts of trust", () => {
  const judge = new SmartBan();
  for (let i = 0; i < 20; i++) judge.pieceVerified(i, [1, 2]);
  assertEquals(judge.trust(1), 8);
  judge.pieceFailed(30, [1, 2], digests("ab"));
  assertEquals(judge.trust(1), 6);
  const banned: number[] = [];
  for (let i = 31; banned.length === 0; i++) {
    banned.push(...judge.pieceFailed(i, [1, 2], digests("ab")).ban);
  }
  assertEquals(banned, [1, 2]);
  assertEquals(judge.trust(1), -8);
  assertEquals(judge.trust(99), 0);
});

test("bounds what it remembers", () => {
  const judge = new SmartBan({ maxBlocks: 8, penalty: 0 });
  for (let i = 0; i < 6; i++) judge.pieceFailed(i, [1, 2], digests("ab"));
  assertEquals(
    [0, 1, 2, 3, 4, 5].filter((i) => judge.hasSuspects(i)),
    [2, 3, 4, 5],
  );
  for (let i = 0; i < 9; i++) judge.pieceFailed(5, [3 + i, 20], digests("ab"));
  assertEquals([2, 3, 4, 5].filter((i) => judge.hasSuspects(i)), [5]);
});

test("refuses digests that do not fit", () => {
  const judge = new SmartBan();
  assertThrows(() => judge.pieceFailed(0, [1, 2], digests("a")), RangeError);
  judge.pieceFailed(0, [1, 2], digests("ab"));
  assertThrows(() => judge.pieceVerified(0, [1, 2]), RangeError);
  // Without suspects none are needed.
  judge.pieceVerified(1, [1, 2]);
});
