import { assert, assertEquals, assertThrows } from "@std/assert";
import { type ByteConnection, tcpTransport } from "../../_shared/byte_conn.ts";
import { concatBytes } from "../../_shared/bytes.ts";
import {
  type BlockAddress,
  encodePeerMessage,
  type PeerCloseReason,
  PeerConnection,
  type PeerConnectionEvent,
  type PeerConnectionOptions,
  PeerProtocolError,
} from "../../peer/mod.ts";
import { Bitfield } from "../../_shared/bitfield.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";
import { bytePipe, type PipeEnd } from "./byte_pipe.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(1);
const peerId = new Uint8Array(20).fill(2);

function start(
  connection: ByteConnection,
  options: Partial<PeerConnectionOptions> = {},
): { peer: PeerConnection; events: PeerConnectionEvent[] } {
  const events: PeerConnectionEvent[] = [];
  const { onEvent } = options;
  const peer = PeerConnection.start({
    connection,
    infoHash,
    peerId,
    clock: new SimClock(),
    ...options,
    onEvent(event, peer) {
      events.push(event);
      onEvent?.(event, peer);
    },
  });
  return { peer, events };
}

/** What the other end sees. */
async function readSome(end: PipeEnd, length: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  while (size < length) {
    const buffer = new Uint8Array(length - size);
    const n = await end.read(buffer);
    if (n === null) break;
    parts.push(buffer.subarray(0, n));
    size += n;
  }
  return concatBytes(parts);
}
const closings = (events: PeerConnectionEvent[]) =>
  events.filter((e) => e.type === "disconnected");

/** Fetches a torrent from a seed; returns what arrived. */
async function transfer(
  a: ByteConnection,
  b: ByteConnection,
  payload: Uint8Array,
  pieceLength: number,
  options: Partial<PeerConnectionOptions>,
): Promise<{ got: Uint8Array; leech: PeerConnection; seed: PeerConnection }> {
  const pieceCount = Math.ceil(payload.length / pieceLength);
  const pieceSize = (i: number) =>
    Math.min(pieceLength, payload.length - i * pieceLength);
  const common = { ...options, fast: true, extended: true, pieceCount };
  const { peer: seed } = start(a, {
    ...common,
    pieceSize,
    ownPieces: Bitfield.full(pieceCount),
    onEvent(event, peer) {
      if (event.type === "interested") peer.unchoke();
      if (event.type !== "serve") return;
      const { request } = event;
      const at = request.pieceIndex * pieceLength + request.blockOffset;
      peer.sendBlock(request, payload.subarray(at, at + request.length));
    },
  });
  const wanted: BlockAddress[] = [];
  for (let at = 0; at < payload.length; at += 16_384) {
    wanted.push({
      pieceIndex: Math.floor(at / pieceLength),
      blockOffset: at % pieceLength,
      length: Math.min(16_384, payload.length - at),
    });
  }
  const got = new Uint8Array(payload.length);
  let next = 0;
  let missing = payload.length;
  const { peer: leech } = start(b, {
    ...common,
    onEvent(event, peer) {
      if (event.type === "have-all") peer.setInterested(true);
      if (event.type === "block") {
        assertEquals(event.late, false);
        got.set(
          event.data,
          event.pieceIndex * pieceLength + event.blockOffset,
        );
        missing -= event.data.length;
        if (missing === 0) return void peer.close();
      }
      if (event.type === "block" || event.type === "unchoked") {
        const end = Math.min(wanted.length, next + 40 - peer.outstanding);
        if (end > next) {
          assertEquals(peer.request(wanted.slice(next, end)), []);
          next = end;
        }
      }
    },
  });
  await leech.closed;
  await seed.closed;
  return { got, leech, seed };
}

function payloadOf(length: number): Uint8Array {
  const payload = new Uint8Array(length);
  for (let i = 0; i < length; i++) payload[i] = (i * 31) ^ (i >> 8);
  return payload;
}

/** Waits for the end of a connection and tells why it came. */
async function endOf(peer: PeerConnection): Promise<PeerCloseReason> {
  await peer.closed;
  return peer.reason!;
}

Deno.test("a torrent travels through memory", none, async () => {
  const payload = payloadOf(1_000_003);
  const [a, b] = bytePipe();
  const { got, leech, seed } = await transfer(a, b, payload, 65_536, {});
  assertEquals(got, payload);
  assertEquals(leech.stats().downloaded, payload.length);
  assertEquals(seed.stats().uploaded, payload.length);
  assertEquals(leech.stats().wasted, 0);
  assertEquals((await endOf(leech)).type, "local");
  assertEquals((await endOf(seed)).type, "remote");
  assert(a.writes < 200, `writes are batched: ${a.writes}`);
});

Deno.test("a torrent travels over loopback", async () => {
  const payload = payloadOf(8 * 2 ** 20 + 77);
  using listener = await tcpTransport.listen({
    hostname: "127.0.0.1",
    port: 0,
  });
  const [a, b] = await Promise.all([
    listener.accept(),
    tcpTransport.connect(listener.local),
  ]);
  const { got } = await transfer(a!, b, payload, 262_144, {});
  assertEquals(got, payload);
});

