import { assert, assertEquals } from "@std/assert";
import { ReorderWindow } from "../../../utp/socket/packet_table.ts";

const none = { permissions: "none" } as const;

Deno.test("nothing is lost before something later has arrived", none, () => {
  const window = new ReorderWindow();
  assertEquals(window.lostAt(1, 0, 40, 40), Infinity);
  window.arrived(5, 40);
  assertEquals(window.lostAt(6, 0, 40, 40), Infinity);
  // A round trip and a quarter of the least.
  assertEquals(window.lostAt(4, 100, 40, 40), 150);
});

Deno.test(
  "three later ones are proof, in whatever order they come",
  none,
  () => {
    for (const orders of [[3, 4, 5], [5, 4, 3], [4, 5, 3]]) {
      const window = new ReorderWindow();
      window.arrived(orders[0]!, 40);
      window.arrived(orders[1]!, 40);
      assertEquals(window.lostAt(2, 100, 40, 40), 150);
      window.arrived(orders[2]!, 40);
      assertEquals(window.lostAt(2, 100, 40, 40), -Infinity);
      assertEquals(window.lostAt(3, 100, 40, 40), 150);
    }
  },
);

Deno.test(
  "a lateness that was seen is allowed for, up to a round trip",
  none,
  () => {
    const window = new ReorderWindow();
    for (const order of [2, 3, 4, 5]) window.arrived(order, 40);
    // 20 ms later than those that were sent after it.
    window.arrived(1, 60);
    assertEquals(window.lostAt(3, 100, 40, 60), 165);
    assertEquals(window.lostAt(3, 100, 40, 22), 162);
    // Those that arrive in order make it forget.
    for (let n = 6; n < 30_000; n++) window.arrived(n, 40);
    assertEquals(window.lostAt(3, 100, 40, 60), -Infinity);
    assert(window.lostAt(29_998, 100, 40, 60) === 150);
  },
);
