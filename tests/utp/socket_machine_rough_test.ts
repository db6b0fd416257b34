import { assert, assertEquals } from "@std/assert";
import {
  createUtpPacket,
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpHeader,
} from "../../utp/packet.ts";
import { SimPath, type WayOptions } from "./sim_link.ts";

const none = { permissions: "none" } as const;

const ROUGH: readonly [string, WayOptions, WayOptions?][] = [
  ["loss of 2 %", { delayMs: 20, loss: 0.02 }],
  ["loss of 10 %", { delayMs: 20, loss: 0.1 }],
  ["reordering", { delayMs: 10, jitterMs: 30 }],
  ["duplicates", { delayMs: 10, duplicates: 0.3 }],
  ["all of it", { delayMs: 10, jitterMs: 20, loss: 0.05, duplicates: 0.1 }],
  ["tail drop", { delayMs: 10, rate: 500_000, buffer: 20_000 }],
  ["a slow way back", { delayMs: 20 }, { delayMs: 20, rate: 20_480 }],
];
for (const [name, there, back = there] of ROUGH) {
  // The answering side wants to end before it has answered the SYN.
  Deno.test(`uTP: both sides' bytes arrive and both end: ${name}`, none, () => {
    for (const seed of [1, 2, 3]) {
      const path = new SimPath({ seed, there, back });
      const { a, b } = path.connect();
      [a.toWrite, b.toWrite] = [300_000, seed === 1 ? 0 : 20_000];
      a.ends = b.ends = true;
      const [wantedA, wantedB] = [b.toWrite, a.toWrite];
      path.run(
        3_600_000,
        () =>
          a.received === wantedA && b.received === wantedB &&
          a.machine!.isEnded && b.machine!.isEnded,
      );
      assertEquals(
        [a.received, b.received],
        [wantedA, wantedB],
        `seed ${seed}`,
      );
      assert(a.machine!.isEnded && b.machine!.isEnded);
      assert(!a.isCorrupt && !b.isCorrupt);
    }
  });
}

Deno.test("uTP: the delay that it adds stays near the target", none, () => {
  const way = { delayMs: 25, rate: 50_000, buffer: 500_000 };
  const path = new SimPath({ there: way, back: way }).connect();
  path.a.toWrite = 3_000_000;
  path.run(20_000);
  path.there.delaysMs.length = 0;
  path.run(20_000);
  const most = Math.max(...path.there.delaysMs);
  assert(most > 0 && most < 250, `${most} ms`);
});

Deno.test(
  "uTP: acks of what was never sent, and SYNs again, are dropped",
  none,
  () => {
    const path = new SimPath().connect();
    path.transfer(1000);
    const { machine } = path.a;
    const before = machine!.stats().dropped;
    const header: UtpHeader = {
      type: "state",
      connectionId: 0,
      timestamp: 0,
      timestampDifference: 0,
      windowSize: 100_000,
      seqNr: 1,
      ackNr: 0,
    };
    // Of two acks so far apart one at least is impossible.
    for (
      const change of [
        { ackNr: 10_000 },
        { ackNr: 40_000 },
        { type: "syn" },
      ] as const
    ) {
      const bytes = encodeUtpPacket({ ...header, ...change });
      machine!.receive(
        tryDecodeUtpPacket(bytes, createUtpPacket())!,
        path.a.now,
      );
    }
    assert(machine!.stats().dropped >= before + 2);
    assertEquals(machine!.state, "connected");
  },
);

/** Cuts a selective ack as libtorrent does: to the span of what has arrived. */
function cutSack(data: Uint8Array): Uint8Array {
  const packet = tryDecodeUtpPacket(data)!;
  const { sackOffset, sackLength, payloadOffset } = packet;
  if (sackLength === 0) return data;
  const bytes = data.subarray(sackOffset, sackOffset + sackLength);
  const bits = Array.from(
    { length: sackLength * 8 },
    (_, i) => bytes[i >> 3]! >> (i & 7) & 1,
  );
  const span = bits.lastIndexOf(1) - bits.indexOf(1) + 1;
  return encodeUtpPacket(
    packet,
    data.subarray(payloadOffset),
    bytes.subarray(0, Math.ceil(span / 8)),
  );
}

Deno.test(
  "uTP: selective acks that end before what has arrived tell of a long gap",
  none,
  () => {
    const path = new SimPath({ there: { delayMs: 1 }, back: { delayMs: 1 } });
    const { a, there } = path.connect();
    const arrive = a.arrive.bind(a);
    let empty = 0;
    a.arrive = (data) => {
      const cut = cutSack(data);
      const { sackOffset, sackLength } = tryDecodeUtpPacket(cut)!;
      const bits = cut.subarray(sackOffset, sackOffset + sackLength);
      if (sackLength > 0 && bits.every((byte) => byte === 0)) empty++;
      arrive(cut);
    };
    path.transfer(400_000);
    // A buffer on the way is full for a while, and once more soon after.
    let sent = 0;
    there.filter = () => {
      const at = sent++;
      return at < 60 || (at >= 150 && at < 170);
    };
    const ms = path.transfer(2_000_000);
    assert(empty > 0);
    assertEquals(a.machine!.stats().timeouts, 0);
    assert(ms < 300, `${ms} ms`);
  },
);
