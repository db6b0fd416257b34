import { assert, assertEquals, assertThrows } from "@std/assert";
import type { BlockAddress, PeerMessage } from "../../../peer/mod.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { block, TestSession } from "../session.ts";

const none = { permissions: "none" } as const;
const ask = (address: BlockAddress): PeerMessage => ({
  type: "request",
  ...address,
});

/** A seeding session with an interested, unchoked peer. */
function seeding(options = {}): TestSession {
  const session = new TestSession({
    pieceCount: 100,
    pieceSize: (i) => i === 99 ? 20_000 : 262_144,
    ownPieces: Bitfield.full(100),
    fast: true,
    ...options,
  });
  session.receive({ type: "interested" }).does((m, now) =>
    m.setChoking(false, now)
  ).flush();
  session.take();
  return session;
}
const serves = (session: TestSession): BlockAddress[] =>
  session.events.flatMap((e) => e.type === "serve" ? [e.request] : []);

Deno.test("a request is handed out and answered", none, () => {
  const session = seeding();
  session.receive(ask(block(1)));
  assertEquals(serves(session), [block(1)]);
  const data = new Uint8Array(16_384).fill(5);
  assertThrows(
    () => session.machine.sendBlock(block(1), new Uint8Array(3), 0),
    RangeError,
  );
  assertEquals(session.machine.sendBlock(block(1), data, 0), true);
  assertEquals(session.machine.sendBlock(block(1), data, 0), false);
  session.drain();
  assertEquals(session.sent, [{
    type: "piece",
    pieceIndex: 1,
    blockOffset: 0,
    data,
  }]);
  assertEquals(session.machine.stats(0).uploaded, 16_384);
});

Deno.test("no more is handed out than the send buffer takes", none, () => {
  const session = seeding();
  for (let i = 0; i < 1_000; i++) session.receive(ask(block(i % 90, i % 16)));
  const first = serves(session).length;
  assert(first >= 1 && first <= 9, `${first}`);
  assertEquals(session.machine.queuedRequests, 720);
  session.take();
  // The peer reads nothing: nothing more is read from disk.
  for (const request of [block(0)]) {
    session.machine.sendBlock(request, new Uint8Array(16_384), 0);
  }
  session.drain();
  assertEquals(serves(session).length, 0);
  session.take();
  session.flush();
  const later = serves(session).length;
  assert(later >= 1 && later <= 9, `${later}`);
});

Deno.test("choking and unchoking are told once", none, () => {
  const session = seeding();
  const told = ["unchoke", "choke", "choke", "unchoke", "unchoke"] as const;
  for (const type of told) {
    session.does((m, now) => m.setChoking(type === "choke", now));
  }
  assertEquals(session.sent.map((m) => m.type), ["choke", "unchoke"]);
});

Deno.test("the length of pieces may become known late", none, () => {
  const session = new TestSession({ fast: true });
  session.does((m, now) => m.setChoking(false, now));
  session.machine.setPieceCount(2, 0, {
    pieceSize: () => 20_000,
    ownPieces: Bitfield.full(2),
  });
  session.drain();
  session.flush().take();
  session.receive(
    ask({ pieceIndex: 1, blockOffset: 16_384, length: 3_617 }),
    ask({ pieceIndex: 1, blockOffset: 16_384, length: 3_616 }),
  );
  assertEquals(session.sent.map((m) => m.type), ["reject"]);
  assertEquals(serves(session).map((r) => r.length), [3_616]);
});

Deno.test("bad requests: refused, then the end", none, () => {
  const bad = [
    block(1, 0, 16_385),
    block(1, 16),
    { pieceIndex: 99, blockOffset: 16_384, length: 3_617 },
    { pieceIndex: 1, blockOffset: 0xffffffff, length: 16_384 },
    block(100),
    block(1, 0, 0),
  ];
  for (const request of bad) {
    const session = seeding().receive(ask(request));
    assertEquals(serves(session), []);
    assertEquals(session.sent, [{ type: "reject", ...request }]);
    for (let i = 1; i < 50; i++) session.receive(ask(request));
    assertEquals(session.closed, false);
    session.receive(ask(request));
    assertEquals(session.code, "request-flood");
  }
  assertEquals(
    serves(
      seeding({ maxRequestLength: 131_072 }).receive(
        ask(block(1, 0, 131_072)),
      ),
    ).length,
    1,
  );
});

