import { assertEquals } from "@std/assert";
import { backoffMs } from "../../_shared/backoff.ts";

Deno.test("backoffMs() doubles up to the longest wait", {
  permissions: "none",
}, () => {
  const waits = [1, 2, 3, 4, 5000].map((count) => backoffMs(count, 5, 30));
  assertEquals(waits, [5, 10, 20, 30, 30]);
});
