import { assert, assertEquals } from "@std/assert";
import { SimClock } from "../../testing/sim_clock.ts";
import { WebSeedHosts } from "../../webseed/host_slots.ts";

Deno.test("WebSeedHosts - three a host, 24 in all, and who waits is told", {
  permissions: "none",
}, () => {
  const hosts = new WebSeedHosts(new SimClock());
  const slots = [1, 2, 3].map(() => hosts.tryTake("a"));
  assert(slots.every((slot) => slot?.host === "a"));
  assertEquals(hosts.tryTake("a"), undefined);
  assert(!hosts.hasRoom("a") && hosts.hasRoom("b"));
  let told = 0;
  hosts.whenFree("a", () => told++);
  hosts.whenFree("a", () => told++)();
  slots[0]!.free();
  slots[0]!.free();
  assertEquals([told, hosts.active], [1, 2]);
  assert(hosts.tryTake("a") !== undefined);
  for (let i = 0; i < 21; i++) assert(hosts.tryTake(`h${i}`) !== undefined);
  assertEquals(hosts.tryTake("z"), undefined);
  assertEquals(hosts.active, 24);
});

Deno.test("WebSeedHosts - who fails too often is asked once a second", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const hosts = new WebSeedHosts(clock);
  for (let i = 0; i < 29; i++) hosts.failed("a");
  assert(hosts.hasRoom("a"));
  hosts.failed("a");
  assert(!hosts.hasRoom("a") && hosts.hasRoom("b"));
  assertEquals(hosts.tryTake("a"), undefined);
  let told = 0;
  hosts.whenFree("a", () => told++);
  await clock.advance(999);
  assertEquals(told, 0);
  await clock.advance(2);
  assertEquals(told, 1);
  assert(hosts.hasRoom("a"));
  // Others' failures make room for new ones in the books.
  hosts.failed("a");
  for (let i = 0; i < 256; i++) hosts.failed(`h${i}`);
  assert(hosts.hasRoom("a"));
});
