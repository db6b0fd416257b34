import { assert, assertEquals } from "@std/assert";
import { RateMeter } from "../../_shared/rate_meter.ts";
import { RequestWindow } from "../../select/mod.ts";
import { BLOCK } from "./picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

/** A peer that answers at a rate with a delay; returns the window at the end. */
function simulate(
  window: RequestWindow,
  meter: RateMeter,
  bytesPerMs: number,
  delayMs: number,
  until: number,
): { received: number; most: number } {
  const queue: number[] = [];
  let credit = 0;
  let received = 0;
  let most = 0;
  for (let now = 0; now < until; now++) {
    const room = RequestWindow.room(
      queue.length,
      window.size(meter.rate(now)),
    );
    for (let i = 0; i < room; i++) queue.push(now + delayMs);
    most = Math.max(most, queue.length);
    credit = Math.min(credit + bytesPerMs, 2 ** 22);
    while (queue.length > 0 && queue[0]! <= now && credit >= BLOCK) {
      queue.shift();
      credit -= BLOCK;
      received += BLOCK;
      meter.add(BLOCK, now);
      window.received(meter.rate(now), now);
    }
  }
  return { received, most };
}

test("RequestWindow holds three seconds of a steady rate", () => {
  const window = new RequestWindow();
  const meter = new RateMeter();
  simulate(window, meter, 1000, 50, 20_000);
  const expected = 3 * 1000 * 1000 / BLOCK;
  const size = window.size(meter.rate(20_000));
  assert(Math.abs(size - expected) < expected * 0.15);
});

test("RequestWindow fills a fast and a long line", () => {
  // 1 GiB/s with 1 ms, and 20 MiB/s with 200 ms.
  for (const [rate, delay] of [[2 ** 30 / 1000, 1], [20_971, 200]] as const) {
    const window = new RequestWindow();
    const { received } = simulate(
      window,
      new RateMeter(),
      rate,
      delay,
      5000,
    );
    assert(received > rate * 5000 * 0.7, `${received} of ${rate * 5000}`);
  }
});

test("RequestWindow does not fall below its minimum for a slow peer", () => {
  const window = new RequestWindow();
  const meter = new RateMeter();
  simulate(window, meter, 1, 10, 100_000);
  assertEquals(window.size(meter.rate(100_000)), 2);
});

test("RequestWindow asks in batches", () => {
  assertEquals(RequestWindow.room(0, 100), 100);
  assertEquals(RequestWindow.room(80, 100), 0);
  assertEquals(RequestWindow.room(75, 100), 25);
  assertEquals(RequestWindow.room(200, 100), 0);
});

test("RequestWindow holds less of what is to come soon", () => {
  const window = new RequestWindow();
  const sizes = (queueMs?: number) =>
    [0, 1, 2, 6, 10, 100].map((blocks) =>
      window.size(blocks * BLOCK, false, queueMs)
    );
  assertEquals(sizes(500), [2, 2, 2, 4, 5, 50]);
  assertEquals(sizes(3_000), [4, 4, 6, 18, 30, 300]);
  assertEquals(sizes(), sizes(3_000));
  for (const [now, rate] of [[0, 1], [500, 1], [1000, 1]] as const) {
    window.received(rate, now);
  }
  assertEquals(window.isStarting, false);
  assertEquals(sizes(500), [2, 2, 2, 3, 5, 50]);
  assertEquals(sizes(3_000), [2, 3, 6, 18, 30, 300]);
  assertEquals(window.size(1e9), 2_000);
});

test("RequestWindow grows while half a second brings a tenth more", () => {
  for (
    const [rates, isStarting] of [
      [[[0, 9], [500, 1000], [1000, 1100]], true],
      [[[0, 9], [500, 1000], [1000, 1099]], false],
      [[[0, 9], [500, 1000], [999, 0]], true],
      [[[0, 9], [499, 1000], [999, 0]], true],
      // The first half second has nothing to be held against.
      [[[7_000, 9], [7_499, 0], [7_500, 0]], true],
    ] as const
  ) {
    const window = new RequestWindow();
    for (const [now, rate] of rates) window.received(rate, now);
    assertEquals(window.isStarting, isStarting, `${rates}`);
  }
});

test("RequestWindow is one for a peer that snubs us", () => {
  const window = new RequestWindow();
  assertEquals([window.size(1e6, true), window.size(0, false)], [1, 4]);
});

test("RequestWindow starts anew after an unchoke", () => {
  const window = new RequestWindow();
  for (let now = 20; now < 2000; now += 10) window.received(1e6, now);
  assert(window.size(1e6) > 100);
  window.restart();
  assertEquals(window.size(0), 4);
});
