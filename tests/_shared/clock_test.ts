import { assertEquals, assertRejects } from "@std/assert";
import { systemClock, within } from "../../_shared/clock.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

Deno.test("within() waits for what comes in time", none, async () => {
  const clock = new SimClock();
  assertEquals(await within(clock, 9, Promise.resolve(1)), 1);
  await assertRejects(
    () => within(clock, 9, Promise.reject(new TypeError("no"))),
    TypeError,
  );
  const { promise, reject } = Promise.withResolvers<number>();
  const late = within(clock, 9, promise);
  await clock.advance(9);
  assertEquals(await late, undefined);
  // What comes of it then is nobody's concern.
  reject(new Error("too late"));
  assertEquals(clock.pending, 0);
});

Deno.test("the system's clock waits longer than timers can", none, async () => {
  const far = systemClock.now() + 2 ** 40;
  let isOver = false;
  const cancel = [far, Infinity].map((at) =>
    systemClock.schedule(at, () => isOver = true)
  );
  await new Promise<void>((resolve) => {
    systemClock.schedule(systemClock.now() + 5, resolve);
  });
  assertEquals(isOver, false);
  for (const end of cancel) end();
});
