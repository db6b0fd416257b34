import { assertEquals } from "@std/assert";
import { createUtpPacket, toMicroseconds } from "../../../utp/packet.ts";
import { DelayHistory, DelayMeter } from "../../../utp/socket/delay_meter.ts";

const none = { permissions: "none" } as const;
const MINUTE = 60_000;

Deno.test("delay is what is above the least of twenty minutes", none, () => {
  const history = new DelayHistory();
  assertEquals(history.hasBase, false);
  assertEquals(history.add(5000, 0), 0);
  assertEquals(history.add(7000, 10), 2000);
  assertEquals(history.add(4000, 20), 0);
  assertEquals(history.add(9000, 30), 5000);
  for (let minute = 1; minute < 20; minute++) {
    assertEquals(history.add(9000, minute * MINUTE), 5000, `${minute}`);
  }
  // The least one is forgotten.
  assertEquals(history.add(9000, 20 * MINUTE), 0);
  assertEquals(history.base, 9000);
});

Deno.test("clocks wrap", none, () => {
  const history = new DelayHistory();
  history.add(0xffff_ff00, 0);
  assertEquals(history.add(0x100, 1), 0x200);
  assertEquals(history.add(0xffff_fe00, 2), 0);
  history.raise(0x300);
  assertEquals(history.base, 0x100);
});

/** What a packet says, that was sent and received with these delays in ms. */
function packet(now: number, back: number, there: number, skew = 0) {
  return {
    ...createUtpPacket(),
    timestamp: toMicroseconds(now - back + skew),
    timestampDifference: toMicroseconds(there + skew),
  };
}

Deno.test("the least of three samples counts", none, () => {
  const meter = new DelayMeter();
  const measure = (there: number, at: number) =>
    meter.measure(packet(at, 20, there, 5000), at);
  assertEquals(measure(20, 1000), 0);
  assertEquals(measure(50, 1010), 0);
  assertEquals(measure(45, 1020), 0);
  assertEquals(measure(40, 1030), 20_000);
  assertEquals(measure(60, 1040), 20_000);
  assertEquals(measure(70, 1050), 20_000);
  assertEquals(measure(80, 1060), 40_000);
  // What the next packet tells them, and the round trip, whatever the clocks.
  assertEquals(meter.difference, (20_000 - 5_000_000) >>> 0);
  assertEquals(meter.echo, 100);
});

Deno.test("what is not measured is no sample", none, () => {
  const meter = new DelayMeter();
  meter.measure(packet(1000, 20, 20), 1000);
  for (const timestampDifference of [0, 0x7fffffff]) {
    const other = { ...packet(1010, 20, 20), timestampDifference };
    assertEquals(meter.measure(other, 1010), undefined);
    assertEquals(meter.echo, 0);
  }
  // A round trip of more than a minute is a lie.
  meter.measure(packet(1020, 20, 60_000), 1020);
  assertEquals(meter.echo, 0);
});

Deno.test("a clock that runs faster is no delay", none, () => {
  const meter = new DelayMeter();
  const measure = (back: number, there: number, at: number) =>
    meter.measure(packet(at, back, there), at);
  measure(50, 20, 1000);
  for (let n = 1; n <= 5; n++) measure(50 - n, 20 + n, 1000 + n);
  assertEquals(measure(45, 25, 1006), 0);
  // A fall of 10 ms is another way, not a clock.
  measure(34, 25, 1007);
  measure(34, 26, 1008);
  assertEquals(measure(34, 26, 1009), 0);
  assertEquals(measure(34, 27, 1010), 1000);
});
