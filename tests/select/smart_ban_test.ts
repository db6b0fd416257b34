import { assert, assertEquals, assertThrows } from "@std/assert";
import { SmartBan } from "../../select/mod.ts";
import { splitDigests } from "../../select/smart_ban.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `SmartBan ${name}`, permissions: "none", fn });

/** Digests from a text, one letter for a block. */
const digests = (text: string) =>
  [...text].map((letter) => Uint8Array.of(letter.charCodeAt(0)));

test("bans a peer that gave a bad piece alone", () => {
  const judge = new SmartBan();
  const verdict = judge.pieceFailed(0, [5, 5], digests("xx"));
  assertEquals(verdict, { ban: [5], parole: [], absolve: [] });
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

test("clears a peer that was only new by a piece of its own", () => {
  const judge = new SmartBan();
  judge.pieceFailed(0, [1, 2], digests("ab"));
  for (const peer of [7, 8]) assert(judge.suspect(peer));
  assertEquals(judge.pieceVerified(1, [7, 8]).absolve, []);
  assertEquals(judge.pieceVerified(2, [8, -1]).absolve, []);
  assertEquals(judge.pieceVerified(3, [7, 7]).absolve, [7]);
  assertEquals(judge.pieceVerified(4, [7, 7]).absolve, []);
  // Bad pieces still come in, but it has proved itself.
  assert(!judge.suspect(7));
  assert(judge.suspect(9));
});

test("trusts newcomers until a piece is bad, and after 256 good ones", () => {
  const judge = new SmartBan();
  judge.pieceVerified(0, [1]);
  assertEquals(judge.suspect(7), false);
  judge.pieceFailed(0, [1, 2], digests("ab"));
  for (let i = 0; i < 255; i++) judge.pieceVerified(1 + i, [3]);
  assertEquals([judge.suspect(7), judge.suspect(7)], [true, false]);
  judge.pieceVerified(256, [3]);
  assertEquals(judge.suspect(8), false);
});

test("cuts digests of 20 bytes apart", () => {
  assertEquals(splitDigests(undefined), []);
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i);
  assertEquals(splitDigests(bytes), [bytes.slice(0, 20), bytes.slice(20)]);
});

test("convicts a peer that left before the proof", () => {
  const judge = new SmartBan();
  judge.pieceFailed(0, [1, 2], digests("Xb"));
  judge.forget(1);
  assertEquals(judge.pieceVerified(0, [3, 3], digests("ab")).ban, [1]);
});

/** Fails pieces of the same two peers until they are banned. */
function failuresUntilBan(judge: SmartBan): number {
  for (let count = 1; count < 20; count++) {
    const { ban } = judge.pieceFailed(100 + count, [1, 2], digests("ab"));
    if (ban.length === 0) continue;
    assertEquals(ban, [1, 2]);
    return count;
  }
  return Infinity;
}

test("bans a stranger after four bad pieces", () => {
  assertEquals(failuresUntilBan(new SmartBan()), 4);
});

test("keeps accounts of trust, up to a limit", () => {
  for (const [good, bad] of [[1, 4], [2, 5], [7, 7], [8, 8], [50, 8]]) {
    const judge = new SmartBan();
    for (let i = 0; i < good!; i++) judge.pieceVerified(i, [1, 2]);
    assertEquals(failuresUntilBan(judge), bad, `${good} good pieces`);
  }
});

test("bounds what it remembers", () => {
  const judge = new SmartBan();
  const many = Array(16_384).fill(digests("a")[0]!);
  const fail = (piece: number, peer: number) =>
    judge.pieceFailed(piece, many.map((_, i) => peer + i % 2), many);
  for (let i = 0; i < 6; i++) fail(i, 10 * i);
  assertEquals(
    [0, 1, 2, 3, 4, 5].filter((i) => judge.hasSuspects(i)),
    [2, 3, 4, 5],
  );
  for (let i = 0; i < 9; i++) fail(5, 100 + 10 * i);
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
