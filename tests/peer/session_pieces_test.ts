import { assertEquals } from "@std/assert";
import { Bitfield, type PeerMessage } from "../../peer/mod.ts";
import { TestSession } from "./session.ts";

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
    pieceCount: 9,
    ownPieces: own(9, 0, 8),
    allowedFast: {
      infoHash: new Uint8Array(20),
      ip: Uint8Array.of(1, 2, 3, 4),
      count: 2,
    },
  });
  assertEquals(types(session), [
    "extended",
    "bitfield",
    "port",
    "allowed-fast",
    "allowed-fast",
  ]);
  assertEquals(session.sent[1], bits(0x80, 0x80));
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

Deno.test("bad bitfields close (attack 29)", none, () => {
  const cases: [PeerMessage[], string][] = [
    [[bits(0xff)], "bad-bitfield"],
    [[bits(0xff, 0xff, 0)], "bad-bitfield"],
    [[bits(0xff, 0xff)], "bad-bitfield"],
    [[bits(0, 0), bits(0, 0)], "unexpected-bitfield"],
    [[have(1), bits(0, 0)], "unexpected-bitfield"],
    [[have(9)], "out-of-range"],
    [[have(0xffffffff)], "out-of-range"],
    [[{ type: "have-all" }, { type: "have-none" }], "unexpected-bitfield"],
    [[{ type: "have-none" }, bits(0, 0)], "unexpected-bitfield"],
    [[bits(0xff, 0x80), { type: "have-all" }], "unexpected-bitfield"],
    [[bits(0x80, 0), bits(0x40, 0)], "unexpected-bitfield"],
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
});

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
    // One that is much longer than the haves is a waste of our time.
    const bytes = new Uint8Array(1000);
    bytes[0] = 0xff;
    const session = new TestSession({ pieceCount: 8000, fast: true });
    session.receive({ type: "have-none" }, { type: "bitfield", bytes });
    assertEquals(session.code, "unexpected-bitfield");
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

Deno.test("HAVE is not sent to a peer that has the piece", none, () => {
  const session = new TestSession({ pieceCount: 9 }).receive(have(1));
  session.take();
  assertEquals(session.machine.have(1, 0), false);
  assertEquals(session.machine.have(2, 0), true);
  session.drain();
  assertEquals(session.sent, [have(2)]);
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
