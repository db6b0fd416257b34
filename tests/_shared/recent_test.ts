import { assertEquals } from "@std/assert";
import { remember } from "../../_shared/recent.ts";

Deno.test("remember() keeps the newest, and no more than it may", {
  permissions: "none",
}, () => {
  const map = new Map<string, number>();
  for (const [i, key] of ["a", "b", "c"].entries()) remember(map, key, i, 3);
  // One that is there takes no other's place, and is the newest again.
  remember(map, "a", 7, 3);
  assertEquals([...map], [["b", 1], ["c", 2], ["a", 7]]);
  remember(map, "d", 8, 3);
  assertEquals([...map], [["c", 2], ["a", 7], ["d", 8]]);
});
