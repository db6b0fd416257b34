import { assertEquals } from "@std/assert";
import { SEND_TIMEOUT_MS, SILENCE_TIMEOUT_MS } from "../../../peer/limits.ts";
import { SessionTimers } from "../../../peer/session/session_core.ts";

Deno.test("SessionTimers: who has nothing to read is no slow reader", {
  permissions: "none",
}, () => {
  const timers = new SessionTimers(0);
  const code = (now: number, buffered: number) =>
    timers.violation(now, buffered)?.code;
  assertEquals(code(SEND_TIMEOUT_MS, 0), undefined);
  assertEquals(code(SEND_TIMEOUT_MS - 1, 9), undefined);
  assertEquals(code(SEND_TIMEOUT_MS, 9), "slow-reader");
  timers.progressAt = 1;
  assertEquals(code(SEND_TIMEOUT_MS, 9), undefined);
  // Nothing can be heard while nothing is read.
  timers.progressAt = SILENCE_TIMEOUT_MS;
  assertEquals(code(SILENCE_TIMEOUT_MS, 0), "silent");
  timers.setReading(false, 1_000);
  assertEquals(code(SILENCE_TIMEOUT_MS, 0), undefined);
  timers.setReading(true, 2_000);
  assertEquals(code(SILENCE_TIMEOUT_MS, 0), undefined);
  assertEquals(code(SILENCE_TIMEOUT_MS + 1_000, 0), "silent");
});

Deno.test(
  "SessionTimers look again at the earliest of what is due",
  { permissions: "none" },
  () => {
    const timers = new SessionTimers(0);
    const usual = timers.deadline;
    timers.atLatest(usual + 1);
    assertEquals(timers.deadline, usual);
    timers.atLatest(usual - 1);
    assertEquals(timers.deadline, usual - 1);
    timers.arm(usual - 7);
    assertEquals(timers.deadline, usual - 7);
  },
);
