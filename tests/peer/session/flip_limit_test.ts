import { assertEquals } from "@std/assert";
import { FlipLimit } from "../../../peer/session/flip_limit.ts";

Deno.test("FlipLimit allows so many in ten seconds from the first on", {
  permissions: "none",
}, () => {
  const limit = new FlipLimit(2);
  const times = [5, 6, 7, 10_004, 10_005, 10_006, 10_007];
  assertEquals(times.map((now) => limit.allow(now)), [
    true,
    true,
    false,
    false,
    true,
    true,
    false,
  ]);
});
