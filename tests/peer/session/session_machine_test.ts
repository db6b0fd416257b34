import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type HashRange,
  type PeerMessage,
  PeerSessionMachine,
} from "../../../peer/mod.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { encodeUploadOnly } from "../../../peer/small_extensions.ts";
import { encodeUtHolepunch } from "../../../peer/ut_holepunch.ts";
import { encodeUtMetadata } from "../../../peer/ut_metadata.ts";
import { encodeUtPex } from "../../../peer/ut_pex.ts";
import { TestSession } from "../session.ts";

const none = { permissions: "none" } as const;
const handshake = (
  ids: Record<string, number>,
  more: Partial<Parameters<typeof encodeExtensionHandshake>[0]> = {},
): PeerMessage => ({
  type: "extended",
  id: 0,
  payload: encodeExtensionHandshake({
    ...more,
    messageIds: new Map(Object.entries(ids)),
  }),
});
const extended = (id: number, payload: Uint8Array): PeerMessage => ({
  type: "extended",
  id,
  payload,
});

Deno.test("keep-alives are sent when we are silent", none, () => {
  const session = new TestSession();
  session.receive({ type: "interested" });
  const beat = () => session.receive({ type: "keep-alive" });
  session.advance(99_999);
  assertEquals(session.sent, []);
  session.advance(1);
  assertEquals(session.sent.map((m) => m.type), ["keep-alive"]);
  beat();
  session.advance(50_000);
  session.does((m, now) => m.sendPort(1, now));
  beat();
  session.advance(99_999);
  assertEquals(session.sent.length, 2);
  session.advance(1);
  assertEquals(session.sent.length, 3);
});

Deno.test("the first keep-alive may come sooner", none, () => {
  const session = new TestSession({ firstKeepAliveMs: 1000 });
  session.advance(999);
  assertEquals(session.sent, []);
  session.advance(1);
  assertEquals(session.sent.map((m) => m.type), ["keep-alive"]);
  session.advance(99_999);
  assertEquals(session.sent.length, 1);
  session.advance(1);
  assertEquals(session.sent.length, 2);
});

Deno.test("a silent peer is dropped, a talking one is not", none, () => {
  const session = new TestSession();
  session.receive({ type: "interested" });
  for (let i = 0; i < 20; i++) {
    session.advance(120_000).receive({ type: "keep-alive" });
  }
  assertEquals(session.closed, false);
  session.advance(149_999);
  assertEquals(session.closed, false);
  session.advance(1);
  assertEquals(session.code, "silent");
  assert(session.error!.message.endsWith("sent nothing for 150 s"));
  assertEquals(session.machine.deadline, undefined);
});

Deno.test("silence does not count while we do not read", none, () => {
  const session = new TestSession();
  session.receive({ type: "interested" });
  session.advance(100_000);
  session.machine.setReading(false, session.now);
  session.advance(5_000_000);
  session.machine.setReading(true, session.now);
  session.advance(49_999);
  assertEquals(session.closed, false);
  session.advance(1);
  assertEquals(session.code, "silent");
});

Deno.test("a useless connection is culled", none, () => {
  const session = new TestSession();
  const pass = (ms: number) => {
    for (let left = ms; left > 0; left -= 50_000) {
      session.advance(Math.min(50_000, left)).receive({ type: "keep-alive" });
    }
  };
  session.does((m, now) => m.setInterested(true, now));
  pass(900_000);
  session.does((m, now) => m.setInterested(false, now));
  pass(550_000);
  assertEquals(session.closed, false);
  pass(100_000);
  assertEquals(session.code, "idle");
});

Deno.test("unknown messages and extension ids are skipped", none, () => {
  const session = new TestSession({ extended: true, pieceCount: 4 });
  session.receive(
    { type: "unknown", id: 99, payload: new Uint8Array(3) },
    extended(77, new Uint8Array(9)),
    handshake({ nobody_knows: 9 }),
  );
  assertEquals(session.closed, false);
  assertEquals(session.events.map((e) => e.type), ["extension-handshake"]);
});

