import { assert, assertEquals } from "@std/assert";
import { WindowTuner } from "../../../utp/socket/ack_schedule.ts";

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
    tuner.received(PACKET, roundTrip, now);
  }
}

Deno.test({
  name: "over a short path the window stays what a system buffers",
  permissions: "none",
  fn() {
    const tuner = new WindowTuner();
    receive(tuner, 150_000, 1.5, 0, 2000);
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
    tuner.received(PACKET, 100, 501);
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
      paused.received(10_000_000, 100, now);
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
