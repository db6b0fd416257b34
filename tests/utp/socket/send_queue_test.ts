import { assert, assertEquals } from "@std/assert";
import {
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpPacket,
} from "../../../utp/packet.ts";
import { SendQueue } from "../../../utp/socket/send_queue.ts";

const none = { permissions: "none" } as const;
const FIRST = 0xfffe;
const NUMBER = 0x10000 + FIRST;

function ack(behind: number, ...sack: number[]): UtpPacket {
  return tryDecodeUtpPacket(encodeUtpPacket(
    {
      type: "state",
      connectionId: 0,
      timestamp: 0,
      timestampDifference: 0,
      windowSize: 0,
      seqNr: 0,
      ackNr: (FIRST - 1 + behind) & 0xffff,
    },
    undefined,
    sack.length === 0 ? undefined : Uint8Array.from(sack),
  ))!;
}

/** A queue with packets of 10 bytes on the way, sent a ms apart. */
function flying(count: number, probe = -1): SendQueue {
  const queue = new SendQueue(FIRST, 1000);
  queue.write(new Uint8Array(10 * count).map((_, i) => i));
  const out = new Uint8Array(100);
  for (let n = 0; n < count; n++) {
    const number = queue.add(10, false);
    assertEquals([number, queue.isUnsent(number)], [NUMBER + n, true]);
    queue.send(number, out, 20, n === probe ? 1472 : 0, n);
    assertEquals(out[20], 10 * n & 255);
    assertEquals(queue.isUnsent(number), false);
  }
  return queue;
}

Deno.test("what is acked leaves the queue, and makes room", none, () => {
  const queue = flying(4);
  assertEquals([queue.inFlight, queue.unacked, queue.room], [40, 40, 960]);
  queue.acknowledge(ack(2), 50, Infinity, 0);
  assertEquals([queue.inFlight, queue.unacked, queue.room], [20, 20, 980]);
  assertEquals([queue.ackedBytes, queue.roundTrip, queue.packets], [20, 49, 2]);
  assert(queue.isProgress && !queue.isSpurious && queue.repaired < 0);
  queue.acknowledge(ack(2), 60, 40, 0);
  assertEquals([queue.isProgress, queue.ackedBytes], [false, 0]);
  // An old packet's bits count, too.
  queue.acknowledge(ack(1, 0b10), 70, 40, 0);
  assertEquals([queue.ackedBytes, queue.inFlight, queue.packets], [10, 10, 2]);
  queue.acknowledge(ack(4), 80, 40, 0);
  assertEquals([queue.inFlight, queue.room, queue.packets], [0, 1000, 0]);
});

Deno.test(
  "three later acks make a packet lost, one makes it late",
  none,
  () => {
    const queue = flying(6);
    assertEquals([queue.findLost(100, 40, 40), queue.checkAt], [0, Infinity]);
    queue.acknowledge(ack(0, 0b100), 43, 40, 0);
    // The fourth one took 40 ms, so the first is waited for until 50.
    assertEquals([queue.findLost(43, 40, 40), queue.checkAt], [0, 50]);
    assertEquals(queue.findLost(50, 40, 40), NUMBER);
    assertEquals(queue.lose(NUMBER), 0);
    assertEquals([queue.firstLost, queue.inFlight], [NUMBER, 40]);
    assertEquals([queue.findLost(50, 40, 40), queue.checkAt], [0, 51]);
    queue.acknowledge(ack(0, 0b1_1100), 51, 40, 0);
    assertEquals(queue.findLost(51, 40, 40), NUMBER + 1);
    queue.lose(NUMBER + 1);
    assertEquals(queue.findLost(51, 40, 40), NUMBER + 2);
  },
);

Deno.test("an ack tells which sending it is of", none, () => {
  const out = new Uint8Array(100);
  const cases = [
    // Sent again at 100, acked so many ms later; round trip by their clock.
    { after: 20, echo: 0, isSpurious: true },
    { after: 50, echo: 0, isSpurious: false },
    { after: 50, echo: 50.5, isSpurious: false },
    { after: 50, echo: 150, isSpurious: true },
  ];
  for (const { after, echo, isSpurious } of cases) {
    const queue = flying(1);
    queue.lose(NUMBER);
    queue.send(NUMBER, out, 20, 0, 100);
    queue.acknowledge(ack(1), 100 + after, 40, echo);
    assertEquals(queue.isSpurious, isSpurious, `${after} ${echo}`);
    assertEquals(queue.repaired, isSpurious ? -1 : NUMBER);
    assertEquals(queue.roundTrip, isSpurious && echo > 0 ? echo : -1);
  }
  // It had not even been sent again.
  const queue = flying(1, 0);
  assertEquals(queue.lose(NUMBER), 1472);
  queue.acknowledge(ack(1), 60, 40, 0);
  assertEquals([queue.isSpurious, queue.probeArrived], [true, 1472]);
  assertEquals([queue.inFlight, queue.unacked, queue.firstLost], [0, 0, 0]);
});

