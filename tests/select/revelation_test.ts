import type { SuperSeedingOptions } from "../../select/super_seeding.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import type { Reveal, RevealMessage } from "../../select/mod.ts";
import {
  HonestRevelation,
  LazyRevelation,
  SuperSeeding,
} from "../../select/mod.ts";
import { bits } from "./picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

const hex = (messages: readonly RevealMessage[]) =>
  messages.map((m) =>
    m.type === "bitfield"
      ? [...m.field.toBytes()].map((b) => b.toString(16).padStart(2, "0"))
        .join("")
      : m.type === "have"
      ? `have ${m.pieceIndex}`
      : m.type
  );

test("HonestRevelation sends the exact bitfield, once", () => {
  const one = new HonestRevelation({ pieceCount: 1, have: bits("*") });
  assertEquals(hex(one.connected(1)), ["80"]);
  assertThrows(() => one.connected(1), RangeError, "sent once");
  one.disconnected(1);
  assertEquals(hex(one.connected(1)), ["80"]);
  const nine = new HonestRevelation({ pieceCount: 9, have: bits("*      **") });
  assertEquals(hex(nine.connected(1)), ["8180"]);
});

test("HonestRevelation fills bitfields to the torrent's size", () => {
  for (let pieceCount = 1; pieceCount <= 2000; pieceCount += 7) {
    const have = new Bitfield(pieceCount);
    have.set(0);
    const reveal = new HonestRevelation({ pieceCount, have });
    const [message] = reveal.connected(1);
    assert(message?.type === "bitfield");
    const bytes = message.field.toBytes();
    assertEquals(bytes.length, Math.ceil(pieceCount / 8));
    assertEquals(
      bytes.at(-1)! & ((1 << (bytes.length * 8 - pieceCount)) - 1),
      0,
    );
  }
});

test("HonestRevelation sends nothing for nothing, and short forms", () => {
  const none = new HonestRevelation({ pieceCount: 3 });
  assertEquals(hex(none.connected(1)), []);
  assertEquals(hex(none.connected(2, { fast: true })), ["have-none"]);
  const all = new HonestRevelation({ pieceCount: 3, have: bits("***") });
  assertEquals(hex(all.connected(1)), ["e0"]);
  assertEquals(hex(all.connected(2, { fast: true })), ["have-all"]);
});

test("HonestRevelation tells all of a new piece", () => {
  const reveal = new HonestRevelation({ pieceCount: 3 });
  reveal.connected(1);
  reveal.connected(2);
  assert(!reveal.mayServe(1, 0));
  assertEquals(reveal.verified(0), [{ pieceIndex: 0 }]);
  assertEquals(reveal.verified(0), []);
  assertEquals(reveal.verified(1).length, 1);
  assert(reveal.mayServe(1, 0) && !reveal.mayServe(1, 2));
  assert(!reveal.mayServe(9, 0));
  assertEquals(hex(reveal.connected(3)), ["c0"]);
  assertThrows(() => reveal.verified(3), RangeError);
  assertThrows(() => reveal.verified(-1), RangeError);
});

test("HonestRevelation does not follow changes of the field it was given", () => {
  const have = bits("*  ");
  const reveal = new HonestRevelation({ pieceCount: 3, have });
  have.set(1);
  assertEquals(hex(reveal.connected(1)), ["80"]);
  assertThrows(
    () => new HonestRevelation({ pieceCount: 4, have }),
    RangeError,
  );
});

test("LazyRevelation tells everything in the end", () => {
  for (let seed = 0; seed < 50; seed++) {
    const have = new Bitfield(100);
    for (let i = 0; i < 100; i++) if ((i * 7 + seed) % 3 > 0) have.set(i);
    if (seed === 0) have.setAll();
    const reveal = new LazyRevelation({
      pieceCount: 100,
      have,
      random: seededRandom(seed),
    });
    const [first, ...rest] = reveal.connected(1, { fast: true });
    assert(first?.type === "bitfield" && !first.field.isFull);
    const told = new Set(first.field);
    assert(rest.length > 0 && rest.length <= 16);
    for (const message of rest) {
      assert(message.type === "have" && !told.has(message.pieceIndex));
      told.add(message.pieceIndex);
    }
    assertEquals([...told].sort((a, b) => a - b), [...have]);
  }
});

test("LazyRevelation handles none and one piece", () => {
  const random = seededRandom(1);
  const none = new LazyRevelation({ pieceCount: 2, random });
  assertEquals(hex(none.connected(1)), []);
  assertEquals(hex(none.connected(2, { fast: true })), ["have-none"]);
  assertEquals(none.verified(1), [{ pieceIndex: 1 }]);
  assert(none.mayServe(1, 1) && !none.mayServe(1, 0));
  assertEquals(hex(none.connected(3)), ["have 1"]);
  assertEquals(hex(none.connected(4, { fast: true })), ["have-none", "have 1"]);
  assertEquals(none.disconnected(4), []);
  assertThrows(
    () => new LazyRevelation({ pieceCount: 2, random, holdBack: 0 }),
    RangeError,
  );
  const one = new LazyRevelation({ pieceCount: 2, random, holdBack: 1 });
  one.verified(0);
  assertEquals(hex(one.connected(1, { fast: true })).length, 2);
});

