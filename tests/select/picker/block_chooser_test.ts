import { assertEquals } from "@std/assert";
import { BLOCK, join, pieces, show, world } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name: `BlockChooser ${name}`, permissions: "none", fn });

test("goes on with the peer's own piece before one that is rarer", () => {
  const picker = world({ availability: "21", blocks: 8 });
  join(picker, 1, "* ");
  join(picker, 2, "**");
  assertEquals(show(picker.pick(1, 2, 0)), "0.0 0.1");
  picker.peers.setRate(2, 1e6);
  assertEquals(show(picker.pick(2, 1, 0)), "1.0");
  picker.peers.gained(1, 1);
  assertEquals(show(picker.pick(1, 7, 0)), "0.2 0.3 0.4 0.5 0.6 0.7 1.1");
  assertInvariants(picker);
});

test("does not go on with a piece that the peer lost, or that is full", () => {
  const picker = world({ availability: "11", blocks: 2 });
  join(picker, 1, "**");
  const first = picker.pick(1, 1, 0)[0]!;
  picker.peers.lost(1, first.pieceIndex);
  assertEquals(pieces(picker.pick(1, 2, 0)), [1 - first.pieceIndex]);
  assertEquals(picker.pick(1, 2, 0), []);
  assertInvariants(picker);
});

test("takes suggestions in their order, past those we have", () => {
  const picker = world({ availability: "11111", have: "* *  " });
  join(picker, 1, "*****");
  for (const i of [0, 2, 4, 3]) picker.peers.suggest(1, i);
  assertEquals(pieces(picker.pick(1, 8, 0)), [4, 3]);
  assertEquals(pieces(picker.pick(1, 8, 0)), [1]);
  const other = world({ availability: "11111", have: "*    " });
  join(other, 1, "*****");
  for (const i of [0, 4, 3]) other.peers.suggest(1, i);
  assertEquals(pieces(other.pick(1, 8, 0)), [4, 3]);
});

test("takes no suggestion of a peer on parole", () => {
  for (const isOnParole of [false, true]) {
    const picker = world({ availability: "9119" });
    join(picker, 1, "****");
    picker.peers.suggest(1, 3);
    picker.peers.setParole(1, isOnParole);
    const [first] = pieces(picker.pick(1, 4, 0));
    assertEquals(first === 3, !isOnParole);
  }
});

test("takes allowed pieces of a peer that chokes, and no others", () => {
  const picker = world({ availability: "1111", have: " *  " });
  picker.peers.add(1);
  for (const i of [0, 1, 2]) picker.peers.gained(1, i);
  for (const i of [1, 3, 2]) picker.peers.allowFast(1, i);
  assertEquals(pieces(picker.pick(1, 100, 0)), [2]);
  // It may be had after all: a piece that failed its hash.
  picker.peers.gained(1, 3);
  assertEquals(pieces(picker.pick(1, 100, 0)), [3]);
  assertEquals(picker.pick(1, 100, 0), []);
});

test("lets a fast peer join a piece where nothing else is left", () => {
  const picker = world({ availability: "1", blocks: 8 });
  join(picker, 1, "*");
  assertEquals(show(picker.pick(1, 2, 0)), "0.0 0.1");
  join(picker, 2, "*");
  picker.peers.setRate(2, 1e9);
  assertEquals(show(picker.pick(2, 3, 0)), "0.2 0.3 0.4");
  assertInvariants(picker);
});

test("gives a fast peer a piece of its own where there is one", () => {
  for (const [rate, expected] of [[1e9, 1], [BLOCK / 100, 0]] as const) {
    const picker = world({ availability: "11", priority: "44", blocks: 8 });
    join(picker, 1, "* ");
    assertEquals(show(picker.pick(1, 2, 0)), "0.0 0.1");
    join(picker, 2, "**");
    picker.peers.setRate(2, rate);
    assertEquals(pieces(picker.pick(2, 3, 0)), [expected]);
  }
});

test("asks a second peer in the end, the one asked for longest ago", () => {
  const picker = world({ availability: "1", blocks: 3 });
  for (const peer of [1, 2, 3, 4]) join(picker, peer, "*");
  assertEquals(show(picker.pick(1, 1, 100)), "0.0");
  assertEquals(show(picker.pick(2, 1, 50)), "0.1");
  assertEquals(show(picker.pick(3, 1, 70)), "0.2");
  // One block a time, of a peer that owes nothing.
  assertEquals(show(picker.pick(4, 8, 200)), "0.1");
  assertEquals(picker.pick(4, 8, 300), []);
  assertEquals(picker.pick(1, 8, 300), []);
  join(picker, 5, "*");
  assertEquals(show(picker.pick(5, 8, 400)), "0.2");
  assertInvariants(picker);
});