Deno.test("a probe that is sent again is none", none, () => {
  const queue = flying(1, 0);
  queue.lose(NUMBER);
  queue.send(NUMBER, new Uint8Array(100), 20, 0, 100);
  assertEquals(queue.lose(NUMBER), 0);
  queue.send(NUMBER, new Uint8Array(100), 20, 0, 200);
  queue.acknowledge(ack(1), 260, 40, 0);
  assertEquals(queue.probeArrived, 0);
});

Deno.test("after a timeout all is sent again, the oldest first", none, () => {
  const queue = flying(5);
  queue.acknowledge(ack(0, 0b1), 45, 40, 0);
  assertEquals(queue.lastFlying, NUMBER + 4);
  assertEquals(queue.loseFirst(), 0);
  assertEquals(queue.loseFirst(), -1);
  queue.loseAll();
  assertEquals([queue.inFlight, queue.unacked, queue.lastFlying], [0, 40, 0]);
  const out = new Uint8Array(100);
  const order: number[] = [];
  for (let n = queue.firstLost; n > 0; n = queue.firstLost) {
    order.push(n - NUMBER);
    queue.send(n, out, 20, 0, 500);
    assertEquals(out[20], 10 * (n - NUMBER));
  }
  assertEquals(order, [0, 2, 3, 4]);
});

Deno.test(
  "one timeout after another sends the same packet, the oldest",
  none,
  () => {
    const queue = flying(5);
    const order: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      queue.loseAll();
      order.push(queue.firstLost - NUMBER);
      queue.send(queue.firstLost, new Uint8Array(100), 20, 0, 500);
    }
    assertEquals(order, [0, 0, 0]);
  },
);

Deno.test("two short packets and the end are known", none, () => {
  const queue = new SendQueue(FIRST, 1000);
  assertEquals(queue.write(new Uint8Array(1200)), 1000);
  const out = new Uint8Array(1000);
  for (
    const [length, isShort, hasShorts] of [
      [200, true, false],
      [500, false, false],
      [300, true, true],
    ] as const
  ) {
    queue.send(queue.add(length, isShort), out, 20, 0, 0);
    assertEquals(queue.hasShorts, hasShorts);
  }
  const fin = queue.add(0, false);
  queue.send(fin, out, 20, 0, 0);
  assertEquals([queue.isFin(fin), queue.hasFin], [true, true]);
  assertEquals([queue.unsent, queue.isComplete], [0, false]);
  queue.acknowledge(ack(1), 50, 40, 0);
  assertEquals([queue.hasShorts, queue.isComplete], [false, false]);
  queue.acknowledge(ack(3), 50, 40, 0);
  assertEquals(queue.isComplete, false);
  queue.acknowledge(ack(4), 50, 40, 0);
  assertEquals(queue.isComplete, true);
});

Deno.test(
  "two thousand packets wait at most, and keep their places",
  none,
  () => {
    const queue = new SendQueue(FIRST, 100_000);
    queue.write(new Uint8Array(4000).map((_, i) => i >> 1));
    const out = new Uint8Array(100);
    while (queue.canAdd) queue.send(queue.add(2, false), out, 20, 0, 0);
    assertEquals([queue.packets, queue.peak, queue.inFlight], [
      2000,
      2000,
      4000,
    ]);
    // All but the first.
    queue.acknowledge(ack(0, ...new Uint8Array(250).fill(255)), 50, 40, 0);
    assertEquals([queue.inFlight, queue.findLost(50, 40, 40)], [2, NUMBER]);
    queue.lose(NUMBER);
    queue.send(NUMBER, out, 20, 0, 60);
    assertEquals([out[20], out[21]], [0, 0]);
    queue.acknowledge(ack(2000), 110, 40, 0);
    assertEquals([queue.packets, queue.unacked], [0, 0]);
  },
);

Deno.test("an ack of what was not sent acks nothing", none, () => {
  // The table is full: the next packet would stand where the first one does.
  const queue = flying(32);
  queue.acknowledge(ack(0, 0, 0, 0, 0x80), 50, 40, 0);
  assertEquals([queue.isProgress, queue.inFlight], [false, 320]);
});