/** A swarm around one superseed. */
class Swarm {
  readonly has = new Map<number, Set<number>>();
  readonly told = new Map<number, number[]>();
  readonly seed: SuperSeeding;
  readonly pieceCount: number;

  constructor(pieceCount: number, seed = 1) {
    this.pieceCount = pieceCount;
    this.seed = new SuperSeeding({
      pieceCount,
      random: seededRandom(seed),
      hasPiece: (peer, piece) => this.has.get(peer)?.has(piece) ?? false,
      availability: (piece) =>
        [...this.has.values()].filter((pieces) => pieces.has(piece)).length,
    });
  }

  join(peer: number, fast = true): readonly RevealMessage[] {
    this.has.set(peer, new Set());
    const messages = this.seed.connected(peer, { fast });
    this.told.set(
      peer,
      messages.flatMap((m) => m.type === "have" ? [m.pieceIndex] : []),
    );
    return messages;
  }

  get(peer: number, piece: number): void {
    if (this.has.get(peer)!.has(piece)) return;
    this.has.get(peer)!.add(piece);
    this.note(this.seed.peerHas(peer, piece));
  }

  note(reveals: readonly Reveal[]): void {
    for (const { peer, pieceIndex } of reveals) {
      assert(!this.told.get(peer!)!.includes(pieceIndex), "Told twice");
      this.told.get(peer!)!.push(pieceIndex);
    }
  }
}

test("SuperSeeding looks empty and tells of two pieces, each to one peer", () => {
  const swarm = new Swarm(10);
  assertEquals(hex(swarm.join(1))[0], "have-none");
  assertEquals(swarm.join(2, false).length, 2);
  swarm.join(3);
  const told = [...swarm.told.values()].flat();
  assertEquals(told.length, 6);
  assertEquals(new Set(told).size, 6);
  for (let i = 0; i < 10; i++) {
    assertEquals(swarm.seed.mayServe(1, i), swarm.told.get(1)!.includes(i));
  }
  assertEquals(swarm.seed.hidden(1).length, 8);
  assertThrows(() => swarm.seed.connected(1), RangeError);
  assertEquals(swarm.seed.verified(9), []);
  assertThrows(() => swarm.seed.verified(10), RangeError);
});

test("SuperSeeding tells the next piece once another peer has the last", () => {
  const swarm = new Swarm(10);
  swarm.join(1);
  swarm.join(2);
  swarm.join(3);
  const [piece] = swarm.told.get(1)!;
  swarm.get(1, piece!);
  assertEquals(swarm.told.get(1)!.length, 2);
  swarm.get(2, piece!);
  assertEquals(swarm.told.get(1)!.length, 3);
  assertEquals(swarm.told.get(2)!.length, 2);
  swarm.get(3, piece!);
  assertEquals(swarm.told.get(1)!.length, 3);
});

test("SuperSeeding does not starve a lone peer", () => {
  const swarm = new Swarm(5);
  swarm.join(1);
  for (let i = 0; i < 5; i++) swarm.get(1, swarm.told.get(1)![i]!);
  assertEquals(swarm.has.get(1)!.size, 5);
  assert(swarm.seed.isDone);
  assertEquals(swarm.seed.hidden(1), []);
});

test("SuperSeeding goes on with a peer whose partners left", () => {
  const swarm = new Swarm(5);
  swarm.join(1);
  swarm.join(2);
  for (const piece of [...swarm.told.get(1)!]) swarm.get(1, piece);
  assertEquals(swarm.told.get(1)!.length, 2);
  swarm.has.delete(2);
  swarm.note(swarm.seed.disconnected(2));
  assertEquals(swarm.told.get(1)!.length, 4);
  assertEquals(swarm.seed.disconnected(2), []);
});

test("SuperSeeding replaces what a peer turns out to have", () => {
  const swarm = new Swarm(6);
  swarm.join(1);
  for (const piece of swarm.told.get(1)!) swarm.has.get(1)!.add(piece);
  swarm.note(swarm.seed.peerHas(1));
  assertEquals(swarm.told.get(1)!.length, 4);
  // A seed joins: everything is passed on, and who lacks it asks that one.
  swarm.has.set(2, new Set([0, 1, 2, 3, 4, 5]));
  assertEquals(
    swarm.seed.connected(2).filter((m) => m.type === "have"),
    [],
  );
  swarm.note(swarm.seed.peerHas(2));
  assertEquals(swarm.told.get(1)!.length, 4);
});

