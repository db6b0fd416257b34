import { assertEquals } from "@std/assert";
import { floors } from "./floors.ts";

Deno.test("floors - the least of each part", () => {
  const samples = [5, 3, 9, 7, 2, 8].map((value, i) => ({ at: i * 10, value }));
  assertEquals(floors(samples, 30).map(({ value }) => value), [3, 2]);
});
