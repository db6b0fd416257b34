import { assert, assertEquals } from "@std/assert";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import type { SelectionStrategy } from "../../../select/mod.ts";
import type { BlockAddress } from "../../../_shared/bytes.ts";
import {
  PiecePicker,
  randomOrder,
  ranked,
  rarestFirst,
  sequential,
} from "../../../select/mod.ts";
import { BLOCK } from "../picker_world.ts";
import { assertInvariants } from "../picker_invariants.ts";

const BLOCKS = 3;
const STEPS = 400;
/** By then every request may move, in milliseconds. */
const STALLED = 15_000;

/** What a naive picker would know. */
interface ModelPeer {
  readonly has: Set<number>;
  /** What it lost after it had everything: that makes nothing rarer. */
  readonly lacks: Set<number>;
  /** Whether it ever had everything. */
  readonly wasSeed: boolean;
  readonly asked: Map<string, BlockAddress>;
  choked: boolean;
  parole: boolean;
}

class Model {
  /** Pieces that were ever asked for. */
  readonly touched = new Set<number>();
  readonly peers = new Map<number, ModelPeer>();
  readonly received: Set<number>[];
  readonly have = new Set<number>();
  readonly priority: number[];
  readonly count: number;

  constructor(count: number) {
    this.count = count;
    this.received = Array.from({ length: count }, () => new Set());
    this.priority = new Array(count).fill(4);
  }

  availability(piece: number): number {
    let count = 0;
    for (const peer of this.peers.values()) if (peer.has.has(piece)) count++;
    return count;
  }

  rarity(piece: number): number {
    let count = this.availability(piece);
    for (const peer of this.peers.values()) {
      if (peer.lacks.has(piece)) count++;
    }
    return count;
  }

  isAsked(piece: number, block?: number): boolean {
    for (const peer of this.peers.values()) {
      for (const address of peer.asked.values()) {
        if (
          address.pieceIndex === piece &&
          (block === undefined || address.blockOffset === block * BLOCK)
        ) return true;
      }
    }
    return false;
  }

  isOpen(piece: number): boolean {
    return !this.have.has(piece) && this.priority[piece]! > 0 &&
      this.received[piece]!.size === 0 && !this.isAsked(piece);
  }

  open(peer: ModelPeer): number[] {
    return [...peer.has].filter((piece) => this.isOpen(piece));
  }

  /** Whether there is a wanted block that nobody was asked for, but could be. */
  hasFree(): boolean {
    for (let piece = 0; piece < this.count; piece++) {
      if (this.have.has(piece) || this.priority[piece] === 0) continue;
      if (this.availability(piece) === 0) continue;
      for (let block = 0; block < BLOCKS; block++) {
        if (this.received[piece]!.has(block)) continue;
        if (!this.isAsked(piece, block)) return true;
      }
    }
    return false;
  }
}

const keyOf = (block: BlockAddress) =>
  `${block.pieceIndex}.${block.blockOffset / BLOCK}`;

function checkPick(
  picker: PiecePicker,
  model: Model,
  key: number,
  count: number,
  now: number,
  strategy: string,
): void {
  const peer = model.peers.get(key)!;
  const open = model.open(peer);
  const hadFree = model.hasFree();
  const idle = peer.asked.size === 0;
  const chosen = picker.pick(key, count, now);
  assert(chosen.length <= count);
  if (peer.choked) assertEquals(chosen, []);
  let opened = 0;
  for (const block of chosen) {
    const piece = block.pieceIndex;
    const index = block.blockOffset / BLOCK;
    assert(peer.has.has(piece), "The peer lacks the piece");
    assert(!model.have.has(piece), "The piece is verified");
    assert(model.priority[piece]! > 0, "The piece is not wanted");
    assert(!model.received[piece]!.has(index), "The block is here");
    assert(!peer.asked.has(keyOf(block)), "The peer was asked already");
    if (model.isAsked(piece, index)) {
      assert(!hadFree && idle && chosen.length === 1, "No end-game yet");
    }
    if (model.isOpen(piece) && opened++ === 0) {
      // The first piece that is started must be the best.
      const best = Math.max(...open.map((i) => model.priority[i]!));
      assertEquals(model.priority[piece], best);
      const rivals = open.filter((i) => model.priority[i] === best);
      if (strategy === "rarest-first") {
        assertEquals(
          model.rarity(piece),
          Math.min(...rivals.map((i) => model.rarity(i))),
        );
      } else if (strategy === "in runs") {
        const first = piece - piece % 3;
        const isBegun = [first, first + 1, first + 2].some((i) =>
          model.touched.has(i) || i < model.priority.length && !model.isOpen(i)
        );
        assert(
          isBegun ||
            rivals.every((i) => model.rarity(i) >= model.rarity(piece)),
        );
      } else if (strategy === "sequential") {
        assertEquals(piece, Math.min(...rivals));
      } else if (strategy === "ranked") {
        assertEquals(piece, Math.max(...rivals));
      }
    }
    peer.asked.set(keyOf(block), block);
    model.touched.add(piece);
  }
  // Under suspicion one piece at a time.
  const waits = peer.parole && peer.asked.size > 0;
  if (!peer.choked && !waits && count > 0 && open.length > 0) {
    assert(chosen.length > 0, "There was something to ask for");
  }
}

