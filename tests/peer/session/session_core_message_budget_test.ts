import { assert, assertEquals } from "@std/assert";
import {
  encodeExtensionHandshake,
  encodePeerMessage,
  type HashRange,
  type PeerMessage,
} from "../../../peer/mod.ts";
import { Bitfield } from "../../../_shared/bitfield.ts";
import { encodeUtMetadata } from "../../../peer/ut_metadata.ts";
import { encodeUtPex } from "../../../peer/ut_pex.ts";
import { MessageBudget } from "../../../peer/session/session_core.ts";
import { block, TestSession } from "../session.ts";

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

const range: HashRange = {
  piecesRoot: new Uint8Array(32).fill(1),
  baseLayer: 2,
  index: 4,
  length: 4,
  proofLayers: 2,
};

Deno.test("MessageBudget lets a burst through, then the rate", none, () => {
  const budget = new MessageBudget(0);
  budget.spend(20_000);
  assertEquals(budget.settle(0), 0);
  budget.spend(500);
  assertEquals(budget.settle(0), 500);
  assertEquals(budget.settle(500), 500);
  budget.spend(1);
  assert(budget.settle(500) > 500);
});

Deno.test("MessageBudget has an end to its patience", none, () => {
  const budget = new MessageBudget(0);
  let now = 0;
  let spent = 0;
  while (now < 3_600_000) {
    const at = budget.settle(now);
    if (at === Infinity) break;
    now = Math.max(now + 1, at);
    budget.spend(100);
    spent += 100;
  }
  assert(now > 10_000 && now < 120_000, `${now} ms`);
  assert(spent < 20_000 + 1.1 * now, `${spent} units in ${now} ms`);
});

/** What a peer gets done in half a minute with one message again and again. */
function flood(session: TestSession, ...messages: PeerMessage[]) {
  let heard = 0;
  let pausedMs = 0;
  let sent = 0;
  for (let seconds = 0; seconds < 200 && !session.closed;) {
    for (let i = 0; i < 200 && !session.closed; i++) {
      session.receive(...messages).flush();
      heard += messages.length;
    }
    const at = session.machine.chunkEnd(4_096, session.now);
    session.drain();
    for (const message of session.take().sent) {
      sent += encodePeerMessage(message).length;
    }
    const pause = Number.isFinite(at) ? Math.max(1, at - session.now) : 1;
    pausedMs += pause;
    session.now += pause;
    seconds = session.now / 1000;
  }
  return { heard, sent, pausedMs, code: session.code };
}

Deno.test("floods of any message are slowed down and ended", none, () => {
  const floods: Record<string, PeerMessage[]> = {
    "keep-alive": [{ type: "keep-alive" }],
    suggest: [{ type: "suggest", pieceIndex: 1 }],
    "allowed-fast": [{ type: "allowed-fast", pieceIndex: 1 }],
    reject: [{ type: "reject", ...block(0) }],
    port: [{ type: "port", port: 1 }, { type: "port", port: 2 }],
    have: [{ type: "have", pieceIndex: 3 }],
    "have and lost": [
      { type: "have", pieceIndex: 3 },
      extended(3, Uint8Array.of(0, 0, 0, 3)),
    ],
    "all and lost": [
      { type: "have-all" },
      extended(3, Uint8Array.of(0, 0, 0, 3)),
    ],
    bitfield: [{ type: "bitfield", bytes: new Uint8Array(2) }],
    "have-none": [{ type: "have-none" }],
    interest: [{ type: "interested" }, { type: "not-interested" }],
    choke: [{ type: "unchoke" }, { type: "choke" }],
    upload_only: [
      extended(4, Uint8Array.of(1)),
      extended(4, Uint8Array.of(0)),
    ],
    handshakes: [handshake({ ut_pex: 1 })],
    pex: [extended(2, encodeUtPex({ added: [], dropped: [] }))],
    "unknown id": [extended(200, new Uint8Array(1))],
    unknown: [{ type: "unknown", id: 99, payload: new Uint8Array(1) }],
    "ask and take back": [
      { type: "request", ...block(0) },
      { type: "cancel", ...block(0) },
    ],
    "ask while choked": [{ type: "request", ...block(0) }],
    "bad hash requests": [{ type: "hash-request", ...range, length: 3 }],
    "unasked hashes": [{
      type: "hashes",
      ...range,
      hashes: new Uint8Array(160),
    }],
    "large junk": [
      { type: "unknown", id: 99, payload: new Uint8Array(65_536) },
    ],
    "large junk of an unknown extension": [
      extended(99, new Uint8Array(65_536)),
    ],
    "large handshakes": [extended(0, new Uint8Array(65_536))],
    metadata: [
      extended(1, encodeUtMetadata({ type: "reject", piece: 1 })),
    ],
  };
  for (const [name, messages] of Object.entries(floods)) {
    const session = new TestSession({
      fast: true,
      extended: true,
      v2: true,
      pieceCount: 9,
      ownPieces: Bitfield.full(9),
      pieceSize: () => 16_384,
    });
    const asks = name.startsWith("ask and");
    if (asks) session.does((m, now) => m.setChoking(false, now));
    const { heard, sent, code } = flood(session, ...messages);
    assert(session.closed, `${name} never ends`);
    assert(heard < 120_000, `${name}: ${heard} messages`);
    assert(sent < 2_000_000, `${name}: ${sent} bytes were answered`);
    assert(
      ["flood", "flapping", "request-flood", "refusing"].includes(code!),
      `${name}: ${code}`,
    );
  }
});

