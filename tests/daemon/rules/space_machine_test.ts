import { assertEquals } from "@std/assert";
import { SpaceMachine } from "../../../daemon/rules/space_machine.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "a folder lacks room below the floor, until there is a tenth more",
  none,
  () => {
    const machine = new SpaceMachine();
    const seen = (
      free: number,
      floor = 1000,
    ) => [machine.handleSpace("/a", free, floor), machine.full.has("/a")];
    assertEquals(seen(1000), [false, false]);
    assertEquals(seen(999), [true, true]);
    assertEquals(seen(1000), [false, true]);
    assertEquals(seen(1099), [false, true]);
    assertEquals(seen(1101), [true, false]);
    assertEquals(seen(0, 0), [false, false]);
    assertEquals(seen(0), [true, true]);
    // Without a floor nothing is full.
    assertEquals(seen(0, 0), [true, false]);
  },
);

Deno.test("folders that are not used are forgotten", none, () => {
  const machine = new SpaceMachine();
  machine.handleSpace("/a", 0, 10);
  machine.handleSpace("/b", 0, 10);
  machine.keepOnly(new Set(["/b", "/c"]));
  assertEquals([...machine.full], ["/b"]);
});
