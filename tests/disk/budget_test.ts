import { assertEquals, assertThrows } from "@std/assert";
import { DiskBudget } from "../../disk/budget.ts";

Deno.test("DiskBudget refuses what nothing works with", {
  permissions: "none",
}, () => {
  const least = { maxBufferedBytes: 2 ** 20, readCacheBytes: 0, maxHandles: 1 };
  assertEquals(new DiskBudget(least).bufferedBytes, 0);
  for (const [name, value] of Object.entries(least)) {
    for (const wrong of [value - 1, value + 0.5, NaN]) {
      assertThrows(
        () => new DiskBudget({ ...least, [name]: wrong }),
        RangeError,
        name,
      );
    }
  }
});
