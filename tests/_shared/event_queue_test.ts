import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { EventHub, EventQueue } from "../../_shared/event_queue.ts";
import { drain } from "../../testing/sim_clock.ts";

Deno.test("EventQueue.push() drops the oldest and counts it", {
  permissions: "none",
}, async () => {
  const queue = new EventQueue<number>(3);
  for (let i = 0; i < 5; i++) queue.push(i);
  assertEquals(queue.dropped, 2);
  queue.close();
  assertEquals(await Array.fromAsync(queue), [2, 3, 4]);
});

Deno.test(
  "EventQueue.send() waits for room",
  { permissions: "none" },
  async () => {
    const queue = new EventQueue<number>(1);
    let sent = 0;
    const producer = (async () => {
      for (let i = 1; i <= 100; i++) if (await queue.send(i)) sent = i;
    })();
    await drain();
    assertEquals(sent, 1);
    const seen: number[] = [];
    for await (const item of queue) {
      seen.push(item);
      if (item === 50) break;
    }
    await producer;
    assertEquals(seen.length, 50);
    assertEquals(await queue.send(1), false);
  },
);

Deno.test(
  "EventQueue ends with its error",
  { permissions: "none" },
  async () => {
    const queue = new EventQueue<number>(2);
    queue.push(1);
    queue.close(new TypeError("gone"));
    queue.push(2);
    assertEquals(await queue.next(), 1);
    await assertRejects(() => queue.next(), TypeError, "gone");
    assertThrows(() => new EventQueue(0), RangeError, "positive integer");
  },
);

Deno.test(
  "EventQueue.readable() pipes and cancels",
  { permissions: "none" },
  async () => {
    const queue = new EventQueue<number>(4);
    const reader = queue.readable().getReader();
    queue.push(7);
    assertEquals((await reader.read()).value, 7);
    await reader.cancel();
    assertEquals(queue.closed, true);
  },
);

Deno.test("EventHub tells each subscriber from then on", {
  permissions: "none",
}, async () => {
  const hub = new EventHub<number>();
  assertEquals(hub.idle, true);
  const a = hub.subscribe();
  hub.publish(1);
  const ending = new AbortController();
  const b = hub.subscribe(ending);
  hub.publish(2);
  ending.abort();
  hub.publish(3);
  assertEquals(await Array.fromAsync(hub.subscribe(ending)), []);
  hub.close();
  hub.publish(4);
  assertEquals(await Array.fromAsync(a), [1, 2, 3]);
  assertEquals(await Array.fromAsync(b), [2]);
  assertEquals(await Array.fromAsync(hub.subscribe()), []);
  assertEquals(hub.idle, true);
});

Deno.test("EventHub: a slow subscriber loses its oldest, nobody else's", {
  permissions: "none",
}, async () => {
  const hub = new EventHub<number>();
  const slow = hub.subscribe();
  for (let i = 0; i < 4000; i++) hub.publish(i);
  const roomy = hub.subscribe();
  for (let i = 4000; i < 5000; i++) hub.publish(i);
  hub.close();
  const late = await Array.fromAsync(slow);
  assertEquals([late.length, late[0]], [4096, 904]);
  assertEquals((await Array.fromAsync(roomy)).length, 1000);
});