Deno.test("the first messages go out in one write", none, async () => {
  const [a, b] = bytePipe();
  const { peer } = start(a, { pieceCount: 1000, fast: true });
  peer.setInterested(true);
  peer.unchoke();
  const bytes = await readSome(b, 5 + 5 * 9 + 5 + 5);
  assertEquals(bytes.subarray(0, 5), encodePeerMessage({ type: "have-none" }));
  assertEquals(bytes.subarray(-5), encodePeerMessage({ type: "unchoke" }));
  assertEquals(a.writes, 1);
  await peer.close();
});

Deno.test("no event is given out before start() returns", none, async () => {
  const [a, b] = bytePipe();
  await b.write(encodePeerMessage({ type: "have", pieceIndex: 3 }));
  const { peer, events } = start(a, { pieceCount: 8 });
  assertEquals(events, []);
  await drain();
  assertEquals(events, [{ type: "have", pieceIndex: 3 }]);
  await peer.close();
});

Deno.test(
  "why a connection ended is told to those who ask later",
  none,
  async () => {
    const [a, b] = bytePipe();
    const { peer } = start(a);
    b.close();
    await drain();
    assert(peer.isClosed);
    assertEquals((await endOf(peer)).type, "remote");
  },
);

Deno.test(
  "a failed write gives exactly one disconnected event",
  none,
  async () => {
    const [a] = bytePipe();
    a.failWrite = new Error("Connection reset");
    const { peer, events } = start(a, { pieceCount: 8 });
    peer.setInterested(true);
    const reason = await endOf(peer);
    assertEquals([reason.type, reason.error], ["io", a.failWrite]);
    peer.unchoke();
    peer.sendPort(4);
    await peer.close();
    await drain();
    assertEquals(closings(events).length, 1);
    assertEquals(a.closed, true);
    assertEquals(peer.isClosed, true);
  },
);

Deno.test(
  "the end of the stream, with requests outstanding",
  none,
  async () => {
    const [a, b] = bytePipe();
    const { peer, events } = start(a, { pieceCount: 8 });
    await b.write(concatBytes([
      encodePeerMessage({ type: "have", pieceIndex: 1 }),
      encodePeerMessage({ type: "unchoke" }),
    ]));
    await drain();
    peer.request([{ pieceIndex: 1, blockOffset: 0, length: 16_384 }]);
    b.close();
    assertEquals((await endOf(peer)).type, "remote");
    assertEquals(closings(events).length, 1);
  },
);

Deno.test(
  "a protocol violation closes, after the messages before it",
  none,
  async () => {
    const [a, b] = bytePipe();
    const { peer, events } = start(a, { pieceCount: 8 });
    await b.write(concatBytes([
      encodePeerMessage({ type: "unchoke" }),
      Uint8Array.of(255, 255, 255, 255, 1),
      encodePeerMessage({ type: "choke" }),
    ]));
    const { type, error } = await endOf(peer);
    assertEquals(type, "protocol");
    assert(error instanceof PeerProtocolError);
    assertEquals(events.map((e) => e.type), ["unchoked", "disconnected"]);
    const [c, d] = bytePipe();
    const other = start(c, { pieceCount: 8 });
    await d.write(encodePeerMessage({ type: "have", pieceIndex: 8 }));
    assertEquals((await endOf(other.peer)).type, "protocol");
  },
);

Deno.test("closing within an event stops the chunk", none, async () => {
  const [a, b] = bytePipe();
  const { peer, events } = start(a, {
    pieceCount: 8,
    onEvent: (event, peer) => {
      if (event.type === "have") peer.close();
    },
  });
  const have = (pieceIndex: number) =>
    encodePeerMessage({ type: "have", pieceIndex });
  await b.write(concatBytes([have(1), have(2), have(3)]));
  assertEquals((await endOf(peer)).type, "local");
  assertEquals(events.map((e) => e.type), ["have", "disconnected"]);
});

Deno.test(
  "a throw of the user's handler ends the connection",
  none,
  async () => {
    const [a, b] = bytePipe();
    const { peer } = start(a, {
      pieceCount: 8,
      onEvent: (event) => {
        if (event.type === "have") throw new Error("Oops");
      },
    });
    await b.write(encodePeerMessage({ type: "have", pieceIndex: 1 }));
    const reason = await endOf(peer);
    assertEquals([reason.type, reason.error?.message], ["io", "Oops"]);
  },
);

