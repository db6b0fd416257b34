import { assertEquals } from "@std/assert";
import {
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpPacketType,
} from "../../../utp/packet.ts";
import { createCounters, Sender } from "../../../utp/socket/sender.ts";

const none = { permissions: "none" } as const;
const FIRST = 100;

/** A sender with six packets of 100 bytes on the way since 0. */
function flying() {
  const counters = createCounters();
  const sender = new Sender({ connectionId: 1, seqNr: FIRST }, FIRST, counters);
  const out = new Uint8Array(1500);
  const hear = (
    type: UtpPacketType,
    ahead: number,
    now: number,
    { delay, window = 100_000 }: { delay?: number; window?: number } = {},
  ) =>
    sender.acknowledge(
      tryDecodeUtpPacket(encodeUtpPacket({
        type,
        connectionId: 2,
        timestamp: 0,
        timestampDifference: 0,
        windowSize: window,
        seqNr: 7,
        ackNr: sender.queue.first - 1 + ahead & 0xffff,
      }))!,
      ahead,
      delay,
      0,
      now,
    );
  hear("state", 0, 0);
  sender.queue.write(new Uint8Array(600));
  for (let i = 0; i < 6; i++) {
    sender.write(sender.queue.add(100, false), out, 0);
  }
  return { sender, counters, hear };
}

Deno.test("acks that say the same count, data with them does not", none, () => {
  const { counters, hear } = flying();
  for (let i = 0; i < 5; i++) hear("data", 0, 10);
  assertEquals([counters.fastResends, counters.losses], [0, 0]);
  for (let i = 0; i < 2; i++) hear("state", 0, 20);
  // One in between begins anew, and so does another window.
  hear("data", 0, 20);
  for (let i = 0; i < 2; i++) hear("state", 0, 20);
  hear("state", 0, 20, { window: 90_000 });
  for (let i = 0; i < 2; i++) hear("state", 0, 20, { window: 90_000 });
  assertEquals([counters.fastResends, counters.losses], [0, 0]);
  hear("state", 0, 20, { window: 90_000 });
  assertEquals([counters.fastResends, counters.losses], [1, 1]);
  // The same packet is not lost twice.
  for (let i = 0; i < 9; i++) hear("state", 0, 20, { window: 90_000 });
  assertEquals([counters.fastResends, counters.losses], [1, 1]);
});

Deno.test("a delay one way is no longer than both ways", none, () => {
  const { counters, hear } = flying();
  hear("state", 1, 50, { delay: 400_000 });
  assertEquals([counters.samplesAbove, counters.samplesBelow], [0, 1]);
  hear("state", 1, 150, { delay: 400_000 });
  assertEquals([counters.samplesAbove, counters.samplesBelow], [1, 1]);
});
