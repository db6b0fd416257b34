import { assertEquals } from "@std/assert";
import { EventHub } from "../../../client/torrent/event_hub.ts";

Deno.test("EventHub tells each subscriber from then on", {
  permissions: "none",
}, async () => {
  const hub = new EventHub<number>();
  assertEquals(hub.idle, true);
  const a = hub.subscribe();
  hub.publish(1);
  const b = hub.subscribe();
  hub.publish(2);
  b.close();
  hub.publish(3);
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
  const slow = hub.subscribe(10);
  const roomy = hub.subscribe();
  for (let i = 0; i < 100; i++) hub.publish(i);
  hub.close();
  assertEquals(slow.dropped, 90);
  assertEquals((await Array.fromAsync(slow))[0], 90);
  assertEquals((await Array.fromAsync(roomy)).length, 100);
});
