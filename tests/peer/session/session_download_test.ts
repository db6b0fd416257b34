import { assert, assertEquals } from "@std/assert";
import {
  encodeExtensionHandshake,
  type PeerMessage,
} from "../../../peer/mod.ts";
import { encodeDontHave } from "../../../peer/small_extensions.ts";
import { block, pieceOf, TestSession } from "../session.ts";

const none = { permissions: "none" } as const;

/** A session with a seed that has unchoked us. */
function unchoked(options = {}): TestSession {
  const session = new TestSession({
    pieceCount: 100,
    fast: true,
    ...options,
  });
  session.receive({ type: "have-all" }, { type: "unchoke" });
  session.take();
  return session;
}
const request = (
  session: TestSession,
  ...blocks: ReturnType<typeof block>[]
) => {
  const refused = session.machine.request(blocks, session.now);
  session.drain();
  return refused;
};

Deno.test("only possible requests are sent", none, () => {
  const session = new TestSession({ pieceCount: 100 });
  assertEquals(request(session, block(1)).length, 1);
  session.receive({ type: "have", pieceIndex: 1 });
  assertEquals(request(session, block(1)).length, 1, "choked");
  session.receive({ type: "unchoke" });
  assertEquals(request(session, block(1), block(2), block(1)), [
    block(2),
    block(1),
  ]);
  assertEquals(session.sent.map((m) => m.type), ["request"]);
  assertEquals(session.machine.outstanding, 1);
});

Deno.test(
  "the window is ours, or a little less than the peer's reqq",
  none,
  () => {
    const session = unchoked({ extended: true });
    const many = Array.from({ length: 3_000 }, (_, i) => block(i % 100, i));
    assertEquals(session.machine.requestWindow, 242);
    const reqq = (requestQueue: number): PeerMessage => ({
      type: "extended",
      id: 0,
      payload: encodeExtensionHandshake({
        messageIds: new Map(),
        requestQueue,
      }),
    });
    session.receive(reqq(1));
    assertEquals(session.machine.requestWindow, 1);
    // Transmission says 512 and takes 511.
    session.receive(reqq(512));
    assertEquals(request(session, ...many).length, 3_000 - 496);
    session.receive(reqq(1_000_000));
    assertEquals(session.machine.requestWindow, 1_940);
    request(session, ...many);
    assertEquals(session.machine.outstanding, 1_940);
  },
);

Deno.test("blocks settle requests and count", none, () => {
  const session = unchoked();
  request(session, block(1), block(1, 1));
  session.take();
  session.receive(pieceOf(block(1)));
  assertEquals(session.events.map((e) => e.type), ["block"]);
  assertEquals(session.sent, []);
  assertEquals(session.machine.outstanding, 1);
  assertEquals(session.machine.stats(0).downloaded, 16_384);
});

Deno.test(
  "unrequested blocks are waste, then the end (attack 31)",
  none,
  () => {
    const session = unchoked();
    request(session, block(1));
    session.take();
    session.receive(
      pieceOf(block(1, 0, 5)),
      pieceOf(block(1)),
      pieceOf(block(1)),
      pieceOf(block(99, 7)),
    );
    assertEquals(session.events.map((e) => e.type), ["block"]);
    assertEquals(session.machine.stats(0).wasted, 5 + 2 * 16_384);
    assertEquals(session.closed, false);
    for (let i = 0; i < 47; i++) session.receive(pieceOf(block(2)));
    assertEquals(session.closed, false);
    session.receive(pieceOf(block(2)));
    assertEquals(session.code, "unrequested");
  },
);

Deno.test("choke without Fast gives requests back at once", none, () => {
  const session = new TestSession({ pieceCount: 2 });
  session.receive({ type: "bitfield", bytes: Uint8Array.of(0xc0) });
  session.receive({ type: "unchoke" });
  request(session, block(0), block(1));
  session.take();
  session.receive({ type: "choke" });
  const { events } = session.take();
  assertEquals(events.map((e) => e.type), ["choked", "rejected"]);
  assert(events[1]!.type === "rejected");
  assertEquals(events[1].reason, "choked");
  assertEquals(events[1].blocks.length, 2);
  assertEquals(session.machine.outstanding, 0);
  // What was on its way is welcome.
  session.receive(pieceOf(block(0)));
  const late = session.take().events[0];
  assert(late?.type === "block" && late.late);
});

