import { assert, assertEquals } from "@std/assert";
import { WindowTuner } from "../../../utp/socket/window_tuner.ts";

const FIRST = 98_304;
const PACKET = 1452;

/** Packets at a rate in bytes a ms, for some ms. */
function receive(
  tuner: WindowTuner,
  rate: number,
  roundTrip: number,
  from: number,
  to: number,
): void {
  for (let now = from; now < to; now += PACKET / rate) {
    tuner.received(PACKET, roundTrip, 0, now);
  }
}

Deno.test({
  name: "over a short path the window stays what a system buffers",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    receive(tuner, 70_000, 0.3, 0, 2000);
    assertEquals(tuner.size, FIRST);
  },
});

Deno.test({
  name: "over a long path it is four times what comes in a round trip",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    receive(tuner, 10_000, 150, 0, 500);
    // The shortest round trip counts: what is longer stood in a queue.
    tuner.received(PACKET, 100, 0, 501);
    receive(tuner, 10_000, 200, 501, 2000);
    assert(Math.abs(tuner.size - 6_000_000) < 20_000, `${tuner.size}`);
    const { size } = tuner;
    receive(tuner, 100, 200, 2000, 3000);
    assertEquals(tuner.size, size);
  },
});

Deno.test({
  name: "a pause, and a round trip that is not known, tell nothing",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    receive(tuner, 10_000, 0, 0, 2000);
    assertEquals(tuner.size, FIRST);
    const paused = new WindowTuner();
    for (let now = 0; now < 10_000; now += 1000) {
      paused.received(10_000_000, 100, 0, now);
    }
    assertEquals(paused.size, FIRST);
  },
});

Deno.test({
  name: "it doubles ahead of a slow start",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    for (let n = 0, bytes = 10_000; n < 8; n++, bytes *= 2) {
      assert(tuner.size >= bytes, `${n}: ${tuner.size} of ${bytes}`);
      receive(tuner, bytes / 100, 100, n * 100, n * 100 + 100);
    }
  },
});

/** Ten round trips of 100 ms, of which each brings what the window allows. */
function fill(tuner: WindowTuner, from: number, queuedUs: number): number[] {
  return Array.from({ length: 10 }, (_, n) => {
    const count = tuner.size / PACKET;
    for (let i = 0; i < count; i++) {
      const now = from + 100 * (n + (i + 1) / count);
      tuner.received(PACKET, 100, queuedUs, now);
    }
    return tuner.size;
  });
}

Deno.test({
  name: "a queue that builds up cuts it to what came, and it grows slowly",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    receive(tuner, 500, 100, 0, 100.1);
    receive(tuner, 1000, 100, 100.1, 204);
    assert(tuner.size > 390_000, `${tuner.size}`);
    const { peak } = tuner;
    // Delays that vary are none, even if few packets are fast.
    for (let i = 0; i < 32; i++) {
      tuner.received(PACKET, 100, i < 31 ? 9000 : 4000, 204.2);
    }
    assert(tuner.size > 390_000, `${tuner.size}`);
    for (let i = 0; i < 32; i++) tuner.received(PACKET, 100, 9000, 204.4);
    assert(Math.abs(tuner.size - 200_000) < 10_000, `${tuner.size}`);
    // What was allowed may still come.
    assertEquals(tuner.peak, peak);
    const { size } = tuner;
    const queued = fill(tuner, 300, 9000);
    assert(queued[9]! > 1.7 * size && queued[9]! < 1.9 * size, `${queued}`);
    const free = fill(tuner, 1300, 0);
    assert(free[9]! > 7 * queued[9]!, `${free}`);
    assert(free[9]! < 10 * queued[9]!, `${free}`);
    assertEquals(tuner.peak, tuner.size);
  },
});

Deno.test({
  name: "few packets that are late are no queue, but read late",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    for (let i = 0; i < 33; i++) tuner.received(1000, 100, 12_000, 50);
    receive(tuner, 1000, 100, 51, 300);
    assert(tuner.size > 390_000, `${tuner.size}`);
  },
});