Deno.test("our extension handshake", none, () => {
  const session = new TestSession({
    extended: true,
    extensionNames: ["ut_metadata", "xy_chat"],
    extensionFields: { clientVersion: "bip", metadataSize: 100 },
  });
  const [first] = session.take().sent;
  assert(first?.type === "extended" && first.id === 0);
  const told = decodeExtensionHandshake(first.payload);
  assertEquals(Object.fromEntries(told.messageIds), {
    ut_metadata: 1,
    xy_chat: 2,
  });
  assertEquals([told.requestQueue, told.clientVersion, told.metadataSize], [
    2_000,
    "bip",
    100,
  ]);
  session.does((m, now) => m.sendExtensionHandshake({ uploadOnly: true }, now));
  const [again] = session.take().sent;
  assert(again?.type === "extended");
  assertEquals(decodeExtensionHandshake(again.payload).uploadOnly, true);
});

Deno.test("ids are per direction, additive, and id 0 removes", none, () => {
  const session = new TestSession({ extended: true });
  session.take();
  const send = (name: string) =>
    session.machine.sendExtended(name, Uint8Array.of(1), 0);
  assertEquals(send("ut_pex"), false);
  session.receive(handshake({ ut_pex: 40 }), handshake({ ut_metadata: 41 }));
  assertEquals(send("ut_pex"), true);
  assertEquals(send("ut_metadata"), true);
  session.drain();
  assertEquals(
    session.sent.map((m) => m.type === "extended" ? m.id : -1),
    [40, 41],
  );
  session.receive(handshake({ ut_pex: 0 }));
  assertEquals(send("ut_pex"), false);
  assertEquals(session.machine.supports("ut_metadata"), true);
});

Deno.test("messages of the standard extensions become events", none, () => {
  const session = new TestSession({ extended: true });
  session.receive(handshake({ ut_holepunch: 5 }));
  session.take();
  session.receive(
    extended(1, encodeUtMetadata({ type: "request", piece: 0 })),
    extended(2, encodeUtPex({ added: [], dropped: [] })),
    extended(4, encodeUploadOnly(true)),
    extended(4, encodeUploadOnly(true)),
    extended(
      5,
      encodeUtHolepunch({
        type: "connect",
        endpoint: { hostname: "1.2.3.4", port: 5 },
        errorCode: 0,
      }),
    ),
  );
  assertEquals(session.events.map((e) => e.type), [
    "metadata",
    "pex",
    "upload-only",
    "holepunch",
  ]);
  assertEquals(session.machine.state.uploadOnly, true);
});

Deno.test(
  "holepunch of a peer that does not offer it is ignored (attack 41)",
  none,
  () => {
    const session = new TestSession({ extended: true });
    session.receive(extended(5, new Uint8Array(12)));
    assertEquals([session.closed, session.events.length], [false, 0]);
  },
);

Deno.test("a PEX flood is ignored (attack 40)", none, () => {
  const session = new TestSession({ extended: true });
  const pex = extended(2, encodeUtPex({ added: [], dropped: [] }));
  for (let i = 0; i < 50; i++) session.receive(pex);
  assertEquals(session.events.length, 2);
  for (let minute = 0; minute < 5; minute++) {
    session.now += 60_000;
    session.receive(pex, pex, pex);
  }
  assert(session.events.length <= 2 + 6, `${session.events.length}`);
  assert(session.events.length >= 2 + 5);
  session.now += 60_000;
  session.receive(extended(2, Uint8Array.of(1)));
  assertEquals(session.closed, false);
});

Deno.test(
  "PEX that was not offered is not heard (private torrents)",
  none,
  () => {
    const session = new TestSession({
      extended: true,
      extensionNames: ["ut_metadata"],
    });
    session.receive(extended(2, encodeUtPex({ added: [], dropped: [] })));
    assertEquals(session.events, []);
  },
);

Deno.test(
  "metadata requests are refused while the buffer is full",
  none,
  () => {
    const session = new TestSession({ extended: true });
    session.receive(handshake({ ut_metadata: 3 }));
    session.take();
    session.does((m, now) => m.sent(262_145, now));
    session.receive(
      extended(1, encodeUtMetadata({ type: "request", piece: 7 })),
    );
    assertEquals(session.events, []);
    const [answer] = session.sent;
    assert(answer?.type === "extended" && answer.id === 3);
    assertEquals(
      answer.payload,
      encodeUtMetadata({ type: "reject", piece: 7 }),
    );
  },
);

