import { assertEquals } from "@std/assert";
import { pauseFor } from "../../../cli/transfer/transfer.ts";

Deno.test({
  name: "pauseFor() - no time is no wait, no limit is until the signal",
  permissions: "none",
  async fn() {
    const never = new AbortController().signal;
    await pauseFor(0, never);
    await pauseFor(-5, never);
    await pauseFor(Infinity, AbortSignal.abort());
    const controller = new AbortController();
    // Longer than a timer can be told: it must not fire at once.
    const waits = [Infinity, 2 ** 31, 1e15].map((ms) =>
      pauseFor(ms, controller.signal)
    );
    let ended = 0;
    for (const wait of waits) void wait.then(() => ended++);
    await pauseFor(1, never);
    assertEquals(ended, 0);
    controller.abort();
    await Promise.all(waits);
  },
});
