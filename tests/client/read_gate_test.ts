import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../client/rate_limiter.ts";
import { readGate } from "../../client/read_gate.ts";
import { SimClock } from "../support/sim_clock.ts";

Deno.test("readGate() waits for memory and for every limit", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const limits = [1000, 500].map((bytesPerSecond) =>
    new RateLimiter({ clock, bytesPerSecond })
  );
  const free = () => undefined;
  assertEquals(readGate(free, []), undefined);
  assertEquals(readGate(free, limits), undefined);
  // A debt of one second for the first, of four for the second.
  for (const limit of limits) limit.refund(-2000);
  let relieve = () => {};
  let pressed = true;
  const pressure = () =>
    pressed
      ? new Promise<void>((resolve) =>
        relieve = () => {
          pressed = false;
          resolve();
        }
      )
      : undefined;
  let open = false;
  void readGate(pressure, limits)!.then(() => open = true);
  await clock.advance(10);
  relieve();
  await clock.advance(3000);
  assertEquals(open, false);
  await clock.advance(1500);
  assertEquals(open, true);
  assertEquals(readGate(free, limits), undefined);
  for (const limit of limits) limit.close();
  assertEquals(clock.pending, 0);
});
