import { assert, assertEquals } from "@std/assert";
import { RateLimiter, ReadGate } from "../../../client/limits/rate_limiter.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "ReadGate grants reads that bring blocks, and charges others afterwards",
  none,
  async () => {
    const clock = new SimClock();
    const limit = new RateLimiter({ clock, bytesPerSecond: 10_000 });
    const gate = new ReadGate(() => undefined, limit);
    const idle = { outstanding: 0, isClosed: false };
    // An idle peer holds nothing back while its read is under way.
    assertEquals(gate.before(1_024, idle), 1_024);
    gate.after(1_000);
    const waiting = gate.before(16_384, { outstanding: 3, isClosed: false });
    assert(typeof waiting !== "number");
    await clock.advance(100);
    const granted = await waiting;
    assert(granted > 100 && granted <= 1_000, `${granted}`);
    // What was granted and not used is given back.
    gate.after(1);
    assertEquals(gate.before(1_024, idle), 1_024);
    gate.after(0);
    limit.close();
  },
);

Deno.test("ReadGate takes nothing for a peer that is gone", none, async () => {
  const clock = new SimClock();
  const limit = new RateLimiter({ clock, bytesPerSecond: 10_000 });
  const gate = new ReadGate(() => undefined, limit);
  limit.take(1_000);
  // It leaves in the moment when its turn comes.
  let asked = 0;
  const waiting = gate.before(16_384, {
    outstanding: 3,
    get isClosed() {
      return ++asked > 1;
    },
  });
  await clock.advance(50);
  await waiting;
  assertEquals(asked, 2);
  assertEquals(limit.tryTake(1), true);
  limit.close();
});

Deno.test("ReadGate waits for memory first", none, async () => {
  const clock = new SimClock();
  let relieve = () => {};
  let short: Promise<void> | undefined = new Promise<void>((resolve) =>
    relieve = resolve
  );
  const gate = new ReadGate(() => short, new RateLimiter({ clock }));
  const waiting = gate.before(9, { outstanding: 0, isClosed: false });
  assert(typeof waiting !== "number");
  short = undefined;
  relieve();
  assertEquals(await waiting, 9);
  assertEquals(clock.pending, 0);
});
