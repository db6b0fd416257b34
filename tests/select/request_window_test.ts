import { assert, assertEquals, assertThrows } from "@std/assert";
import { RateMeter, RequestWindow } from "../../select/mod.ts";
import { BLOCK } from "./picker_world.ts";

const test = (name: string, fn: () => void) =>
  Deno.test({ name, permissions: "none", fn });

/** A peer that answers at a rate with a delay; returns the window at the end. */
function simulate(
  window: RequestWindow,
  bytesPerMs: number,
  delayMs: number,
  until: number,
): { received: number; most: number } {
  const queue: number[] = [];
  let credit = 0;
  let received = 0;
  let most = 0;
  for (let now = 0; now < until; now++) {
    const room = window.room(queue.length, now);
    for (let i = 0; i < room; i++) queue.push(now + delayMs);
    if (room > 0) window.requested(now);
    most = Math.max(most, queue.length);
    credit = Math.min(credit + bytesPerMs, 2 ** 22);
    while (queue.length > 0 && queue[0]! <= now && credit >= BLOCK) {
      queue.shift();
      credit -= BLOCK;
      received += BLOCK;
      window.received(BLOCK, queue.length, now);
    }
  }
  return { received, most };
}

test("RequestWindow holds three seconds of a steady rate", () => {
  const window = new RequestWindow({ limit: 500 });
  simulate(window, 1000, 50, 20_000);
  const expected = 3 * 1000 * 1000 / BLOCK;
  assert(Math.abs(window.size(20_000) - expected) < expected * 0.15);
});

test("RequestWindow never asks for more than the peer takes", () => {
  for (const limit of [1, 7, 250]) {
    const window = new RequestWindow({ limit });
    const { most } = simulate(window, 1e6, 1, 3000);
    assertEquals(most, limit);
  }
  for (const limit of [0, -5, NaN]) {
    assertEquals(new RequestWindow({ limit }).size(0), 1);
  }
});

test("RequestWindow fills a fast and a long line", () => {
  // 1 GiB/s with 1 ms, and 20 MiB/s with 200 ms.
  for (const [rate, delay] of [[2 ** 30 / 1000, 1], [20_971, 200]] as const) {
    const window = new RequestWindow({ limit: 2000 });
    const { received } = simulate(window, rate, delay, 5000);
    assert(received > rate * 5000 * 0.7, `${received} of ${rate * 5000}`);
  }
});

test("RequestWindow does not fall below its minimum for a slow peer", () => {
  const window = new RequestWindow();
  simulate(window, 1, 10, 100_000);
  assertEquals(window.size(100_000), 2);
});

test("RequestWindow asks in batches", () => {
  const window = new RequestWindow({ limit: 100, initial: 100 });
  assertEquals(window.room(0, 0), 100);
  assertEquals(window.room(80, 0), 0);
  assertEquals(window.room(75, 0), 25);
  assertEquals(window.room(200, 0), 0);
});

test("RequestWindow is one for a peer that snubs us", () => {
  const window = new RequestWindow({ snubMs: 30_000 });
  assertEquals(window.snubAt, undefined);
  window.requested(1000);
  window.requested(5000);
  assertEquals(window.snubAt, 31_000);
  assert(!window.isSnubbed(30_999));
  assert(window.isSnubbed(31_000));
  assertEquals(window.size(31_000), 1);
  // Giving up does not forgive, a block does.
  window.released();
  assertEquals(window.size(40_000), 1);
  window.received(BLOCK, 0, 41_000);
  assert(!window.isSnubbed(99_000));
  assert(window.size(41_000) > 1);
});

test("RequestWindow awaits nothing when nothing is asked", () => {
  const window = new RequestWindow();
  window.requested(0);
  window.received(BLOCK, 0, 10);
  assert(!window.isSnubbed(1e9));
  window.requested(1e9);
  window.released();
  assert(!window.isSnubbed(2e9));
});

test("RequestWindow starts anew after an unchoke", () => {
  const window = new RequestWindow({ snubMs: 10 });
  window.requested(0);
  assert(window.isSnubbed(10));
  window.restart();
  assertEquals(window.size(10), 8);
  assertEquals(window.rate(10), 0);
  // What was learnt before the choke is forgotten.
  for (let now = 20; now < 2000; now += 10) {
    window.requested(now);
    window.received(BLOCK, 5, now);
  }
  assert(window.size(1991) > 100);
  window.restart();
  assertEquals(window.size(2000), 8);
  assertEquals(window.rate(2000), 0);
});

test("RequestWindow refuses nonsense", () => {
  for (
    const options of [
      { min: 0 },
      { min: 5, max: 4 },
      { initial: 0 },
      {
        queueMs: 0,
      },
      { snubMs: -1 },
      { max: NaN },
    ]
  ) assertThrows(() => new RequestWindow(options), RangeError);
});

test("RateMeter measures the last five seconds", () => {
  const meter = new RateMeter();
  assertEquals(meter.rate(0), 0);
  for (let now = 0; now < 10_000; now += 10) meter.add(100, now);
  assert(Math.abs(meter.rate(10_000) - 10_000) < 500);
  assertEquals(meter.rate(20_000), 0);
  assertEquals(meter.total, 100_000);
  for (let now = 20_000; now < 25_000; now += 10) meter.add(50, now);
  assert(Math.abs(meter.rate(25_000) - 5000) < 300);
});

test("RateMeter does not stretch a short history", () => {
  const meter = new RateMeter();
  meter.add(1000, 5);
  assertEquals(meter.rate(5), 4000);
  meter.reset();
  assertEquals(meter.rate(6), 0);
  assertEquals(meter.total, 1000);
});

test("RateMeter agrees with a sum over all it was given", () => {
  const meter = new RateMeter();
  const events: [number, number][] = [];
  let now = 0;
  for (let i = 1; i < 2000; i++) {
    now += i * 7919 % 97;
    meter.add(i % 13, now);
    events.push([now, i % 13]);
    const from = (Math.floor(now / 250) - 19) * 250;
    let sum = 0;
    for (const [at, bytes] of events) if (at >= from) sum += bytes;
    const span = Math.min(4750 + now % 250, Math.max(250, now - events[0]![0]));
    assert(Math.abs(meter.rate(now) - sum * 1000 / span) < 1e-6);
  }
});
