import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { createHash } from "node:crypto";
import { nextTurn, nodeCrypto } from "../../metainfo/node.ts";

Deno.test({
  name: "nodeCrypto() gives the module itself",
  permissions: "none",
  fn() {
    assertStrictEquals(nodeCrypto().createHash, createHash);
  },
});

Deno.test({
  name: "nextTurn() lets timers that are due and microtasks run first",
  permissions: "none",
  async fn() {
    const order: string[] = [];
    const timer = Promise.withResolvers<void>();
    setTimeout(() => {
      order.push("timer");
      timer.resolve();
    });
    queueMicrotask(() => order.push("microtask"));
    const turn = nextTurn().then(() => order.push("turn"));
    order.push("now");
    await Promise.all([turn, timer.promise]);
    assertEquals(order.slice(0, 2), ["now", "microtask"]);
    assert(order.includes("turn"));
  },
});