Deno.test(
  "pieces that we lack are refused, silently without Fast",
  none,
  () => {
    const ownPieces = new Bitfield(100);
    ownPieces.set(3);
    const fast = seeding({ ownPieces }).receive(ask(block(4)), ask(block(3)));
    assertEquals(fast.sent.map((m) => m.type), ["reject"]);
    assertEquals(serves(fast), [block(3)]);
    const old = seeding({ ownPieces, fast: false }).receive(ask(block(4)));
    assertEquals(old.sent, []);
    // The set is live.
    ownPieces.set(4);
    old.receive(ask(block(4)));
    assertEquals(serves(old), [block(4)]);
  },
);

Deno.test("the queue is bounded (attack 32)", none, () => {
  const session = seeding({ maxQueuedRequests: 100 });
  for (let i = 0; i < 100; i++) session.receive(ask(block(i % 90, i % 16)));
  session.take();
  session.receive(ask(block(95)));
  assertEquals(session.sent.map((m) => m.type), ["reject"]);
  assertEquals(session.machine.queuedRequests, 100);
  // The same request twice waits once and is answered once.
  session.take();
  session.receive(ask(block(1, 1)));
  assertEquals(session.sent, []);
  for (let i = 0; i < 200; i++) session.receive(ask(block(96, i % 16)));
  assertEquals(session.code, "request-flood");
});

Deno.test("cancel takes a request back and answers it", none, () => {
  const session = seeding();
  session.receive(ask(block(1)), { type: "cancel", ...block(1) });
  assertEquals(session.events.map((e) => e.type), ["serve", "serve-cancelled"]);
  assertEquals(session.sent, [{ type: "reject", ...block(1) }]);
  assertEquals(
    session.machine.sendBlock(block(1), new Uint8Array(16_384), 0),
    false,
  );
  session.take();
  session.receive({ type: "cancel", ...block(2) });
  assertEquals(session.sent, []);
});

Deno.test("choking refuses everything that waits", none, () => {
  const session = seeding();
  for (let i = 0; i < 20; i++) session.receive(ask(block(i)));
  session.take();
  session.does((m, now) => m.setChoking(true, now));
  assertEquals(session.sent.map((m) => m.type), [
    "choke",
    ...Array(20).fill("reject"),
  ]);
  assertEquals(session.machine.queuedRequests, 0);
  session.take();
  session.receive(ask(block(1)));
  assertEquals(session.sent.map((m) => m.type), ["reject"]);
  const old = seeding({ fast: false });
  for (let i = 0; i < 20; i++) old.receive(ask(block(i)));
  old.take();
  old.does((m, now) => m.setChoking(true, now)).receive(ask(block(1)));
  assertEquals(old.sent.map((m) => m.type), ["choke"]);
});

Deno.test("requests while choked end in a disconnect", none, () => {
  const session = seeding({ maxQueuedRequests: 100 });
  session.does((m, now) => m.setChoking(true, now));
  for (let i = 0; i < 200; i++) session.receive(ask(block(1, i % 16)));
  assertEquals(session.closed, false);
  session.receive(ask(block(1)));
  assertEquals(session.code, "request-flood");
});

Deno.test(
  "granted pieces are served while choked, within a budget",
  none,
  () => {
    const session = new TestSession({
      pieceCount: 1000,
      pieceSize: () => 32_768,
      ownPieces: Bitfield.full(1000),
      fast: true,
      allowedFast: {
        infoHash: new Uint8Array(20),
        ip: Uint8Array.of(1, 2, 3, 4),
      },
    });
    const grant = session.sent.find((m) => m.type === "allowed-fast");
    assert(grant?.type === "allowed-fast");
    let served = 0;
    for (let i = 0; i < 30; i++) {
      const request = block(grant.pieceIndex, i % 2);
      session.take();
      session.receive(ask(request));
      for (const r of serves(session)) {
        session.does((m, now) => m.sendBlock(r, new Uint8Array(r.length), now))
          .flush();
        served++;
      }
    }
    // Twice the length of five pieces of two blocks.
    assertEquals(served, 20);
    // Many at once are paid for when they come, not when they are served.
    const hasty = new TestSession({
      pieceCount: 1000,
      pieceSize: () => 32_768,
      ownPieces: Bitfield.full(1000),
      fast: true,
      allowedFast: {
        infoHash: new Uint8Array(20),
        ip: Uint8Array.of(1, 2, 3, 4),
      },
    });
    const { pieceIndex } = grant;
    for (let blockOffset = 0; blockOffset < 40; blockOffset++) {
      hasty.receive(ask({ pieceIndex, blockOffset, length: 16_384 }));
    }
    assertEquals(hasty.machine.queuedRequests, 20);
  },
);