function run(seed: number, strategy: SelectionStrategy, name: string): void {
  const random = seededRandom(seed);
  const draw = (below: number) => randomInt(random, below);
  const model = new Model(1 + draw(40));
  const picker = new PiecePicker({
    layout: {
      pieceCount: model.count,
      blockCount: () => BLOCKS,
      blockSize: () => BLOCK,
    },
    random,
    strategy,
    randomFirstPieces: 0,
  });
  let nextKey = 0;
  for (let now = 0; now < STEPS; now++) {
    const keys = [...model.peers.keys()];
    const action = draw(100);
    if (keys.length === 0 || action < 5) {
      const key = nextKey++;
      const field = new Bitfield(model.count);
      const share = draw(5);
      for (let i = 0; i < model.count; i++) if (draw(4) < share) field.set(i);
      picker.peers.add(key);
      picker.peers.setBitfield(key, field);
      picker.peers.setRate(key, draw(2) * 1e6);
      const choked = draw(4) === 0;
      picker.peers.setChoked(key, choked);
      const parole = draw(6) === 0;
      picker.peers.setParole(key, parole);
      model.peers.set(key, {
        has: new Set(field),
        lacks: new Set(),
        wasSeed: field.isFull,
        asked: new Map(),
        choked,
        parole,
      });
      continue;
    }
    const key = keys[draw(keys.length)]!;
    const peer = model.peers.get(key)!;
    const piece = draw(model.count);
    const asked = [...peer.asked.values()];
    if (action < 45) {
      checkPick(picker, model, key, draw(8), now, name);
    } else if (action < 75) {
      const block = asked[draw(Math.max(1, asked.length))];
      if (block === undefined) continue;
      const result = picker.received(
        key,
        block.pieceIndex,
        block.blockOffset,
        now,
      );
      assert(result.accepted);
      const others: number[] = [];
      for (const [other, { asked }] of model.peers) {
        if (asked.delete(keyOf(block)) && other !== key) others.push(other);
      }
      assertEquals([...result.cancel].sort(), others.sort());
      const received = model.received[block.pieceIndex]!;
      received.add(block.blockOffset / BLOCK);
      assertEquals(result.pieceComplete, received.size === BLOCKS);
      if (!result.pieceComplete) continue;
      if (draw(4) === 0) {
        picker.pieces.failed(block.pieceIndex);
        received.clear();
      } else {
        picker.pieces.verified(block.pieceIndex);
        model.have.add(block.pieceIndex);
      }
    } else if (action < 78) {
      assertEquals(picker.peers.remove(key).length, peer.asked.size);
      model.peers.delete(key);
    } else if (action < 81) {
      assertEquals(picker.releaseAll(key).length, peer.asked.size);
      peer.asked.clear();
    } else if (action < 84) {
      const block = asked.at(-1);
      if (block === undefined) continue;
      assert(picker.released(key, block));
      peer.asked.delete(keyOf(block));
    } else if (action < 88) {
      assertEquals(picker.peers.gained(key, piece), !peer.has.has(piece));
      peer.has.add(piece);
      peer.lacks.delete(piece);
    } else if (action < 90) {
      for (const block of picker.peers.lost(key, piece)) {
        assert(peer.asked.delete(keyOf(block)));
      }
      if (peer.has.delete(piece) && peer.wasSeed) peer.lacks.add(piece);
    } else if (action < 93) {
      model.priority[piece] = draw(8);
      picker.pieces.setPriority(piece, model.priority[piece]!);
    } else if (action < 94) {
      for (let i = 0; i < model.count; i++) model.priority[i] = draw(8);
      picker.pieces.setPriorities(model.priority);
    } else if (action < 95) {
      picker.pieces.clearHave(piece);
      if (model.have.delete(piece)) model.received[piece]!.clear();
    } else if (action < 96) {
      for (const item of picker.pieces.setHave(piece)) {
        assert(model.peers.get(item.peer)!.asked.delete(keyOf(item.block)));
      }
      model.have.add(piece);
    } else if (action < 98) {
      for (const item of picker.steal(key, 2, now + STALLED)) {
        assert(peer.has.has(item.block.pieceIndex));
        assert(model.peers.get(item.peer)!.asked.delete(keyOf(item.block)));
        peer.asked.set(keyOf(item.block), item.block);
      }
    } else if (action < 99) {
      peer.choked = !peer.choked;
      picker.peers.setChoked(key, peer.choked);
    } else picker.pieces.setStrategy(strategy);
    assertInvariants(picker);
    for (const [other, { has, asked }] of model.peers) {
      assertEquals(picker.outstanding(other), asked.size);
      assertEquals(
        picker.peers.isInteresting(other),
        [...has].some((i) => !model.have.has(i) && model.priority[i]! > 0),
      );
    }
  }
}