Deno.test("choke with Fast waits for the rejects", none, () => {
  const session = unchoked();
  request(session, block(0), block(1));
  session.take();
  session.receive({ type: "choke" });
  assertEquals(session.machine.outstanding, 2);
  session.receive({ type: "reject", ...block(0) }, pieceOf(block(1)));
  assertEquals(session.events.map((e) => e.type), [
    "choked",
    "rejected",
    "block",
  ]);
  assertEquals(session.machine.outstanding, 0);
});

Deno.test("allowed fast pieces may be requested while choked", none, () => {
  const session = new TestSession({ pieceCount: 10, fast: true });
  session.receive({ type: "have-all" }, {
    type: "allowed-fast",
    pieceIndex: 4,
  });
  assertEquals(request(session, block(4), block(5)), [block(5)]);
  // Refused: the grant is gone, so that it is not asked without end.
  session.receive({ type: "reject", ...block(4) });
  assertEquals(request(session, block(4)), [block(4)]);
});

Deno.test(
  "grants are bounded, counted once, and of pieces there are",
  none,
  () => {
    const grant = (pieceIndex: number): PeerMessage => ({
      type: "allowed-fast",
      pieceIndex,
    });
    const session = new TestSession({ fast: true });
    session.receive(grant(3), grant(3), grant(100), grant(99));
    assertEquals(session.take().events.length, 3);
    session.machine.setPieceCount(100, 0);
    assertEquals([...session.machine.allowedFast], [3, 99]);
    const greedy = new TestSession({ fast: true, pieceCount: 1000 });
    for (let i = 0; i < 600; i++) greedy.receive(grant(i));
    assertEquals(greedy.machine.allowedFast.size, 512);
    assertEquals(greedy.events.length, 512);
  },
);

Deno.test("cancel, and the answer after it", none, () => {
  const session = unchoked();
  request(session, block(0));
  session.take();
  assertEquals(session.machine.cancel(block(0), 0), true);
  assertEquals(session.machine.cancel(block(0), 0), false);
  session.drain();
  assertEquals(session.sent.map((m) => m.type), ["cancel"]);
  session.receive({ type: "reject", ...block(0) });
  assertEquals(session.events, []);
});

Deno.test(
  "snubbed after 30 s without a block, requests come back (attack 35)",
  none,
  () => {
    const session = unchoked();
    request(session, block(0), block(1));
    session.take();
    session.advance(29_999);
    assertEquals(session.events, []);
    session.advance(1);
    assertEquals(session.take().events.map((e) => e.type), ["snubbed"]);
    session.advance(29_999);
    assertEquals(session.events, []);
    session.advance(1);
    const { events, sent } = session.take();
    assertEquals(events.map((e) => e.type), ["rejected"]);
    assert(events[0]!.type === "rejected" && events[0].reason === "timeout");
    assertEquals(events[0].blocks.length, 2);
    assertEquals(sent.map((m) => m.type), ["cancel", "cancel"]);
    assertEquals(session.machine.state.snubbed, true);
    session.receive(pieceOf(block(0)));
    assertEquals(session.events.map((e) => e.type), ["unsnubbed", "block"]);
    assertEquals(session.machine.state.snubbed, false);
    session.take();
    // One late block is no lasting pardon.
    session.receive(pieceOf(block(1)));
    assertEquals(session.events.map((e) => e.type), ["block"]);
    request(session, block(2));
    session.take();
    session.advance(60_000);
    assertEquals(session.events.map((e) => e.type), ["snubbed", "rejected"]);
  },
);

Deno.test("time in which nothing was asked for snubs nobody", none, () => {
  const session = unchoked();
  session.does((m, now) => m.setInterested(true, now));
  request(session, block(0));
  session.receive(pieceOf(block(0))).take();
  session.advance(100_000).receive({ type: "keep-alive" });
  request(session, block(1));
  session.advance(15_000);
  // Another request does not start the time anew.
  request(session, block(2));
  session.take();
  session.advance(14_999);
  assertEquals(session.events, []);
  session.advance(1);
  assertEquals(session.events.map((e) => e.type), ["snubbed"]);
});

Deno.test(
  "a peer that trickles is not snubbing, but old requests expire",
  none,
  () => {
    const session = unchoked();
    request(session, ...Array.from({ length: 10 }, (_, i) => block(i)));
    session.take();
    for (let i = 9; i > 1; i--) {
      session.advance(8_000);
      if (i > 4) session.receive(pieceOf(block(i)));
    }
    const types = session.events.map((e) => e.type);
    assertEquals(types.filter((t) => t === "block").length, 5);
    assertEquals(types.includes("snubbed"), false);
    assertEquals(types.filter((t) => t === "rejected").length, 1);
  },
);

