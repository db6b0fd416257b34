import { assertEquals } from "@std/assert";
import { EventLoopLag } from "../../../daemon/figures/daemon_metrics.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

Deno.test({
  name: "a timer that comes late is counted so",
  permissions: "none",
  async fn() {
    const clock = new SimClock();
    let late = 0;
    const lag = new EventLoopLag({
      now: () => clock.now() + late,
      schedule: (at, callback) => clock.schedule(at, callback),
    });
    await clock.advance(1000);
    assertEquals(lag.times.sum, 0);
    late = 300;
    await clock.advance(1000);
    assertEquals(lag.times.sum, 0.3);
    lag[Symbol.dispose]();
    lag[Symbol.dispose]();
    assertEquals(clock.pending, 0);
  },
});
