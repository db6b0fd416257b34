import { assert, assertEquals, assertThrows } from "@std/assert";
import { concatBytes } from "../../_shared/bytes.ts";
import {
  type AddPeerOptions,
  encodePeerMessage,
  PeerConnection,
  type PeerEvent,
  PeerManager,
} from "../../peer/mod.ts";
import { drain, SimClock } from "../../testing/sim_clock.ts";
import { bytePipe, type PipeEnd } from "./byte_pipe.ts";

const none = { permissions: "none" } as const;
const infoHash = new Uint8Array(20).fill(1);

function candidate(
  id: number,
  more: Partial<AddPeerOptions> = {},
): { options: AddPeerOptions; far: PipeEnd; near: PipeEnd } {
  const [near, far] = bytePipe(`10.0.${id >> 8}.${id & 255}`);
  const peerId = new Uint8Array(20);
  peerId[0] = id;
  peerId[1] = id >> 8;
  return {
    options: {
      connection: near,
      infoHash,
      peerId,
      pieceCount: 8,
      clock: new SimClock(),
      ...more,
    },
    near,
    far,
  };
}

/** Collects the events of a manager. */
function eventsOf(manager: PeerManager): PeerEvent[] {
  const events: PeerEvent[] = [];
  void (async () => {
    for await (const event of manager.readable) events.push(event);
  })();
  return events;
}

Deno.test(
  "beyond the capacity peers are refused or wait, never lost",
  none,
  async () => {
    const manager = new PeerManager({ maxPeers: 1 });
    const events = eventsOf(manager);
    const first = manager.tryAdd(candidate(1).options);
    assert(first instanceof PeerConnection);
    const second = candidate(2);
    assertEquals(manager.tryAdd(second.options), "full");
    assertEquals(second.near.closed, true);
    const third = manager.add(candidate(3).options);
    const fourth = manager.add(candidate(4).options);
    await drain();
    assertEquals(manager.size, 1);
    await first.close();
    const peer = await third;
    assert(peer instanceof PeerConnection);
    assertEquals(manager.size, 1);
    await manager.close();
    assertEquals(await fourth, "closed");
    assertEquals(events.map((e) => e.type), [
      "added",
      "refused",
      "peer-disconnected",
      "added",
      "peer-disconnected",
      "refused",
    ]);
    assertEquals(manager.size, 0);
  },
);

Deno.test("duplicates are reported as duplicates", none, async () => {
  const manager = new PeerManager();
  manager.tryAdd(candidate(1).options);
  const again = candidate(1);
  assertEquals(manager.tryAdd(again.options), "duplicate");
  assertEquals(again.near.closed, true);
  assertEquals(await manager.add(candidate(1).options), "duplicate");
  // Another torrent is another peer.
  const other = candidate(1, { infoHash: new Uint8Array(20) });
  assert(manager.tryAdd(other.options) instanceof PeerConnection);
  assertEquals(manager.size, 2);
  await manager.close();
});

Deno.test(
  "a failed write: one disconnect, and the slot is free",
  none,
  async () => {
    const manager = new PeerManager({ maxPeers: 1 });
    const events = eventsOf(manager);
    const { options, near } = candidate(1);
    near.failWrite = new Error("Connection reset");
    const peer = manager.tryAdd(options);
    assert(peer instanceof PeerConnection);
    peer.setInterested(true);
    await peer.closed;
    peer.setInterested(false);
    await drain();
    assertEquals(
      events.filter((e) => e.type === "peer-disconnected").length,
      1,
    );
    assertEquals(manager.size, 0);
    assert(manager.tryAdd(candidate(1).options) instanceof PeerConnection);
    await manager.close();
  },
);