Deno.test("an extension without handler gives events", none, () => {
  const session = new TestSession({
    extended: true,
    extensionNames: ["xy"],
  });
  session.receive(extended(1, Uint8Array.of(4)));
  assertEquals(session.events, [{
    type: "extended",
    name: "xy",
    payload: Uint8Array.of(4),
  }]);
});

Deno.test("DHT port", none, () => {
  const session = new TestSession();
  session.receive({ type: "port", port: 0 }, { type: "port", port: 6881 });
  // Told again it is no news.
  session.receive({ type: "port", port: 6881 });
  assertEquals(session.events, [{ type: "port", port: 6881 }]);
});

const range: HashRange = {
  piecesRoot: new Uint8Array(32).fill(1),
  baseLayer: 2,
  index: 4,
  length: 4,
  proofLayers: 2,
};

Deno.test("hashes are asked for once and matched", none, () => {
  const session = new TestSession({ v2: true });
  assertEquals(session.machine.requestHashes(range, 0), true);
  assertEquals(session.machine.requestHashes(range, 0), false);
  assertEquals(
    session.machine.requestHashes({ ...range, length: 3 }, 0),
    false,
  );
  session.drain();
  assertEquals(session.sent, [{ type: "hash-request", ...range }]);
  const hashes = (count: number): PeerMessage => ({
    type: "hashes",
    ...range,
    hashes: new Uint8Array(32 * count),
  });
  session.receive(hashes(5));
  assertEquals(session.events.map((e) => e.type), ["hashes"]);
  session.take();
  session.receive(hashes(5));
  assertEquals(session.events, [], "not asked");
  session.machine.requestHashes(range, 0);
  session.receive(hashes(4));
  assertEquals(session.events, [], "wrong number");
  session.machine.requestHashes(range, 0);
  session.receive({ type: "hash-reject", ...range });
  assertEquals(session.events.map((e) => e.type), ["hash-reject"]);
});

Deno.test("hash requests are checked and bounded (attack 16)", none, () => {
  const session = new TestSession({ v2: true });
  const ask = (fields: Partial<HashRange>): PeerMessage => ({
    type: "hash-request",
    ...range,
    ...fields,
  });
  for (
    const bad of [
      { length: 1 },
      { length: 3 },
      { length: 1024, index: 0 },
      { index: 5 },
      { baseLayer: 0xffffffff },
      { proofLayers: 0xffffffff },
    ]
  ) {
    session.receive(ask(bad));
    const { sent, events } = session.take();
    assertEquals(events, []);
    assertEquals(sent.map((m) => m.type), ["hash-reject"]);
  }
  for (let i = 0; i < 40; i++) session.receive(ask({ index: 4 * i }));
  const { sent, events } = session.take();
  assertEquals([events.length, sent.length], [32, 8]);
  assertEquals(session.machine.sendHashes(range, new Uint8Array(160), 0), true);
  assertEquals(session.machine.sendHashes(range, undefined, 0), false);
  const old = new TestSession().receive(ask({}));
  assertEquals([old.sent.length, old.events.length], [0, 0]);
});

Deno.test(
  "no hashes are promised that the send buffer has no room for",
  none,
  () => {
    const longest = 32 * (512 + 32);
    const room = 262_144 - longest;
    for (const buffered of [room - room % 9, room - room % 9 + 9]) {
      const session = new TestSession({
        v2: true,
        pieceCount: 100,
        ownPieces: Bitfield.full(100),
      });
      session.flush();
      const haves = Array.from({ length: buffered / 9 }, (_, i) => i % 100);
      session.does((m, now) => m.have(haves, now)).take();
      session.receive({ type: "hash-request", ...range });
      assertEquals(
        [session.events.length, session.sent.length],
        buffered <= room ? [1, 0] : [0, 1],
      );
    }
  },
);