test("SuperSeeding replaces it also while others lack it", () => {
  const swarm = new Swarm(8);
  swarm.join(1);
  swarm.join(2);
  for (const piece of swarm.told.get(1)!) swarm.has.get(1)!.add(piece);
  swarm.note(swarm.seed.peerHas(1));
  assertEquals(swarm.told.get(1)!.length, 4);
  assertEquals(swarm.told.get(2)!.length, 2);
});

test("SuperSeeding tells the rarest pieces first", () => {
  const swarm = new Swarm(6);
  swarm.has.set(50, new Set([0, 1, 2, 3]));
  swarm.seed.connected(50);
  swarm.seed.disconnected(50);
  swarm.join(1);
  assertEquals(swarm.told.get(1)!.sort(), [4, 5]);
});

test("SuperSeeding knows what others have from the start, and what they get", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const swarm = new Swarm(6, seed);
    swarm.has.set(50, new Set([0, 1, 2, 3]));
    const late = new SuperSeeding({
      pieceCount: 6,
      random: seededRandom(seed),
      hasPiece: () => false,
      availability: (piece) => piece < 4 ? 1 : 0,
    });
    assertEquals(
      late.connected(1).flatMap((m) => m.type === "have" ? m.pieceIndex : [])
        .sort(),
      [4, 5],
    );

    const fresh = new Swarm(6, seed);
    fresh.join(1);
    fresh.join(2);
    const told = [...fresh.told.values()].flat();
    const [one, two] = [0, 1, 2, 3, 4, 5].filter((i) => !told.includes(i));
    // One of those that nobody was told of comes from elsewhere.
    fresh.get(2, one!);
    fresh.join(3);
    assertEquals(fresh.told.get(3), [two!], `seed ${seed}`);
  }
});

test("SuperSeeding tells a piece twice only when nothing goes on for long", () => {
  const swarm = new Swarm(4);
  const all = () => [1, 2, 3].map((peer) => swarm.told.get(peer)!.length);
  const tick = (now: number) => swarm.note(swarm.seed.tick(now));
  tick(1_000);
  for (const peer of [1, 2, 3]) swarm.join(peer);
  assertEquals(all(), [2, 2, 0]);
  tick(31_000);
  assertEquals(all(), [2, 2, 0]);
  // Peer 2 passes one on after 30 seconds: three times that is not too long.
  const [given] = swarm.told.get(2)!;
  swarm.get(2, given!);
  swarm.get(1, given!);
  assertEquals(all(), [2, 2, 0], "what others can give is not told");
  tick(121_000);
  assertEquals(all(), [2, 2, 0]);
  // What peers 1 and 2 keep to themselves is told to others too.
  tick(121_001);
  assertEquals(all(), [2, 3, 2]);
  assert(swarm.told.get(1)!.includes(swarm.told.get(2)![2]!));
});

test("SuperSeeding waits no longer for the hours when nobody was there", () => {
  const swarm = new Swarm(4);
  const all = () => [1, 2, 3].map((peer) => swarm.told.get(peer)!.length);
  const tick = (now: number) => swarm.note(swarm.seed.tick(now));
  tick(0);
  tick(3_600_000);
  for (const peer of [1, 2, 3]) swarm.join(peer);
  assertEquals(all(), [2, 2, 0]);
  tick(3_610_000);
  const [given] = swarm.told.get(2)!;
  swarm.get(1, given!);
  tick(3_641_000);
  assertEquals(all(), [2, 3, 2]);
});

test("SuperSeeding gives each piece away about once", () => {
  for (let seed = 1; seed <= 5; seed++) {
    const swarm = new Swarm(60, seed);
    const peers = [1, 2, 3, 4, 5, 6];
    for (const peer of peers) swarm.join(peer);
    let uploads = 0;
    for (let round = 0; round < 500 && !swarm.seed.isDone; round++) {
      for (const peer of peers) {
        const piece = swarm.told.get(peer)!.find((i) =>
          !swarm.has.get(peer)!.has(i)
        );
        if (piece !== undefined) {
          uploads++;
          swarm.get(peer, piece);
        }
        // What the others have travels among them.
        for (const other of peers) {
          for (const have of swarm.has.get(other)!) swarm.get(peer, have);
        }
      }
    }
    assert(swarm.seed.isDone, `Seed ${seed}`);
    assertEquals(uploads, 60, `Seed ${seed}`);
  }
});

Deno.test("SuperSeeding names at least one piece at a time", {
  permissions: "none",
}, () => {
  for (const piecesPerPeer of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => new SuperSeeding({ piecesPerPeer } as SuperSeedingOptions),
      RangeError,
      "must be a positive integer",
    );
  }
});
