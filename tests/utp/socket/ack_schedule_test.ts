import { assertEquals } from "@std/assert";
import { AckSchedule } from "../../../utp/socket/ack_schedule.ts";

const none = { permissions: "none" } as const;

Deno.test("two packets are acked at once, one in 40 ms", none, () => {
  const acks = new AckSchedule(1000);
  acks.packet(100);
  assertEquals([acks.isDue, acks.at], [false, 140]);
  acks.later(120);
  assertEquals(acks.at, 140);
  acks.tick(139);
  assertEquals(acks.isDue, false);
  acks.tick(140);
  assertEquals([acks.isDue, acks.at], [true, Infinity]);
  acks.acked();
  acks.packet(200);
  assertEquals(acks.isDue, false);
  acks.packet(201);
  assertEquals(acks.isDue, true);
  acks.acked();
  assertEquals([acks.isDue, acks.at], [false, Infinity]);
});

Deno.test("a burst shares an ack, up to eight packets or a ms", none, () => {
  const acks = new AckSchedule(1000);
  for (let n = 1; n < 8; n++) {
    acks.packet(100 + n / 10);
    assertEquals(acks.isDue, false);
  }
  acks.packet(100.8);
  assertEquals(acks.isDue, true);
  acks.acked();
  for (const now of [200, 200.5, 200.9]) acks.packet(now);
  assertEquals([acks.isDue, acks.at], [false, 201]);
  acks.tick(201);
  assertEquals(acks.isDue, true);
});

Deno.test(
  "a window that opens is told at once, one that grows later",
  none,
  () => {
    const acks = new AckSchedule(1000);
    acks.advertised = 99;
    acks.windowGrew(199, 100, 0);
    assertEquals([acks.isDue, acks.at], [false, Infinity]);
    acks.windowGrew(200, 100, 0);
    assertEquals([acks.isDue, acks.at], [true, Infinity]);
    acks.acked();
    acks.advertised = 100;
    acks.windowGrew(599, 100, 0);
    assertEquals([acks.isDue, acks.at], [false, Infinity]);
    acks.windowGrew(600, 100, 10);
    assertEquals([acks.isDue, acks.at], [false, 50]);
    // A small buffer opens when it is empty.
    const small = new AckSchedule(150);
    small.advertised = 0;
    small.windowGrew(150, 100, 0);
    assertEquals(small.isDue, true);
  },
);
