// Which peers are asked for everything alone, and how much is kept.
import { assertEquals } from "@std/assert";
import { MetadataMachine } from "../../../client/metadata/metadata_machine.ts";
import {
  MAX_METADATA_SIZE,
  METADATA_PIECE_LENGTH,
} from "../../../peer/ut_metadata.ts";

const none = { permissions: "none" } as const;

/** A machine that takes nothing for right, and what it asks for. */
function setUp(maxSize?: number) {
  const machine = new MetadataMachine({ verify: () => false, maxSize });
  /** `request 1: 2 3` and the like, one a peer. */
  const said = () => {
    const lines = new Map<string, number[]>();
    for (let o = machine.poll(); o !== undefined; o = machine.poll()) {
      if (o.type === "done") throw new Error("Nothing is right");
      const key = `${o.type} ${o.peer}`;
      const pieces = lines.get(key) ?? [];
      if (o.type === "request") pieces.push(o.piece);
      lines.set(key, pieces);
    }
    return Object.fromEntries(lines);
  };
  const add = (peer: number, size: number, now = 0) =>
    machine.handle({ type: "peer", peer, size }, now);
  const send = (peer: number, size: number, piece: number, now = 0) => {
    const start = piece * METADATA_PIECE_LENGTH;
    const length = Math.min(METADATA_PIECE_LENGTH, size - start);
    const data = new Uint8Array(length);
    machine.handle({ type: "data", peer, piece, totalSize: size, data }, now);
  };
  return { machine, said, add, send };
}

const pieces = (first: number, count = 4) =>
  Array.from({ length: count }, (_, i) => first + i);

Deno.test(
  "MetadataMachine takes 16 MiB, and no peer that changes its mind",
  none,
  () => {
    const { said, add } = setUp();
    add(1, MAX_METADATA_SIZE);
    add(2, 16_777_216 + 1);
    assertEquals(said(), { "request 1": pieces(0), "drop 2": [] });
    add(1, 16_777_216);
    assertEquals(said(), {});
    add(3, 16_777_216);
    add(1, 100);
    const [drop, ...rest] = Object.keys(said());
    assertEquals([drop, rest], ["request 3", ["drop 1"]]);
  },
);

/** Four peers of 16 pieces each have sent junk: now each is asked alone. */
function solo(maxSize: number) {
  const it = setUp(maxSize);
  const size = 16 * METADATA_PIECE_LENGTH;
  for (const peer of [1, 2, 3, 4]) it.add(peer, size);
  assertEquals(it.said(), {
    "request 1": pieces(0),
    "request 2": pieces(4),
    "request 3": pieces(8),
    "request 4": pieces(12),
  });
  const sendAll = (peer: number, first: number, now: number) => {
    for (const piece of pieces(first)) it.send(peer, size, piece, now);
  };
  for (const peer of [1, 2, 3, 4]) sendAll(peer, 4 * peer - 4, 0);
  return { ...it, size, sendAll };
}

Deno.test(
  "MetadataMachine asks two alone where two dictionaries fit, in turn",
  none,
  () => {
    const { machine, said, sendAll } = solo(16 * METADATA_PIECE_LENGTH);
    assertEquals(said(), { "request 1": pieces(4), "request 2": pieces(0) });
    sendAll(1, 4, 2_500);
    sendAll(2, 0, 2_500);
    assertEquals(said(), { "request 1": pieces(8), "request 2": pieces(8) });
    sendAll(1, 8, 5_000);
    sendAll(2, 8, 5_000);
    assertEquals(said(), { "request 1": pieces(12), "request 2": pieces(12) });
    assertEquals(machine.deadline, 7_000);
    machine.handleTimeout(6_999);
    assertEquals(said(), {});
    machine.handleTimeout(7_000);
    assertEquals(said(), { "request 3": pieces(0), "request 4": pieces(0) });
  },
);

Deno.test(
  "MetadataMachine asks nobody alone that refused, before its time",
  none,
  () => {
    const { machine, said } = solo(16 * METADATA_PIECE_LENGTH);
    said();
    machine.handle({ type: "reject", peer: 1, piece: 4 }, 1_000);
    assertEquals(said(), { "request 3": pieces(0) });
    machine.handleTimeout(2_999);
    assertEquals(said(), {});
    // At 3000 the first two of them owe for too long; the last one is next.
    machine.handleTimeout(3_000);
    assertEquals(said(), { "request 4": pieces(0) });
  },
);

Deno.test("MetadataMachine asks eight alone at most", none, () => {
  const { machine, said, add, send } = setUp(1e6);
  const size = 2 * METADATA_PIECE_LENGTH;
  for (let peer = 1; peer <= 10; peer++) add(peer, size);
  machine.handle({ type: "reject", peer: 1, piece: 1 }, 0);
  assertEquals(said(), { "request 1": [0, 1], "request 2": [1] });
  send(1, size, 0);
  send(2, size, 1);
  const asked = [3, 4, 5, 6, 7, 8, 9].map((
    peer,
  ) => [`request ${peer}`, [0, 1]]);
  assertEquals(said(), Object.fromEntries([["request 2", [0]], ...asked]));
});

Deno.test(
  "MetadataMachine keeps twice the largest size, then lets the largest go",
  none,
  () => {
    const max = 2 * METADATA_PIECE_LENGTH;
    const { machine, said, add, send } = setUp(max);
    for (const peer of [1, 2, 3, 4, 5]) {
      add(peer, max - peer);
      assertEquals(said(), { [`request ${peer}`]: [0, 1] });
    }
    for (const peer of [1, 2, 3, 4]) send(peer, max - peer, 0);
    assertEquals([machine.heldBytes, said()], [2 * max, {}]);
    send(5, max - 5, 0);
    assertEquals([machine.heldBytes, said()], [2 * max, { "request 1": [0] }]);
  },
);

Deno.test("MetadataMachine lets go what peers left that are gone", none, () => {
  const max = 2 * METADATA_PIECE_LENGTH;
  const { machine, said, add, send } = setUp(max);
  for (const peer of [1, 2, 3, 4]) {
    add(peer, max - peer);
    add(10 + peer, max - peer);
    send(peer, max - peer, 0);
    said();
    machine.handle({ type: "gone", peer }, 0);
    assertEquals(said(), { [`request ${10 + peer}`]: [1] });
  }
  add(5, max);
  said();
  assertEquals(machine.heldBytes, 2 * max);
  send(5, max, 0);
  assertEquals(machine.heldBytes, METADATA_PIECE_LENGTH);
  assertEquals(said(), {
    "request 11": [0],
    "request 12": [0],
    "request 13": [0],
    "request 14": [0],
  });
});
