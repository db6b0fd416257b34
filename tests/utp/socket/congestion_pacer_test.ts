import { assert, assertEquals } from "@std/assert";
import { CongestionWindow, Pacer } from "../../../utp/socket/congestion.ts";

const none = { permissions: "none" } as const;
const PACKET = 1000;

/** Sends as fast as it may, from 0 on; gives when. */
function times(
  pacer: Pacer,
  window: CongestionWindow,
  roundTrip: number,
  count: number,
): number[] {
  const sent: number[] = [];
  let now = 0;
  while (sent.length < count) {
    if (!pacer.maySend(now)) {
      assert(pacer.at > now);
      now = pacer.at;
      pacer.tick(now);
      assertEquals(pacer.at, Infinity);
      continue;
    }
    pacer.sent(PACKET, window, roundTrip, now);
    sent.push(now);
  }
  return sent;
}

Deno.test("a window goes out in a part of a round trip, evenly", none, () => {
  const window = new CongestionWindow(PACKET);
  window.size = 10 * PACKET;
  const fast = times(new Pacer(), window, 100, 11);
  // Twice as fast as it is acked, in slow start.
  assert(Math.abs(fast.at(-1)! - 50) < 6, `${fast}`);
  window.isSlowStart = false;
  const slow = times(new Pacer(), window, 100, 11);
  assert(Math.abs(slow.at(-1)! - 80) < 10, `${slow}`);
  for (let i = 2; i < 11; i++) {
    assert(Math.abs(slow[i]! - slow[i - 1]! - 8) < 1e-6, `${slow}`);
  }
});

Deno.test("a burst is what goes out in four ms", none, () => {
  const window = new CongestionWindow(PACKET);
  window.size = 1000 * PACKET;
  const sent = times(new Pacer(), window, 100, 200);
  // 20 packets a ms.
  assertEquals(sent.filter((at) => at === 0).length, 81);
});

Deno.test("short and unknown round trips are not paced", none, () => {
  const window = new CongestionWindow(PACKET);
  for (const roundTrip of [0, 4.9]) {
    assertEquals(times(new Pacer(), window, roundTrip, 50).at(-1), 0);
  }
  assert(times(new Pacer(), window, 5, 50).at(-1)! > 0);
});
