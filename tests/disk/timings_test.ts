import { assertEquals, assertThrows } from "@std/assert";
import { DiskTimings } from "../../disk/timings.ts";
import { SimClock } from "../../testing/sim_clock.ts";

Deno.test({
  name: "what is done at once, later or in vain is timed by the clock",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    const timings = new DiskTimings(clock);
    assertEquals(timings.time("read", () => 5), 5);
    const later = timings.time(
      "write",
      () =>
        new Promise<string>((resolve) =>
          clock.schedule(2000, () => resolve("done"))
        ),
    );
    await clock.advance(2000);
    assertEquals(await later, "done");
    assertThrows(
      () =>
        timings.time("verify", () => {
          throw new RangeError("no");
        }),
      RangeError,
    );
    assertEquals(timings.read.counts[0], 1);
    assertEquals(timings.write.sum, 2);
    assertEquals(timings.verify.counts.every((count) => count === 0), true);
  },
});
