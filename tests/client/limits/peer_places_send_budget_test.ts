import { assertEquals } from "@std/assert";
import { SendBudget } from "../../../client/limits/peer_places.ts";

Deno.test("SendBudget closes connections with the most bytes queued", {
  permissions: "none",
}, () => {
  const budget = new SendBudget(1_000_000);
  const closed: number[] = [];
  const sender = (bufferedBytes: number) => ({
    bufferedBytes,
    close: () => void closed.push(bufferedBytes),
  });
  const all = [300_000, 500_000, 60_000, 200_000, 400_000].map(sender);
  for (const one of all.slice(0, 4)) budget.look(one);
  budget.settle();
  assertEquals(closed, []);
  for (const one of all) budget.look(one);
  budget.settle();
  assertEquals(closed, [500_000]);
  // Each round starts anew.
  budget.look(all[1]!);
  budget.settle();
  assertEquals(closed, [500_000]);
});

Deno.test("SendBudget closes no more connections than it must", {
  permissions: "none",
}, () => {
  const budget = new SendBudget(200_000);
  let closed = 0;
  for (let i = 0; i < 3; i++) {
    budget.look({ bufferedBytes: 100_000, close: () => closed++ });
  }
  budget.settle();
  assertEquals(closed, 1);
});

Deno.test("SendBudget counts no connection with 64 KiB or less", {
  permissions: "none",
}, () => {
  const closed: number[] = [];
  const budget = new SendBudget(0);
  for (const bufferedBytes of [65_536, 65_537]) {
    budget.look({
      bufferedBytes,
      close: () => void closed.push(bufferedBytes),
    });
  }
  budget.settle();
  assertEquals(closed, [65_537]);
});
