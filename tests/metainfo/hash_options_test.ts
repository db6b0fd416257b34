import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkThreads } from "../../metainfo/hash_options.ts";

Deno.test({
  name: "checkThreads() takes 1 to 1024",
  permissions: "none",
  fn() {
    assertEquals([checkThreads(1), checkThreads(1024)], [1, 1024]);
    assert(checkThreads(undefined) >= 1);
    for (const bad of [0, 1025, 1.5, NaN, -1]) {
      assertThrows(() => checkThreads(bad), RangeError);
    }
  },
});
