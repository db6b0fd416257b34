import type { SuperSeedingOptions } from "../../select/super_seeding.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Bitfield } from "../../_shared/bitfield.ts";
import { seededRandom } from "../../_shared/random.ts";
import type { Reveal } from "../../select/mod.ts";
import {
  HonestRevelation,
  LazyRevelation,
  SuperSeeding,
} from "../../select/mod.ts";
import { bits } from "./picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

test("HonestRevelation tells of all there is, and of what comes", () => {
  const have = bits("*      **");
  const reveal = new HonestRevelation({ have });
  assert(reveal.connected().told === have);
  assertEquals(reveal.verified(1), [{ pieceIndex: 1 }]);
  assertEquals(reveal.disconnected(), []);
  assert(reveal.tellsAll);
});

test("LazyRevelation tells everything in the end", () => {
  for (let seed = 0; seed < 50; seed++) {
    const have = new Bitfield(100);
    for (let i = 0; i < 100; i++) if ((i * 7 + seed) % 3 > 0) have.set(i);
    if (seed === 0) have.setAll();
    const before = have.count;
    const reveal = new LazyRevelation({ have, random: seededRandom(seed) });
    const { told, later = [] } = reveal.connected();
    assertEquals(have.count, before);
    const all = new Set(told);
    assert(later.length > 0 && later.length <= 16);
    for (const pieceIndex of later) {
      assert(!all.has(pieceIndex));
      all.add(pieceIndex);
    }
    assertEquals([...all].sort((a, b) => a - b), [...have]);
  }
});

test("LazyRevelation handles none and one piece", () => {
  const random = seededRandom(1);
  const have = new Bitfield(2);
  const reveal = new LazyRevelation({ have, random });
  const tells = () => {
    const { told, later } = reveal.connected();
    return [[...told!], later];
  };
  assertEquals(tells(), [[], []]);
  assertEquals(reveal.verified(1), [{ pieceIndex: 1 }]);
  assertEquals(reveal.disconnected(), []);
  have.set(1);
  assertEquals(tells(), [[], [1]]);
  assertThrows(
    () => new LazyRevelation({ have, random, holdBack: 0 }),
    RangeError,
  );
  const all = Bitfield.full(100);
  const one = new LazyRevelation({ have: all, random, holdBack: 1 });
  assertEquals(one.connected().later?.length, 1);
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

  join(peer: number): void {
    this.has.set(peer, new Set());
    const { told, later = [] } = this.seed.connected(peer);
    assertEquals(told, undefined);
    this.told.set(peer, [...later]);
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
  for (const peer of [1, 2, 3]) swarm.join(peer);
  const told = [...swarm.told.values()].flat();
  assertEquals(told.length, 6);
  assertEquals(new Set(told).size, 6);
  assertEquals(swarm.seed.hidden(1).length, 8);
  assertThrows(() => swarm.seed.connected(1), RangeError);
  assertEquals(swarm.seed.verified(), []);
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
  assertEquals(swarm.seed.connected(2).later, []);
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
    assertEquals([...late.connected(1).later ?? []].sort(), [4, 5]);

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
