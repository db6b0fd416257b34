import { assertEquals } from "@std/assert";
import {
  type QueueMove,
  QueueOrder,
} from "../../../daemon/rules/queue_order.ts";

const none = { permissions: "none" } as const;

function moved(ids: number[], where: QueueMove): string {
  const order = new QueueOrder();
  for (const id of [1, 2, 3, 4, 5]) order.add(id);
  order.move(ids, where);
  assertEquals(order.ids.map((id) => order.placeOf(id)), [0, 1, 2, 3, 4]);
  return order.ids.join("");
}

Deno.test(
  "moves in the queue keep the order of what moves and what stays",
  none,
  () => {
    assertEquals(moved([4, 2], "top"), "24135");
    assertEquals(moved([4, 2], "bottom"), "13524");
    assertEquals(moved([2, 4], "up"), "21435");
    assertEquals(moved([1, 2], "up"), "12345");
    assertEquals(moved([1, 3], "up"), "13245");
    assertEquals(moved([2, 3], "up"), "23145");
    assertEquals(moved([2, 4], "down"), "13254");
    assertEquals(moved([4, 5], "down"), "12345");
    assertEquals(moved([2, 3], "down"), "14235");
    assertEquals(moved([9], "top"), "12345");
  },
);

Deno.test(
  "places are counted from 0, and follow what comes and goes",
  none,
  () => {
    const order = new QueueOrder();
    assertEquals(order.placeOf(7), -1);
    for (const id of [7, 8, 9]) order.add(id);
    assertEquals([7, 8, 9].map((id) => order.placeOf(id)), [0, 1, 2]);
    order.remove(8);
    assertEquals([7, 8, 9].map((id) => order.placeOf(id)), [0, -1, 1]);
    order.add(8);
    assertEquals(order.placeOf(8), 2);
    order.put(8, 0);
    assertEquals(order.ids, [8, 7, 9]);
    order.put(8, 1);
    assertEquals(order.ids, [7, 8, 9]);
    order.put(7, 99);
    assertEquals(order.ids, [8, 9, 7]);
    order.put(7, -1);
    assertEquals(order.ids, [7, 8, 9]);
  },
);