Deno.test("MessageBudget goes on where the last one ended", none, () => {
  const before = new MessageBudget(0);
  before.spend(30_000);
  assertEquals([before.debt(0), before.settle(0)], [30_000, 10_000]);
  // A quarter of the rate is paid back meanwhile.
  assertEquals(before.debt(40_000), 20_000);
  assertEquals(before.debt(200_000), 0);
  const next = new MessageBudget(7, 20_001);
  assertEquals([next.debt(7), next.settle(7)], [20_001, 8]);
  assertEquals(new MessageBudget(7, 60_001).settle(7), Infinity);
});

Deno.test("a sender of junk goes before it has eaten a megabyte", none, () => {
  for (
    const message of [
      // Nobody asked for it.
      { type: "hashes", ...range, hashes: new Uint8Array(16_384) },
      { type: "unknown", id: 99, payload: new Uint8Array(1_000) },
      extended(99, new Uint8Array(1_000)),
      extended(1, new Uint8Array(100_000)),
      extended(2, new Uint8Array(100_000)),
      // A bitfield while nobody knows how many pieces there are.
      { type: "bitfield", bytes: new Uint8Array(200_000) },
      {
        type: "piece",
        pieceIndex: 1,
        blockOffset: 0,
        data: new Uint8Array(16_384),
      },
    ] as PeerMessage[]
  ) {
    const pieceCount = message.type === "bitfield" ? undefined : 9;
    const session = new TestSession({ extended: true, pieceCount });
    const size = encodePeerMessage(message).length;
    let bytes = 0;
    // As fast as a small part of a small limit lets it.
    while (!session.closed && bytes < 1e7) {
      session.receive(message);
      bytes += size;
      session.now += size / 20;
      session.machine.chunkEnd(size, session.now);
      session.drain();
    }
    assert(bytes < 1_000_000, `${message.type}: ${bytes} bytes`);
  }
});

Deno.test("tiny requests cost, but for whole tiny blocks", none, () => {
  const run = (size: number, length: number) => {
    const session = new TestSession({
      fast: true,
      pieceCount: 1_000,
      ownPieces: Bitfield.full(1_000),
      pieceSize: () => size,
    });
    session.receive({ type: "interested" });
    session.does((m, now) => m.setChoking(false, now)).flush();
    for (let i = 0; i < 50_000 && !session.closed; i++) {
      const request = {
        pieceIndex: i % 1_000,
        blockOffset: size - length,
        length,
      };
      session.receive({ type: "request", ...request });
      session.does((m, now) =>
        m.sendBlock(request, new Uint8Array(length), now)
      ).flush();
      session.take();
      const at = session.machine.chunkEnd(4_096, session.now);
      session.drain();
      session.now = Math.max(session.now + 0.01, at);
    }
    return session.code;
  };
  assertEquals(run(262_144, 1), "flood");
  // Such torrents exist: a piece of 1 KiB, a last block of 100 bytes.
  assertEquals(run(1_024, 1_024), undefined);
  assertEquals(run(16_384 + 100, 100), undefined);
  assertEquals(run(262_144, 4_096), undefined);
});

Deno.test("an honest peer in a hurry is never slowed down", none, () => {
  const session = new TestSession({
    fast: true,
    extended: true,
    pieceCount: 100_000,
    ownPieces: Bitfield.full(100_000),
    pieceSize: () => 262_144,
  });
  session.receive(handshake({ ut_pex: 1 }), { type: "have-none" });
  session.receive({ type: "interested" });
  session.does((m, now) => m.setChoking(false, now)).flush();
  for (let pieceIndex = 0; pieceIndex < 20_000; pieceIndex++) {
    // 4000 pieces a second, which is a gigabyte.
    session.now += 0.25;
    for (let i = 0; i < 16; i++) {
      const request = block(pieceIndex, i);
      session.receive({ type: "request", ...request });
      session.does((m, now) => m.sendBlock(request, BLOCK, now)).flush();
    }
    session.receive({ type: "have", pieceIndex });
    session.take();
    const at = session.machine.chunkEnd(281, session.now);
    assert(at <= session.now, `paused at piece ${pieceIndex}`);
  }
});

const BLOCK = new Uint8Array(16_384);
