import { assertEquals } from "@std/assert";
import { flipLimit } from "../../../peer/session/session_core.ts";

Deno.test("flipLimit allows so many in ten seconds", {
  permissions: "none",
}, () => {
  const limit = flipLimit(2);
  const times = [5, 6, 7, 5_005, 5_006, 15_006, 15_007, 15_008];
  assertEquals(times.map((now) => limit.take(now)), [
    true,
    true,
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
});
