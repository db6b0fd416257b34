import { assertEquals } from "@std/assert";
import type { PeerMessage } from "../../../peer/mod.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { TestSession } from "../session.ts";

const none = { permissions: "none" } as const;
const bits = (...bytes: number[]): PeerMessage => ({
  type: "bitfield",
  bytes: Uint8Array.from(bytes),
});
const have = (pieceIndex: number): PeerMessage => ({
  type: "have",
  pieceIndex,
});

function own(length: number, ...pieces: number[]): Bitfield {
  const field = new Bitfield(length);
  for (const piece of pieces) field.set(piece);
  return field;
}

Deno.test("the opening messages and their order", none, () => {
  const types = (session: TestSession) => session.sent.map((m) => m.type);
  assertEquals(types(new TestSession()), []);
  assertEquals(types(new TestSession({ fast: true })), ["have-none"]);
  const full = { pieceCount: 9, ownPieces: Bitfield.full(9) };
  assertEquals(types(new TestSession({ ...full, fast: true })), ["have-all"]);
  assertEquals(types(new TestSession(full)), ["bitfield"]);
  const session = new TestSession({
    fast: true,
    extended: true,
    dhtPort: 6881,
    pieceCount: 1000,
    ownPieces: own(1000, 0, 8),
    allowedFast: {
      infoHash: new Uint8Array(20),
      ip: Uint8Array.of(1, 2, 3, 4),
    },
  });
  assertEquals(types(session), [
    "extended",
    "bitfield",
    "port",
    ...Array(5).fill("allowed-fast"),
  ]);
  assertEquals(
    session.sent[1],
    bits(0x80, 0x80, ...new Array<number>(123).fill(0)),
  );
});

Deno.test(
  "the bitfield we send has ceil(n/8) bytes and clear spare bits",
  none,
  () => {
    for (let n = 1; n <= 2_000; n++) {
      const session = new TestSession({
        pieceCount: n,
        ownPieces: own(n, n - 1),
      });
      assertEquals(session.sent.length, 1);
      const message = session.sent[0] as PeerMessage & { bytes: Uint8Array };
      assertEquals(message.bytes.length, Math.ceil(n / 8));
      assertEquals([...Bitfield.tryFrom(message.bytes, n)!], [n - 1]);
    }
  },
);

Deno.test("an empty bitfield of a million bits iterates", none, () => {
  const session = new TestSession({ pieceCount: 1_000_000 });
  session.receive({ type: "bitfield", bytes: new Uint8Array(125_000) });
  assertEquals(session.events.map((e) => e.type), ["bitfield"]);
  assertEquals([...session.machine.peerHas], []);
});

Deno.test(
  "bitfields of a wrong size and pieces that are none close (attack 29)",
  none,
  () => {
    const cases: [PeerMessage[], string][] = [
      [[bits(0xff)], "bad-bitfield"],
      [[bits(0xff, 0xff, 0)], "bad-bitfield"],
      [[have(9)], "out-of-range"],
      [[have(0xffffffff)], "out-of-range"],
    ];
    for (const [messages, code] of cases) {
      const session = new TestSession({ pieceCount: 9, fast: true });
      session.receive(...messages);
      assertEquals([session.closed, session.code], [true, code]);
      // The same before the number of pieces is known, at the latest with it.
      const blind = new TestSession({ fast: true }).receive(...messages);
      blind.machine.setPieceCount(9, 0);
      blind.drain();
      assertEquals([blind.closed, blind.code], [true, code]);
    }
  },
);

