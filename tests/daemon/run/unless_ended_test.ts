import { assertEquals, assertThrows } from "@std/assert";
import { unlessEnded } from "../../../daemon/run/unless_ended.ts";

Deno.test("unlessEnded() throws all but what the signal ended", {
  permissions: "none",
}, () => {
  const reason = new Error("stop");
  const handle = unlessEnded(AbortSignal.abort(reason));
  handle(reason);
  handle(new AggregateError([reason, reason]));
  const other = new Error("other");
  for (const error of [other, new AggregateError([reason, other])]) {
    assertEquals(assertThrows(() => handle(error)), error);
  }
});