Deno.test("commands in, events out, as streams", none, async () => {
  const manager = new PeerManager({ maxPeers: 2 });
  const writer = manager.writable.getWriter();
  const reader = manager.readable.getReader();
  const next = async () => (await reader.read()).value!;
  const { options, far } = candidate(1);
  await writer.write({ type: "add", options });
  const added = await next();
  assert(added.type === "added");
  const { peer } = added;
  await far.write(encodePeerMessage({ type: "have", pieceIndex: 5 }));
  const event = await next();
  assert(event.type === "event");
  assertEquals(event.event, { type: "have", pieceIndex: 5 });
  await writer.write({ type: "have", infoHash, pieceIndex: 2 });
  await writer.write({ type: "have", infoHash, pieceIndex: 5 });
  const buffer = new Uint8Array(100);
  let length = 0;
  while (length < 18) length += (await far.read(buffer.subarray(length)))!;
  assertEquals(
    buffer.subarray(0, length),
    concatBytes([
      encodePeerMessage({ type: "have", pieceIndex: 2 }),
      encodePeerMessage({ type: "have", pieceIndex: 5 }),
    ]),
  );
  await writer.write({ type: "remove", peer });
  const gone = await next();
  assert(gone.type === "peer-disconnected");
  assertEquals(gone.reason.type, "local");
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test(
  "an add that waits does not hold up the remove behind it",
  none,
  async () => {
    const manager = new PeerManager({ maxPeers: 1 });
    const writer = manager.writable.getWriter();
    const reader = manager.readable.getReader();
    await writer.write({ type: "add", options: candidate(1).options });
    const first = (await reader.read()).value!;
    assert(first.type === "added");
    await writer.write({ type: "add", options: candidate(2).options });
    await writer.write({ type: "remove", peer: first.peer });
    assertEquals((await reader.read()).value?.type, "peer-disconnected");
    assertEquals((await reader.read()).value?.type, "added");
    await manager.close();
    assertEquals((await reader.read()).value?.type, "peer-disconnected");
    assertEquals((await reader.read()).done, true);
  },
);

Deno.test("unread events pause the reading of sockets", none, async () => {
  const manager = new PeerManager({ maxWaiting: 10 });
  const { options, far } = candidate(1, {
    maxReadBuffer: 64,
    pieceCount: 100_000,
  });
  manager.tryAdd(options);
  let written = 0;
  const flood = (async () => {
    for (let i = 0; i < 15_000; i++) {
      const bytes = encodePeerMessage({ type: "have", pieceIndex: i });
      for (let at = 0; at < bytes.length;) {
        at += await far.write(bytes.subarray(at));
      }
      written++;
    }
  })();
  for (let i = 0; i < 2_000; i++) await drain();
  // What the pipe holds, and a little more.
  assert(written < 65_536 / 9 + 100, `${written}`);
  let heard = 0;
  for await (const event of manager.readable) {
    if (event.type === "event" && ++heard === 15_000) break;
  }
  await flood;
  assertEquals(heard, 15_000);
  await manager.close();
});

Deno.test("thousands of peers", none, async () => {
  const manager = new PeerManager({ maxPeers: 3_000 });
  const events = eventsOf(manager);
  const gone = () =>
    events.filter((e) => e.type === "peer-disconnected").length;
  const fars: PipeEnd[] = [];
  for (let i = 0; i < 3_000; i++) {
    const { options, far } = candidate(i);
    manager.tryAdd(options);
    fars.push(far);
  }
  assertEquals(manager.size, 3_000);
  assertEquals(manager.have(infoHash, 3), 3_000);
  for (const far of fars.slice(0, 1_000)) far.close();
  for (let i = 0; i < 5_000 && gone() < 1_000; i++) await drain();
  assertEquals([manager.size, gone()], [2_000, 1_000]);
  await manager.close();
  for (let i = 0; i < 5_000 && gone() < 3_000; i++) await drain();
  assertEquals([manager.size, gone()], [0, 3_000]);
});

Deno.test("options are checked", none, () => {
  assertThrows(() => new PeerManager({ maxPeers: 0 }), RangeError);
  assertThrows(() => new PeerManager({ maxWaiting: 1.5 }), RangeError);
});

Deno.test("a signal closes the manager", none, async () => {
  const stop = new AbortController();
  const manager = new PeerManager({ signal: stop.signal });
  const first = candidate(1);
  assert(manager.tryAdd(first.options) instanceof PeerConnection);
  stop.abort(new Error("enough"));
  const events = await Array.fromAsync(manager.readable);
  assertEquals(events.map((e) => e.type), ["added", "peer-disconnected"]);
  assertEquals(first.near.closed, true);
  assertEquals(manager.tryAdd(candidate(2).options), "closed");
  assertThrows(
    () => new PeerManager({ signal: stop.signal }),
    Error,
    "enough",
  );
});