const backwards = () => ranked((pieceIndex) => -pieceIndex);

for (
  const [name, strategy] of [
    ["rarest-first", rarestFirst()],
    ["in runs", rarestFirst(3)],
    ["sequential", sequential()],
    ["random", randomOrder()],
    ["ranked", backwards()],
  ] as const
) {
  Deno.test({
    name: `PiecePicker agrees with a naive model: ${name}`,
    permissions: "none",
    fn() {
      for (let seed = 1; seed <= 25; seed++) {
        try {
          run(seed, strategy, name);
        } catch (error) {
          throw new Error(`Seed ${seed}`, { cause: error });
        }
      }
    },
  });
}

Deno.test({
  name: "PiecePicker keeps its books with more peers than buckets",
  permissions: "none",
  fn() {
    const random = seededRandom(9);
    const count = 100;
    const picker = new PiecePicker({
      layout: { pieceCount: count, blockCount: () => 1, blockSize: () => 1 },
      random,
    });
    for (let key = 0; key < 80; key++) {
      picker.peers.add(key);
      picker.peers.setChoked(key, false);
      for (let i = 0; i < count; i++) {
        if (randomInt(random, count) > i) picker.peers.gained(key, i);
      }
      if (key % 8 === 0) picker.pick(key, 1, 0);
      assertInvariants(picker);
    }
    for (let key = 0; key < 80; key++) picker.peers.remove(key);
    assertInvariants(picker);
    assertEquals(picker.stats().requestedBlocks, 0);
  },
});

Deno.test({
  name:
    "PiecePicker serves a peer from the list of the few and from the order alike",
  permissions: "none",
  fn() {
    // More pieces than the list holds, so that both ways are taken.
    const count = 2000;
    const picker = new PiecePicker({
      layout: {
        pieceCount: count,
        blockCount: () => 1,
        blockSize: () => BLOCK,
      },
      random: seededRandom(3),
      randomFirstPieces: 0,
    });
    const random = seededRandom(4);
    for (let key = 0; key < 3; key++) {
      picker.peers.add(key);
      picker.peers.setChoked(key, false);
      const field = new Bitfield(count);
      for (let i = 0; i < count; i++) {
        if (randomInt(random, 4) > key) field.set(i);
      }
      picker.peers.setBitfield(key, field);
    }
    let last = 0;
    for (let n = 0; n < count; n++) {
      const [block] = picker.pick(2, 1, n);
      if (block === undefined) break;
      // Nothing changes but that pieces are taken: ever less rare.
      const availability = picker.pieces.availability(block.pieceIndex);
      assert(availability >= last);
      last = availability;
      picker.received(2, block.pieceIndex, 0, n);
      picker.pieces.verified(block.pieceIndex);
      if (n % 100 === 0) assertInvariants(picker);
    }
    assert(!picker.peers.isInteresting(2));
    assertInvariants(picker);
  },
});
