import { assert, assertEquals } from "@std/assert";
import { HostBook } from "../../../client/limits/host_book.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "a host waits longer with every failure, then is left alone",
  none,
  () => {
    const book = new HostBook();
    const waits = [];
    let now = 0;
    for (let i = 0; i < 10; i++) {
      book.failed("1.2.3.4", now);
      const at = book.readyAt("1.2.3.4", now);
      waits.push((at - now) / 1000);
      now = at;
    }
    assertEquals(waits, [5, 10, 20, 40, 80, 160, 320, 600, 600, 3600]);
    assertEquals(book.readyAt("1.2.3.5", now), now);
    book.connected("1.2.3.4");
    book.failed("1.2.3.4", now);
    assertEquals(book.readyAt("1.2.3.4", now), now + 5000);
  },
);

Deno.test("a /64 is one host, a /24 and a /48 one site", none, () => {
  const book = new HostBook();
  book.failed("2a00:1:1:1::1", 0);
  assertEquals(book.readyAt("2a00:1:1:1::2", 0), 5000);
  assertEquals(book.readyAt("2a00:1:1:2::1", 0), 0);
  for (let i = 0; i < 16; i++) {
    assertEquals(book.readyAt(`2a00:1:1:${i + 2}::1`, 0), 0);
    book.dialled(`2a00:1:1:${i + 2}::1`, 0);
    book.dialled(`1.2.3.${i}`, 0);
  }
  assertEquals(book.readyAt("2a00:1:1:99::1", 0), 250);
  assertEquals(book.readyAt("1.2.3.99", 0), 250);
  assertEquals(book.readyAt("1.2.4.99", 0), 0);
  // Our own network is none: a neighbour may name all of it.
  for (let i = 0; i < 200; i++) {
    assertEquals(book.readyAt(`192.168.1.${i}`, 0), 0);
    book.dialled(`192.168.1.${i}`, 0);
  }
  assertEquals(book.readyAt("192.168.1.7", 0), 250);
});

Deno.test("what is remembered is bounded, the oldest goes first", none, () => {
  const book = new HostBook();
  const name = (i: number) => `20.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
  for (let i = 0; i < 8193; i++) book.failed(name(i), 0);
  assertEquals(book.readyAt(name(0), 0), 0);
  assert(book.readyAt(name(1), 0) > 0);
});

Deno.test(
  "a host is dialled four times a second, and no sooner for that",
  none,
  () => {
    const book = new HostBook();
    book.dialled("1.2.3.4", 1_000);
    assertEquals(book.readyAt("1.2.3.4", 1_000), 1_250);
    assertEquals(book.readyAt("1.2.3.5", 1_000), 1_000);
    book.failed("1.2.3.4", 1_000);
    book.dialled("1.2.3.4", 1_100);
    assertEquals(book.readyAt("1.2.3.4", 1_100), 6_000);
  },
);
