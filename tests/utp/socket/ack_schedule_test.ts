import { assertEquals } from "@std/assert";
import { AckSchedule } from "../../../utp/socket/ack_schedule.ts";

const none = { permissions: "none" } as const;

Deno.test("what follows shares an ack with a third, for 2 ms", none, () => {
  const acks = new AckSchedule(1000);
  acks.packet(100);
  assertEquals(acks.isDue, true);
  acks.acked();
  acks.packet(102);
  assertEquals([acks.isDue, acks.at], [false, 104]);
  acks.packet(103);
  assertEquals(acks.isDue, true);
  acks.acked();
  acks.packet(104);
  acks.tick(105.9);
  assertEquals(acks.isDue, false);
  acks.tick(106);
  assertEquals([acks.isDue, acks.at], [true, Infinity]);
  acks.acked();
  acks.packet(106.1);
  assertEquals(acks.isDue, true);
});

Deno.test("what else is to be told waits 40 ms", none, () => {
  const acks = new AckSchedule(1000);
  acks.later(100);
  acks.later(120);
  assertEquals([acks.isDue, acks.at], [false, 140]);
  acks.tick(140);
  assertEquals([acks.isDue, acks.at], [true, Infinity]);
});

Deno.test("a burst shares an ack, up to eight packets or 0.1 ms", none, () => {
  const acks = new AckSchedule(1000);
  acks.packet(99);
  acks.acked();
  for (let n = 1; n < 8; n++) {
    acks.packet(100 + n / 100);
    assertEquals(acks.isDue, false);
  }
  acks.packet(100.08);
  assertEquals(acks.isDue, true);
  acks.acked();
  for (const now of [102, 102.05, 102.09]) acks.packet(now);
  assertEquals([acks.isDue, acks.at], [false, 102.1]);
  acks.tick(102.1);
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
