import { assertEquals } from "@std/assert";
import { sequential } from "../../../select/mod.ts";
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

test("gives a peer on parole what nobody else works on", () => {
  const picker = world({ availability: "11", partial: "1." });
  join(picker, 1, "**");
  join(picker, 2, "**");
  assertEquals(show(picker.pick(1, 3, 0)), "0.1 0.2 0.3");
  picker.releaseAll(1);
  // One was begun, and is left; the other has an author.
  picker.pieces.setPriority(0, 1);
  assertEquals(show(picker.pick(1, 2, 0)), "1.0 1.1");
  picker.peers.setParole(2, true);
  assertEquals(show(picker.pick(2, 9, 0)), "0.1 0.2 0.3");
  const other = world({ availability: "1" });
  for (const peer of [1, 2]) join(other, peer, "*");
  other.pick(1, 1, 0);
  other.peers.setParole(2, true);
  assertEquals(other.pick(2, 9, 0), []);
});

test("takes no suggestion of a peer on parole, nor of what is less rare", () => {
  const first = (suggested: number, isOnParole: boolean) => {
    const picker = world({ availability: "9119" });
    join(picker, 1, "****");
    picker.peers.suggest(1, suggested);
    picker.peers.setParole(1, isOnParole);
    return pieces(picker.pick(1, 4, 0))[0];
  };
  const usual = first(3, true);
  assertEquals(first(3, false), usual);
  assertEquals(first(3 - usual!, false), 3 - usual!);
  assertEquals(first(3 - usual!, true), usual);
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

test("goes on with an allowed piece that others started", () => {
  const picker = world({ availability: "1", blocks: 4 });
  join(picker, 1, "*");
  assertEquals(show(picker.pick(1, 2, 0)), "0.0 0.1");
  picker.peers.add(2);
  picker.peers.gained(2, 0);
  picker.peers.allowFast(2, 0);
  assertEquals(show(picker.pick(2, 9, 0)), "0.2 0.3");
});

test("asks for runs of whole open pieces", () => {
  for (
    const [priority, have, count, due, expected] of [
      // From a multiple of the run's length on, down to the first.
      ["4444444", "       ", 6, undefined, [0, 1, 2]],
      ["4444744", "       ", 6, undefined, [3, 4, 5]],
      ["4444744", "   *   ", 6, undefined, [4, 5, 6]],
      ["4444744", "     * ", 6, undefined, [3, 4]],
      // Three blocks are no two pieces.
      ["4444744", "       ", 3, undefined, [4]],
      ["4444447", "       ", 4, undefined, [6]],
      // What is due comes first.
      ["4444744", "       ", 6, 5, [5, 6]],
      ["4444744", "     * ", 4, 5, [4]],
    ] as const
  ) {
    const picker = world({
      priority,
      have,
      blocks: 2,
      options: { strategy: sequential() },
    });
    join(picker, 1, "*******");
    if (due !== undefined) picker.pieces.setDeadline(due, 1);
    const run = picker.pickRun(1, count, 0);
    assertEquals(pieces(run), [...expected], `${priority} ${have} ${count}`);
    assertEquals(run.length, 2 * expected.length);
  }
});

test("keeps a run to its peer while others find something else", () => {
  const picker = world({ availability: "11", priority: "74", blocks: 2 });
  for (const peer of [1, 2]) join(picker, peer, "**");
  const [block] = picker.pickRun(1, 2, 0);
  picker.released(1, block!);
  assertEquals(pieces(picker.pick(2, 1, 0)), [1]);
  assertEquals(show(picker.pick(2, 9, 0)), "1.1 0.0");
});

test("divides an urgent piece by rates", () => {
  const now = 1_000_000;
  for (
    const [dueMs, rates, expected] of [
      // Together they need 10 s: all give as much as they can in that time.
      [5_000, [1, 9], 10],
      [20_000, [1, 9], 20],
      [5_000, [9, 1], 90],
      [60_000, [9, 1], 100],
      // It is divided among those that do not choke us and have it.
      [5_000, [1, 9, 0], 10],
      // A rate that is not known is no reason to wait.
      [5_000, [0, 9], 100],
    ] as const
  ) {
    const picker = world({ pieces: 2, blocks: 100 });
    rates.forEach((rate, peer) => {
      join(picker, peer, rate === 0 && peer > 0 ? " *" : "**");
      picker.peers.setRate(peer, (rate || 5 * peer) * BLOCK);
    });
    picker.peers.add(9);
    picker.peers.setAll(9);
    picker.peers.setRate(9, 1000 * BLOCK);
    picker.pieces.setDeadline(0, now + dueMs);
    picker.pieces.setDeadline(1, now + 1e9);
    const urgent = picker.pick(0, 150, now)
      .findIndex(({ pieceIndex }) => pieceIndex !== 0);
    assertEquals(urgent, expected, `${dueMs} ${rates}`);
  }
});

test("asks a peer that is as fast as others for one urgent block at least", () => {
  for (const [rate, expected] of [[BLOCK, 1], [0.9 * BLOCK, 0]] as const) {
    const picker = world({ pieces: 4, priority: "4747", blocks: 1 });
    join(picker, 1, "* * ".replaceAll(" ", "*"));
    join(picker, 2, "*   ");
    picker.peers.setRate(2, BLOCK);
    assertEquals(pieces(picker.pick(1, 2, 0)).toSorted(), [1, 3]);
    picker.peers.setRate(1, rate);
    picker.pieces.setDeadline(0, 100);
    picker.pieces.setPriority(0, 1);
    const [first] = pieces(picker.pick(1, 1, 0));
    assertEquals(first === 0 ? 1 : 0, expected, `${rate}`);
  }
});

test("asks the slowest tenth for nothing urgent, though there is time", () => {
  const rates = Array.from({ length: 20 }, (_, i) => (i + 1) * BLOCK);
  const firstOf = (slow: number) => {
    const picker = world({ pieces: 2, priority: "14" });
    rates.forEach((rate, peer) => {
      join(picker, peer, "**");
      picker.peers.setRate(peer, rate);
    });
    // Those of which nothing is known do not count.
    for (let peer = 20; peer < 30; peer++) join(picker, peer, "**");
    picker.pieces.setDeadline(0, 1e6);
    return pieces(picker.pick(slow, 1, 0))[0];
  };
  assertEquals([0, 1, 2, 19].map(firstOf), [1, 1, 0, 0]);
});

test("asks twice for what is overdue only where it is due within a second", () => {
  for (const [dueMs, expected] of [[1_000, "1.0"], [999, "0.0"]] as const) {
    const picker = world({ pieces: 3, priority: "417", blocks: 1 });
    join(picker, 1, "***");
    join(picker, 2, "***");
    const [done] = picker.pick(1, 1, 0);
    picker.received(1, done!.pieceIndex, 0, 100);
    assertEquals(show(picker.pick(1, 1, 100)), "0.0");
    picker.pieces.setDeadline(0, 5_000 + dueMs);
    assertEquals(show(picker.pick(2, 1, 5_000)), expected);
  }
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
