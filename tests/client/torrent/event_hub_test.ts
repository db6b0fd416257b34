import { assertEquals } from "@std/assert";
import { EventHub } from "../../../client/torrent/event_hub.ts";

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