Deno.test("every command reaches the peer at once", none, async () => {
  const [a, b] = bytePipe();
  const common = { fast: true, extended: true, v2: true, pieceCount: 8 };
  const seed = start(a, { ...common, ownPieces: Bitfield.full(8) });
  const leech = start(b, common);
  await drain();
  const block = { pieceIndex: 1, blockOffset: 0, length: 16_384 };
  const data = new Uint8Array(block.length);
  const range = {
    piecesRoot: new Uint8Array(32),
    baseLayer: 0,
    index: 0,
    length: 2,
    proofLayers: 1,
  };
  const piece = { type: "request", piece: 0 } as const;
  const pex = { added: [{ hostname: "192.0.2.1", port: 1 }] };
  const nothing = { added6: [], dropped: [], dropped6: [] };
  const steps: [() => unknown, typeof seed, string[]][] = [
    [() => leech.peer.setInterested(true), seed, ["interested"]],
    [() => seed.peer.unchoke(), leech, ["unchoked"]],
    [() => leech.peer.request([block]), seed, ["serve"]],
    [() => seed.peer.rejectRequest(block), leech, ["rejected"]],
    [() => leech.peer.request([block]), seed, ["serve"]],
    [() => leech.peer.cancel(block), seed, ["serve-cancelled"]],
    [() => seed.peer.sendBlock(block, data), leech, []],
    [() => seed.peer.rejectRequest(block), leech, []],
    [() => leech.peer.request([block]), seed, ["serve"]],
    [() => seed.peer.sendBlock(block, data), leech, ["block"]],
    [() => seed.peer.suggest(3), leech, ["suggest"]],
    [() => seed.peer.sendPort(5), leech, ["port"]],
    [() => leech.peer.have(2), seed, ["have"]],
    [() => leech.peer.have([4, 5]), seed, ["have", "have"]],
    [() => seed.peer.sendMetadata(piece), leech, ["metadata"]],
    [() => seed.peer.sendPex({ ...nothing, ...pex }), leech, ["pex"]],
    [() => seed.peer.setUploadOnly(true), leech, ["upload-only"]],
    [() => seed.peer.sendExtensionHandshake({ requestQueue: 7 }), leech, [
      "extension-handshake",
    ]],
    [() => leech.peer.requestHashes(range), seed, ["hash-request"]],
    [() => seed.peer.sendHashes(range), leech, ["hash-reject"]],
    [() => seed.peer.choke(), leech, ["choked"]],
    [() => seed.peer.close(), leech, ["disconnected"]],
  ];
  for (const [act, { events }, expected] of steps) {
    events.length = 0;
    act();
    await drain();
    assertEquals(events.map(({ type }) => type), expected, `${act}`);
  }
});

Deno.test("reading waits for beforeRead", none, async () => {
  const [a, b] = bytePipe();
  let gate = Promise.withResolvers<void>();
  let read = 0;
  const { peer, events } = start(a, {
    pieceCount: 8,
    beforeRead: (wanted) => gate.promise.then(() => wanted),
    afterRead: (bytes) => read += bytes,
  });
  await b.write(encodePeerMessage({ type: "have", pieceIndex: 1 }));
  await drain();
  assertEquals([events.length, read], [0, 0]);
  const open = gate;
  gate = Promise.withResolvers();
  open.resolve();
  await drain();
  assertEquals([events.length, read], [1, 9]);
  await peer.close();
  gate.resolve();
});

Deno.test(
  "timers run on the clock and end with the connection",
  none,
  async () => {
    const clock = new SimClock();
    const [a, b] = bytePipe();
    const { peer } = start(a, { pieceCount: 8, clock });
    peer.setInterested(true);
    await clock.advance(100_000);
    const bytes = await readSome(b, 9);
    assertEquals(bytes.subarray(5), encodePeerMessage({ type: "keep-alive" }));
    await clock.advance(50_000);
    const { type, error } = await endOf(peer);
    assertEquals(type, "protocol");
    assertEquals((error as PeerProtocolError).code, "silent");
    assertEquals(clock.pending, 0);
  },
);

Deno.test("over uTP the first keep-alive comes soon", none, async () => {
  const clock = new SimClock();
  const [pipe, b] = bytePipe();
  const a = Object.assign(pipe, { transport: "utp" });
  const { peer } = start(a, { clock });
  await clock.advance(1_000);
  assertEquals(await readSome(b, 4), encodePeerMessage({ type: "keep-alive" }));
  await peer.close();
});

Deno.test(
  "a peer that does not read is bounded and dropped",
  none,
  async () => {
    const clock = new SimClock();
    const [a, b] = bytePipe();
    b.capacity = 1_000;
    const { peer } = start(a, { pieceCount: 2_000_000, clock });
    for (let i = 0; i < 1_000_000 && !peer.isClosed; i++) peer.have(i);
    await peer.closed;
    assertEquals(
      ((await endOf(peer)).error as PeerProtocolError).code,
      "slow-reader",
    );
    assertEquals(peer.bufferedBytes, 0);
  },
);

Deno.test("bad options close the connection", none, () => {
  const [a] = bytePipe();
  assertThrows(() => start(a, { pieceCount: -1 }), RangeError);
  assertEquals(a.closed, true);
});

Deno.test("await using closes", none, async () => {
  const [a] = bytePipe();
  {
    await using peer = start(a, { pieceCount: 1 }).peer;
    assertEquals(peer.isClosed, false);
  }
  assertEquals(a.closed, true);
});
