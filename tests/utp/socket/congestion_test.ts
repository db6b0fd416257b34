import { assert, assertEquals } from "@std/assert";
import { CongestionWindow } from "../../../utp/socket/congestion.ts";

const none = { permissions: "none" } as const;
const PACKET = 1452;

/** A window that has grown to about half a megabyte without delay. */
function grown(): CongestionWindow {
  const window = new CongestionWindow(PACKET);
  while (window.size < 500_000) ack(window, 1, 1000);
  // Slow start is over after the first loss, and nothing comes back of many.
  for (let i = 0; i < 3; i++) window.lost(1, 2, 0);
  while (window.size < 500_000) ack(window, 1, 1000);
  return window;
}

/** All of a window is acked, some times. */
function ack(
  window: CongestionWindow,
  roundTrips: number,
  delay: number | undefined,
  isFull = true,
): void {
  for (let i = 0; i < roundTrips; i++) {
    const packets = Math.floor(window.size / PACKET);
    for (let n = 0; n < packets; n++) {
      window.acked(PACKET, delay, packets * PACKET, 100, isFull);
    }
  }
}

Deno.test("slow start doubles, and ends where a queue builds up", none, () => {
  const window = new CongestionWindow(PACKET);
  assertEquals(window.size, 8 * PACKET);
  ack(window, 1, 0, false);
  assertEquals(window.size, 8 * PACKET);
  ack(window, 5, 24_999);
  assertEquals(window.size, 256 * PACKET);
  assert(window.isSlowStart);
  window.acked(PACKET, 25_000, window.size, 100, true);
  assertEquals([window.size, window.isSlowStart], [128 * PACKET, false]);
});

Deno.test(
  "slow start goes on after a loss by chance, not after many",
  none,
  () => {
    for (const losses of [1, 3]) {
      const window = new CongestionWindow(PACKET);
      ack(window, 5, 1000);
      for (let i = 0; i < losses; i++) window.lost(10, 300, 1000);
      assert(!window.isSlowStart);
      ack(window, 8, 1000);
      assertEquals(window.isSlowStart, losses === 1);
    }
    // A queue says that the path is full.
    const queued = new CongestionWindow(PACKET);
    ack(queued, 5, 10_000);
    queued.lost(10, 300, 1000);
    ack(queued, 8, 1000);
    assert(!queued.isSlowStart);
  },
);

Deno.test(
  "it grows by 3000 bytes a round trip, less near the target",
  none,
  () => {
    const window = grown();
    for (const [delay, bytes] of [[0, 3000], [50_000, 1500], [100_000, 0]]) {
      const before = window.size;
      ack(window, 1, delay!);
      assert(Math.abs(window.size - before - bytes!) < 40, `${delay}`);
    }
    const before = window.size;
    ack(window, 1, 0, false);
    ack(window, 1, undefined);
    assertEquals(window.size, before);
  },
);

Deno.test(
  "half of what is too much in the queue goes in a round trip",
  none,
  () => {
    const window = grown();
    const before = window.size;
    window.acked(before, 150_000, before, 200, true);
    // A quarter of the round trip is beyond the target.
    assert(Math.abs(window.size - before * 7 / 8) < 1, `${window.size}`);
    ack(window, 500, 10_000_000);
    assertEquals(window.size, PACKET);
  },
);

Deno.test(
  "a loss halves once for what was on the way, and in 100 ms",
  none,
  () => {
    const window = grown();
    const before = window.size;
    assert(window.lost(10, 300, 1000));
    assertEquals(window.size, before / 2);
    assert(!window.lost(299, 400, 1500));
    assert(window.lost(300, 400, 1500));
    assert(!window.lost(400, 500, 1599));
    assert(window.lost(400, 500, 1600));
    assertEquals(window.size, before / 8);
  },
);

Deno.test("what a loss without a queue took comes back fast", none, () => {
  const window = grown();
  const before = window.size;
  window.lost(10, 300, 1000);
  ack(window, 3, 1000);
  assert(window.size > 0.9 * before, `${window.size}`);
  ack(window, 10, 1000);
  assert(window.size < before + 40_000);

  // Many losses at a time look like a queue that was full, and so does delay.
  const several = grown();
  several.lost(10, 300, 1000);
  several.lost(11, 300, 1000);
  several.lost(12, 300, 1000);
  const queued = grown();
  ack(queued, 1, 4000);
  queued.lost(10, 300, 1000);
  for (const one of [several, queued]) {
    const halved = one.size;
    ack(one, 12, 1000);
    assert(one.size < halved + 40_000, `${one.size}`);
  }
  // Two may be chance.
  const two = grown();
  two.lost(10, 300, 1000);
  two.lost(11, 300, 1000);
  ack(two, 3, 3999);
  assert(two.size > 0.9 * before, `${two.size}`);
});

Deno.test(
  "a timeout begins anew, and is taken back if it was none",
  none,
  () => {
    const window = grown();
    const before = window.size;
    window.timedOut(300, 1000);
    assertEquals([window.size, window.isSlowStart], [PACKET, true]);
    ack(window, 7, 1000);
    assert(window.size < before / 2);
    ack(window, 2, 1000);
    assert(!window.isSlowStart);
    assert(Math.abs(window.size - before / 2) < 10_000);
    window.undo();
    assertEquals([window.size, window.isSlowStart], [before, false]);
    window.lost(300, 400, 3000);
    window.confirm();
    window.undo();
    assertEquals(window.size, before / 2);
  },
);

Deno.test("a cut that was taken back starts no second slow start", none, () => {
  const window = new CongestionWindow(PACKET);
  ack(window, 5, 1000);
  window.lost(1, 2, 1000);
  window.undo();
  assert(window.isSlowStart);
  window.acked(PACKET, 25_000, window.size, 100, true);
  assert(!window.isSlowStart);
  for (let i = 0; i < 100; i++) {
    ack(window, 1, 1000);
    assert(!window.isSlowStart, `${i}`);
  }
});

Deno.test("an idle window shrinks by a third, to a packet", none, () => {
  const window = grown();
  const before = window.size;
  window.idled();
  assertEquals(window.size, before * 2 / 3);
  for (let i = 0; i < 50; i++) window.idled();
  assertEquals(window.size, PACKET);
  window.packetSize = 3000;
  assertEquals(window.size, 3000);
});
