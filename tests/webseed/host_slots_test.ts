import { assert, assertEquals } from "@std/assert";
import { SimClock } from "../../testing/sim_clock.ts";
import { type HostSlot, WebSeedHosts } from "../../webseed/host_slots.ts";

const never = () => assert(false, "called");

Deno.test("WebSeedHosts - three a host, 24 in all, and who waits is told", {
  permissions: "none",
}, () => {
  const hosts = new WebSeedHosts(new SimClock());
  const slots = [1, 2, 3].map(() => hosts.tryTake("a", never));
  assert(slots.every((slot) => slot?.host === "a"));
  assertEquals(hosts.tryTake("a", never), undefined);
  assert(!hosts.hasRoom("a") && hosts.hasRoom("b"));
  let told = 0;
  hosts.whenFree("a", () => told++);
  hosts.whenFree("a", () => told++)();
  slots[0]!.free();
  slots[0]!.free();
  assertEquals([told, hosts.active], [1, 2]);
  assert(hosts.tryTake("a", never) !== undefined);
  for (let i = 0; i < 21; i++) {
    assert(hosts.tryTake(`h${i}`, never) !== undefined);
  }
  assertEquals(hosts.tryTake("z", never), undefined);
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
  assertEquals(hosts.tryTake("a", never), undefined);
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

Deno.test("WebSeedHosts - the oldest gives way after ten seconds", {
  permissions: "none",
}, async () => {
  const clock = new SimClock();
  const hosts = new WebSeedHosts(clock);
  const left: number[] = [];
  const take = (i: number) => {
    const slot = hosts.tryTake(`h${i >> 1}`, () => {
      left.push(i);
      slot!.free();
    });
    return slot;
  };
  const slots: (HostSlot | undefined)[] = [];
  for (let i = 0; i < 24; i++) {
    slots.push(take(i));
    await clock.advance(100);
  }
  assertEquals([hosts.hasRoom("z"), take(90)], [false, undefined]);
  let told = 0;
  hosts.whenFree("z", () => told++);
  hosts.whenFree("z", () => told++)();
  await clock.advance(10_000 - 2400 - 1);
  assertEquals([told, hosts.hasRoom("z")], [0, false]);
  await clock.advance(1);
  assertEquals([told, hosts.hasRoom("z"), left], [1, true, []]);
  // Who is told of a free place cannot take that of the one who asked.
  hosts.whenFree("y", () => told += hosts.tryTake("y", never) ? 10 : 1);
  assert(take(90) !== undefined);
  assertEquals([told, left, hosts.active], [2, [0], 24]);
  assertEquals(hosts.hasRoom("z"), false);
  await clock.advance(100);
  assert(take(91) !== undefined);
  assertEquals([left, hosts.active, clock.pending], [[0, 1], 24, 0]);
  // Those that took so long leave places to others, and nobody gives way to them.
  await clock.advance(10_000);
  assert(take(92) !== undefined);
  assertEquals([hosts.hasRoom("h0"), hosts.hasRoom("h2")], [false, true]);
  for (let i = 0; i < 6; i++) slots[i + 3]!.free();
  assertEquals([hosts.active, hosts.hasRoom("h0")], [18, false]);
  slots[9]!.free();
  assertEquals(hosts.hasRoom("h0"), true);
  // One that is fast again is like others.
  hosts.tryTake("h0", never)!.free();
  for (let i = 0; i < 7; i++) hosts.tryTake(`n${i}`, never);
  assertEquals([hosts.hasRoom("h0"), hosts.hasRoom("h1")], [true, false]);
});