Deno.test(
  "oddities that harm nobody are counted, and the pieces are right",
  none,
  () => {
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    const haveAll = { type: "have-all" } as const;
    const haveNone = { type: "have-none" } as const;
    const cases: [string, PeerMessage[], number[]][] = [
      ["spare bits", [bits(0x80, 0xff)], [0, 8]],
      ["twice", [bits(0x80, 0), bits(0x80, 0)], [0]],
      ["more", [bits(0x80, 0), bits(0xc0, 0)], [0, 1]],
      ["another", [bits(0x80, 0), bits(0x40, 0)], [0, 1]],
      ["behind a have", [have(1), bits(0x80, 0)], [0, 1]],
      ["nothing, late", [haveAll, haveNone], all],
      ["all, twice", [haveAll, haveAll], all],
      ["all, late", [bits(0x80, 0), haveAll], all],
      ["nothing behind a have", [have(1), haveNone], [1]],
      ["behind nothing", [haveNone, bits(0x80, 0)], [0]],
      ["suggested", [{ type: "suggest", pieceIndex: 9 }], []],
      ["allowed", [{ type: "allowed-fast", pieceIndex: 9 }], []],
    ];
    for (const [name, messages, pieces] of cases) {
      const session = new TestSession({ pieceCount: 9, fast: true });
      session.receive(...messages);
      assertEquals([session.code, [...session.machine.peerHas]], [
        undefined,
        pieces,
      ], name);
      assertEquals(session.machine.stats(0).oddities, 1, name);
      const blind = new TestSession({ fast: true }).receive(...messages);
      blind.machine.setPieceCount(9, 0);
      blind.drain();
      assertEquals([blind.code, [...blind.machine.peerHas]], [
        undefined,
        pieces,
      ], name);
    }
  },
);

Deno.test(
  "a later bitfield stands for many haves, as aria2 sends it",
  none,
  () => {
    for (
      const first of [
        { type: "have-none" },
        bits(0, 0),
        have(0),
      ] as PeerMessage[]
    ) {
      const session = new TestSession({ pieceCount: 9, fast: true });
      session.receive(first, bits(0b1100_0000, 0));
      assertEquals([...session.machine.peerHas], [0, 1]);
      session.receive({ type: "have-all" });
      assertEquals(session.machine.peerHas.isFull, true);
      assertEquals(session.closed, false);
      assertEquals(session.events.at(-1)!.type, "have-all");
    }
  },
);

Deno.test("Fast messages need the Fast extension", none, () => {
  const messages: PeerMessage[] = [
    { type: "have-all" },
    { type: "have-none" },
    { type: "allowed-fast", pieceIndex: 0 },
    { type: "suggest", pieceIndex: 0 },
    { type: "reject", pieceIndex: 0, blockOffset: 0, length: 1 },
  ];
  for (const message of messages) {
    const session = new TestSession({ pieceCount: 9 }).receive(message);
    assertEquals(session.code, "not-negotiated");
  }
});

Deno.test("repeated HAVE counts once (attack 30)", none, () => {
  const session = new TestSession({ pieceCount: 9 });
  session.receive(bits(0x80, 0), have(0), have(1), have(1), have(1));
  assertEquals(session.events.map((e) => e.type), ["bitfield", "have"]);
  assertEquals(session.machine.peerHas.count, 2);
  assertEquals(session.machine.state.isSeed, false);
});

Deno.test("what is told before the metadata is applied later", none, () => {
  const haves = new TestSession().receive(have(3), have(700));
  assertEquals(haves.events, []);
  assertEquals(haves.machine.peerHas.length, 0);
  haves.machine.setPieceCount(701, 0);
  haves.drain();
  assertEquals(haves.events.map((e) => e.type), ["bitfield"]);
  assertEquals([...haves.machine.peerHas], [3, 700]);

  const all = new TestSession({ fast: true }).receive({ type: "have-all" });
  assertEquals(all.machine.state.isSeed, true);
  all.machine.setPieceCount(5, 0);
  all.drain();
  assertEquals(all.events.map((e) => e.type), ["have-all"]);
  assertEquals(all.machine.peerHas.isFull, true);

  const mixed = new TestSession().receive(bits(0x80, 0), have(15));
  mixed.machine.setPieceCount(16, 0);
  assertEquals([...mixed.machine.peerHas], [0, 15]);

  const out = new TestSession().receive(have(16));
  out.machine.setPieceCount(16, 0);
  out.drain();
  assertEquals(out.code, "out-of-range");
});

Deno.test("HAVE is sent whether the peer has the piece or not", none, () => {
  const session = new TestSession({ pieceCount: 9 }).receive(have(1));
  session.take();
  session.does((m, now) => m.have([1, 2], now));
  assertEquals(session.sent, [have(1), have(2)]);
});

Deno.test(
  "pieces that exist when the number becomes known are told",
  none,
  () => {
    const session = new TestSession({ fast: true });
    session.take();
    session.machine.setPieceCount(9, 0, { ownPieces: own(9, 4, 5) });
    session.drain();
    assertEquals(session.sent, [have(4), have(5)]);
  },
);
