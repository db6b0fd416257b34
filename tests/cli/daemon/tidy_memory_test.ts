import { assertEquals } from "@std/assert";
import {
  garbageCollector,
  MemoryTidier,
  tidyMemory,
} from "../../../cli/daemon/tidy_memory.ts";

Deno.test({
  name: "MemoryTidier collects in quiet times, when it is worth it",
  permissions: "none",
  fn() {
    let isQuiet = false;
    let resident = 200;
    let collected = 0;
    const tidier = new MemoryTidier({
      isQuiet: () => isQuiet,
      resident: () => resident,
      collect() {
        collected++;
        resident = 100;
      },
    });
    const look = () => {
      tidier.look();
      return collected;
    };
    assertEquals(look(), 0);
    isQuiet = true;
    assertEquals([look(), look()], [0, 1]);
    resident = 110;
    assertEquals(look(), 1);
    resident = 120;
    assertEquals(look(), 2);
    isQuiet = false;
    resident = 300;
    assertEquals(look(), 2);
    isQuiet = true;
    assertEquals([look(), look(), look()], [2, 3, 3]);
  },
});

Deno.test("garbageCollector() collects", async () => {
  const collect = await garbageCollector();
  const forgotten = (() => new WeakRef({}))();
  // What was looked at in this turn stays until its end.
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  assertEquals(forgotten.deref(), undefined);
  (await tidyMemory(() => true))[Symbol.dispose]();
});
