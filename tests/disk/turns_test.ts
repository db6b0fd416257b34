import { assertEquals, assertRejects } from "@std/assert";
import { STEP_BYTES, TURN_BYTES, Turns } from "../../disk/turns.ts";
import { SimClock } from "../../testing/sim_clock.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "Turns: others go on after so many bytes or steps",
  pure,
  async () => {
    const clock = new SimClock();
    const turns = new Turns(clock);
    const steps = TURN_BYTES / STEP_BYTES;
    for (let round = 0; round < 3; round++) {
      for (let i = 1; i < steps; i++) assertEquals(turns.take(), undefined);
      let isOurs = false;
      const others = turns.take()!.then(() => isOurs = true);
      await Promise.resolve();
      assertEquals(isOurs, false);
      await clock.advance(0);
      await others;
    }
    assertEquals(turns.take(TURN_BYTES - 2 * STEP_BYTES - 1), undefined);
    const others = turns.take(1);
    await clock.advance(0);
    await others;
  },
);

Deno.test(
  "Turns: the signal ends the work at the next turn",
  pure,
  async () => {
    const ended = new AbortController();
    const reason = new Error("enough");
    const turns = new Turns(new SimClock(), ended.signal);
    const others = turns.take(TURN_BYTES)!;
    ended.abort(reason);
    assertEquals(turns.take(), undefined);
    assertEquals(await assertRejects(() => others), reason);
    assertEquals(
      await assertRejects(() => Promise.resolve(turns.take(TURN_BYTES))),
      reason,
    );
  },
);
