import { assertEquals, assertRejects } from "@std/assert";
import { PendingAnswers } from "../../tracker/pending_answers.ts";

Deno.test("PendingAnswers - waits, lets go, and stops to wait", {
  permissions: "none",
}, async () => {
  const pending = new PendingAnswers();
  assertEquals(await pending.wait(Promise.resolve(1)), 1);
  assertEquals(await pending.wait(2), 2);
  await assertRejects(
    () => pending.wait(Promise.reject(new TypeError("no"))),
    TypeError,
  );
  assertEquals(pending.size, 0);

  const never = new Promise<number>(() => {});
  const waits = [pending.wait(never), pending.wait(never)];
  assertEquals(pending.size, 2);
  const ended = Promise.allSettled(waits);
  const reason = new Error("closing");
  pending.abandon(reason);
  assertEquals(
    await ended,
    [{ status: "rejected", reason }, { status: "rejected", reason }],
  );
  // Whoever comes later does not wait at all.
  await assertRejects(() => pending.wait(never), Error, "closing");
  assertEquals(pending.size, 0);
});