Deno.test("a peer that refuses everything is dropped", none, () => {
  const session = unchoked();
  for (let i = 0; i < 1_000; i++) {
    request(session, block(0));
    session.receive({ type: "reject", ...block(0) });
    session.flush();
  }
  assertEquals(session.closed, false);
  request(session, block(0));
  session.receive({ type: "reject", ...block(0) });
  assertEquals(session.code, "refusing");
});

Deno.test("one that answers our cancels is not", none, () => {
  const session = unchoked();
  for (let i = 0; i < 1_001; i++) {
    request(session, block(0));
    session.machine.cancel(block(0), session.now);
    session.drain();
    session.receive({ type: "reject", ...block(0) });
    session.flush();
  }
  assertEquals(session.closed, false);
});

Deno.test(
  "one that has and has not the same piece is dropped too",
  none,
  () => {
    const session = unchoked({
      extended: true,
      extensionNames: ["lt_donthave"],
    });
    const blocks = Array.from({ length: 4 }, (_, i) => ({
      pieceIndex: 3,
      blockOffset: i * 16_384,
      length: 16_384,
    }));
    for (let i = 0; i < 251; i++) {
      assertEquals(session.closed, false, `${i}`);
      request(session, ...blocks);
      session.receive(
        { type: "extended", id: 1, payload: encodeDontHave(3) },
        { type: "have", pieceIndex: 3 },
      );
      session.flush();
    }
    assertEquals(session.code, "refusing");
  },
);

Deno.test("flapping is bounded (attack 33)", none, () => {
  const calm = unchoked();
  for (let i = 0; i < 100; i++) calm.receive({ type: "unchoke" });
  calm.receive({ type: "choke" }).take();
  for (let i = 0; i < 100; i++) calm.receive({ type: "choke" });
  assertEquals([calm.closed, calm.events.length], [false, 0], "no change");
  const session = unchoked();
  for (let i = 0; i < 19; i++) {
    session.receive({ type: "choke" }, { type: "unchoke" });
  }
  assertEquals(session.closed, false);
  session.now = 10_000;
  for (let i = 0; i < 20; i++) {
    session.receive({ type: "choke" }, { type: "unchoke" });
  }
  assertEquals(session.closed, false);
  session.receive({ type: "choke" }, { type: "unchoke" });
  assertEquals(session.code, "flapping");
});

Deno.test("lt_donthave takes the piece and its requests back", none, () => {
  const session = unchoked({ extended: true, extensionNames: ["lt_donthave"] });
  request(session, block(3), block(4));
  session.take();
  session.receive({ type: "extended", id: 1, payload: encodeDontHave(3) });
  const { events } = session.take();
  assertEquals(events.map((e) => e.type), ["dont-have", "rejected"]);
  assertEquals(session.machine.peerHas.has(3), false);
  assertEquals(session.machine.outstanding, 1);
});

Deno.test("interest is told once", none, () => {
  const session = unchoked();
  for (const interested of [true, true, false, false, true]) {
    session.does((m, now) => m.setInterested(interested, now));
  }
  assertEquals(session.sent.map((m) => m.type), [
    "interested",
    "not-interested",
    "interested",
  ]);
});

Deno.test("a command input reports what is refused", none, () => {
  const { machine } = unchoked();
  assertEquals(machine.request([block(1), block(200)], 0), [block(200)]);
});

Deno.test("a pause of ours is no fault of the peer", none, () => {
  const session = unchoked();
  session.does((m, now) => m.setInterested(true, now));
  request(session, block(0));
  session.take();
  session.advance(15_000);
  session.machine.setReading(false, session.now);
  session.advance(1_000_000);
  assertEquals([session.closed, session.events.length], [false, 0]);
  session.machine.setReading(true, session.now);
  session.advance(14_999);
  assertEquals(session.events, []);
  session.advance(1);
  assertEquals(session.events.map((e) => e.type), ["snubbed"]);
});

Deno.test(
  "answers to what was given up are welcome, the last 2000",
  none,
  () => {
    const session = unchoked();
    const blocks = Array.from(
      { length: 2_001 },
      (_, i) => block(i % 100, Math.floor(i / 100)),
    );
    for (const one of blocks) {
      request(session, one);
      session.machine.cancel(one, 0);
      session.flush();
    }
    session.take();
    session.receive(pieceOf(blocks[0]!));
    assertEquals(session.events, []);
    assertEquals(session.machine.stats(0).wasted, 16_384);
    session.receive(pieceOf(blocks[1]!), pieceOf(blocks[2_000]!));
    assertEquals(session.events.map((e) => e.type), ["block", "block"]);
  },
);