Deno.test("a peer that reads nothing is dropped", none, () => {
  const session = seeding();
  const haves = Array.from({ length: 1_000 }, (_, i) => i % 100);
  for (let i = 0; i < 900; i++) {
    session.does((m, now) => m.have(haves, now));
  }
  assertEquals(session.code, undefined);
  for (let i = 0; i < 40; i++) {
    session.does((m, now) => m.have(haves, now));
  }
  assertEquals(session.code, "slow-reader");
  const stuck = seeding();
  stuck.does((m, now) => m.have([1], now));
  stuck.receive({ type: "keep-alive" });
  for (let i = 0; i < 13 && !stuck.closed; i++) {
    stuck.advance(10_000, false).receive({ type: "keep-alive" });
  }
  assertEquals(stuck.code, "slow-reader");
});

Deno.test(
  "interest flips are bounded, and told only when they change",
  none,
  () => {
    const session = seeding();
    session.receive({ type: "interested" });
    assertEquals(session.events, []);
    for (let i = 0; i < 499; i++) {
      session.receive({ type: "not-interested" }, { type: "interested" });
    }
    assertEquals(session.closed, false);
    session.receive({ type: "not-interested" }, { type: "interested" });
    assertEquals(session.code, "flapping");
  },
);

Deno.test("what was taken back while it waited is not served", none, () => {
  const session = seeding();
  for (let i = 0; i < 20; i++) session.receive(ask(block(i)));
  const first = serves(session);
  assert(first.length < 15);
  session.receive({ type: "cancel", ...block(15) });
  assertEquals(session.sent, [{ type: "reject", ...block(15) }]);
  const served: number[] = [];
  for (let turn = 0; turn < 20; turn++) {
    for (const request of serves(session)) {
      served.push(request.pieceIndex);
      session.events.length = 0;
      const data = new Uint8Array(request.length);
      session.does((m, now) => m.sendBlock(request, data, now));
    }
    session.flush();
  }
  assertEquals(
    [...new Set([...first.map((r) => r.pieceIndex), ...served])].sort((a, b) =>
      a - b
    ),
    Array.from({ length: 20 }, (_, i) => i).filter((i) => i !== 15),
  );
});

Deno.test("choking leaves a granted request that waits", none, () => {
  const session = seeding({
    pieceCount: 1000,
    ownPieces: Bitfield.full(1000),
    allowedFast: {
      infoHash: new Uint8Array(20),
      ip: Uint8Array.of(1, 2, 3, 4),
    },
  });
  const fresh = new TestSession({
    pieceCount: 1000,
    fast: true,
    allowedFast: {
      infoHash: new Uint8Array(20),
      ip: Uint8Array.of(1, 2, 3, 4),
    },
  });
  const granted = fresh.sent.flatMap((m) =>
    m.type === "allowed-fast" ? [m.pieceIndex] : []
  );
  const others = Array.from({ length: 20 }, (_, i) => i)
    .filter((i) => !granted.includes(i));
  for (const i of others) session.receive(ask(block(i)));
  const waiting = block(granted[0]!);
  session.receive(ask(waiting)).take();
  session.does((m, now) => m.setChoking(true, now));
  assertEquals(
    session.sent.filter((m) => m.type === "reject").length,
    others.length,
  );
  assertEquals(session.machine.queuedRequests, 1);
  session.flush();
  assertEquals(serves(session), [waiting]);
});

Deno.test("few pieces are granted where there are few", none, () => {
  const granted = (pieceCount: number) =>
    new TestSession({
      pieceCount,
      fast: true,
      allowedFast: {
        infoHash: new Uint8Array(20),
        ip: Uint8Array.of(1, 2, 3, 4),
      },
    }).sent.filter((m) => m.type === "allowed-fast").length;
  assertEquals([0, 199, 200, 999, 1000, 9999].map(granted), [0, 0, 1, 4, 5, 5]);
});

Deno.test("what comes first is served before what came first", none, () => {
  const first = new Set<number>();
  const session = seeding({
    servedFirst: () =>
      first.size === 0 ? undefined : (i: number) => first.has(i),
  });
  for (let i = 0; i < 6; i++) session.receive(ask(block(i)));
  const early = serves(session).length;
  assert(early < 4);
  first.add(5);
  const served = serves(session);
  for (let turn = 0; turn < 20; turn++) {
    for (const request of serves(session)) {
      session.events.length = 0;
      const data = new Uint8Array(request.length);
      session.does((m, now) => m.sendBlock(request, data, now));
    }
    session.flush();
    served.push(...serves(session));
  }
  assertEquals(
    [...new Set(served.map((r) => r.pieceIndex))],
    [...[0, 1, 2, 3, 4].slice(0, early), 5, ...[0, 1, 2, 3, 4].slice(early)],
  );
});
