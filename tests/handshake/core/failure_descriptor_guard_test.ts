import { assertEquals } from "@std/assert";
import { DescriptorGuard } from "../../../handshake/core/failure.ts";

Deno.test("DescriptorGuard leaves 32 to others, for a minute after a refusal", {
  permissions: "none",
}, () => {
  const guard = new DescriptorGuard();
  assertEquals(guard.limit(0), Infinity);
  guard.refused(200, 1_000);
  assertEquals(guard.limit(1_000), 168);
  // The lowest counts, but some are always allowed.
  guard.refused(300, 2_000);
  assertEquals(guard.limit(2_000), 168);
  guard.refused(100, 3_000);
  assertEquals(guard.limit(3_000), 68);
  // Those that had to go are not gone yet.
  guard.refused(60, 3_999);
  assertEquals(guard.limit(3_999), 68);
  guard.refused(10, 4_000);
  assertEquals(guard.limit(63_999), 8);
  assertEquals(guard.limit(64_000), Infinity);
  guard.refused(500, 64_000);
  assertEquals(guard.limit(64_001), 468);
});
