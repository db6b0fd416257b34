import { assert, assertEquals } from "@std/assert";
import { RoundTrip } from "../../../utp/socket/delay_meter.ts";

Deno.test({
  name: "the wait for an ack is mean and four deviations, within bounds",
  permissions: "none",
  fn() {
    const trip = new RoundTrip();
    assertEquals([trip.timeout(0), trip.timeout(1)], [3000, 4000]);
    trip.add(100);
    // Half of the first sample is its deviation.
    assertEquals([trip.mean, trip.least, trip.timeout(0)], [100, 100, 500]);
    for (let i = 0; i < 200; i++) trip.add(i % 2 === 0 ? 400 : 600);
    assert(Math.abs(trip.mean - 500) < 20, `${trip.mean}`);
    assert(Math.abs(trip.timeout(0) - 900) < 60, `${trip.timeout(0)}`);
    assertEquals(trip.least, 100);
    // Round trips that hardly differ leave a margin all the same.
    for (let i = 0; i < 500; i++) trip.add(1000);
    assert(Math.abs(trip.timeout(0) - 1200) < 1);
  },
});

Deno.test({
  name: "each wait in vain makes the next one longer, up to a minute",
  permissions: "none",
  fn() {
    const trip = new RoundTrip();
    trip.add(10);
    assertEquals(
      [0, 1, 2, 3, 4, 9].map((failures) => trip.timeout(failures)),
      [500, 1500, 2500, 4500, 8500, 60_000],
    );
  },
});