Deno.test("close ends everything, once", none, () => {
  const session = new TestSession({ pieceCount: 3, fast: true });
  session.take();
  session.does((m) => m.close()).does((m) => m.close(new Error("x")));
  assertEquals([session.closed, session.error], [true, undefined]);
  session.receive({ type: "have-all" }, { type: "unchoke" });
  session.does((m, now) => {
    m.setChoking(false, now);
    m.have([1], now);
    m.setInterested(true, now);
    m.sent(0, now);
    m.setPieceCount(3, now);
  });
  const { machine } = session;
  const block = { pieceIndex: 0, blockOffset: 0, length: 1 };
  assertEquals(machine.request([block], 0), [block]);
  assertEquals(machine.cancel(block, 0), false);
  assertEquals(machine.rejectRequest(block, 0), false);
  assertEquals(machine.sendBlock(block, new Uint8Array(1), 0), false);
  assertEquals(machine.sendExtended("ut_pex", new Uint8Array(1), 0), false);
  session.advance(1_000_000);
  assertEquals(session.sent, []);
  assertEquals(session.events, []);
  assertEquals(machine.state.amInterested, false);
  assertEquals(machine.deadline, undefined);
});

Deno.test("close takes back what was handed out", none, () => {
  const session = new TestSession({ pieceCount: 3, fast: true });
  const request = { pieceIndex: 1, blockOffset: 0, length: 9 };
  session.does((m, now) => m.setChoking(false, now)).flush();
  session.receive({ type: "request", ...request });
  assertEquals(session.events, [{ type: "serve", request }]);
  session.does((m) => m.close());
  assertEquals(session.machine.rejectRequest(request, 0), false);
  assertEquals(session.machine.sendBlock(request, new Uint8Array(9), 0), false);
  assertEquals(session.machine.stats(0).uploaded, 0);
});

Deno.test("options and numbers are checked", none, () => {
  const make = (options: object) => () => new PeerSessionMachine(options, 0);
  assertThrows(make({ pieceCount: -1 }), RangeError);
  assertThrows(make({ maxRequestLength: 131_073 }), RangeError);
  assertThrows(make({ maxQueuedRequests: 0 }), RangeError);
  assertThrows(make({ maxQueuedRequests: 65_537 }), RangeError);
  make({ pieceCount: 0, maxRequestLength: 1, maxQueuedRequests: 1 })();
  make({ maxRequestLength: 131_072, maxQueuedRequests: 65_536 })();
  const machine = new PeerSessionMachine({ pieceCount: 3 }, 0);
  assertThrows(() => machine.setPieceCount(4, 0), RangeError);
  machine.setPieceCount(3, 0, { ownPieces: new Bitfield(3) });
  const open = new PeerSessionMachine({}, 0);
  for (const pieceCount of [-1, 1.5, NaN, 2_097_153]) {
    assertThrows(() => open.setPieceCount(pieceCount, 0), RangeError);
  }
  open.setPieceCount(2_097_152, 0);
});

Deno.test(
  "extended messages that cannot be understood cost nobody the peer",
  none,
  () => {
    const session = new TestSession({ extended: true, pieceCount: 4 });
    const bad = [
      extended(0, new TextEncoder().encode("hello")),
      extended(1, new TextEncoder().encode("hello")),
      extended(2, new TextEncoder().encode("hello")),
      extended(3, new Uint8Array(3)),
      extended(3, Uint8Array.of(0, 0, 0, 9)),
      extended(4, new Uint8Array(0)),
      extended(99, new Uint8Array(1)),
    ];
    session.receive(...bad);
    assertEquals([session.closed, session.events], [false, []]);
    assertEquals(session.machine.stats(0).oddities, bad.length);
  },
);

Deno.test(
  "a peer that does not take its answers is not read any more",
  none,
  () => {
    const session = new TestSession({ pieceCount: 9 });
    session.receive({ type: "keep-alive" });
    assertEquals(session.machine.chunkEnd(4, 0), 0);
    session.does((m, now) => m.sent(2_097_153, now));
    assertEquals(session.machine.chunkEnd(4, 0), Infinity);
    assertEquals(session.machine.hasSendRoom(1), false);
    session.flush();
    assertEquals(session.machine.hasSendRoom(262_144), true);
    assertEquals(session.machine.hasSendRoom(262_145), false);
  },
);

Deno.test("hash requests are refused while answers pile up", none, () => {
  const session = new TestSession({ v2: true });
  session.take();
  session.does((m, now) => m.sent(260_000, now));
  session.receive({ type: "hash-request", ...range });
  assertEquals(session.events, []);
  assertEquals(session.sent.map((m) => m.type), ["hash-reject"]);
});
