import { assert, assertEquals, assertThrows } from "@std/assert";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { drain, SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

/** Takes without end; what it got so far. */
function taker(
  limiter: RateLimiter,
  bytes: number,
  options: { whole?: boolean; isGone?: () => boolean } = {},
): { got: number; stop: boolean } {
  const state = { got: 0, stop: false };
  void (async () => {
    while (!state.stop) {
      const granted = await limiter.take(bytes, options);
      if (state.stop) return;
      state.got += granted;
      await Promise.resolve();
    }
  })();
  return state;
}

Deno.test(
  "RateLimiter.tryTake() takes as long as nothing is owed",
  none,
  async () => {
    const clock = new SimClock();
    const limiter = new RateLimiter({ clock, bytesPerSecond: 1_000 });
    const child = new RateLimiter({ clock, parent: limiter });
    assertEquals(limiter.tryTake(5_000), true);
    assertEquals([limiter.tryTake(1), child.tryTake(1)], [false, false]);
    await clock.advance(4_000);
    assertEquals(limiter.tryTake(1), false);
    await clock.advance(2_000);
    assertEquals([child.tryTake(1), limiter.tryTake(1)], [true, true]);
  },
);

Deno.test("RateLimiter passes everything without a limit", none, () => {
  const limiter = new RateLimiter({ clock: new SimClock() });
  for (let i = 0; i < 100; i++) assertEquals(limiter.take(1e9), 1e9);
  assertEquals([limiter.isOpen, limiter.tryTake(1e9)], [true, true]);
});

for (const whole of [false, true]) {
  Deno.test(
    `RateLimiter holds the rate in every quarter of a second, fairly (${
      whole ? "whole" : "parts"
    })`,
    none,
    async () => {
      for (
        const [rate, count] of [[20_000, 3], [200_000, 30], [5e6, 100]] as const
      ) {
        const clock = new SimClock();
        const limiter = new RateLimiter({ clock, bytesPerSecond: rate });
        // Those that want more get no more than the others.
        const takers = Array.from(
          { length: count },
          (_, i) =>
            taker(limiter, whole ? 1_024 : i % 2 === 0 ? 16_384 : 262_144, {
              whole,
            }),
        );
        await clock.advance(1_000);
        const sum = () => takers.reduce((sum, { got }) => sum + got, 0);
        let last = sum();
        const before = takers.map(({ got }) => got);
        const start = last;
        for (let i = 0; i < 40; i++) {
          await clock.advance(250);
          const passed = sum() - last;
          last += passed;
          assert(
            Math.abs(passed - rate / 4) <= rate / 20 + 16_640,
            `${passed} bytes in a quarter of a second at ${rate}`,
          );
        }
        const shares = takers.map(({ got }, i) => got - before[i]!);
        const mean = (sum() - start) / count;
        assert(
          Math.min(...shares) > mean * 0.7 && Math.max(...shares) < mean * 1.4,
          `${Math.min(...shares)} to ${Math.max(...shares)} at ${rate}`,
        );
        for (const taker of takers) taker.stop = true;
        limiter.close();
        await clock.advance(1);
        assertEquals(clock.pending, 0);
      }
    },
  );
}

Deno.test(
  "RateLimiter and its parent hold together, and waste nothing",
  none,
  async () => {
    const clock = new SimClock();
    const parent = new RateLimiter({ clock, bytesPerSecond: 100_000 });
    const slow = new RateLimiter({ clock, bytesPerSecond: 10_000, parent });
    const free = new RateLimiter({ clock, parent });
    const takers = [
      ...Array.from({ length: 20 }, () => taker(slow, 16_384)),
      taker(free, 16_384),
    ];
    await clock.advance(30_000);
    const got = takers.map(({ got }) => got);
    const bySlow = got.slice(0, 20).reduce((a, b) => a + b);
    assert(Math.abs(bySlow - 300_000) < 20_000, `${bySlow}`);
    // What the slow one leaves is not lost.
    assert(Math.abs(got[20]! - 2_700_000) < 100_000, `${got[20]}`);
    assertEquals(slow.share, 10_000);
    assertEquals(free.share, 50_000);
    for (const taker of takers) taker.stop = true;
    for (const limiter of [slow, free, parent]) limiter.close();
    await clock.advance(1);
    assertEquals(clock.pending, 0);
  },
);

Deno.test(
  "RateLimiter: what is paid afterwards is owed by everybody",
  none,
  async () => {
    const clock = new SimClock();
    const limiter = new RateLimiter({ clock, bytesPerSecond: 1_000 });
    assertEquals(limiter.take(0), 0);
    limiter.refund(-2_100);
    assertEquals(limiter.tryTake(1), false);
    let passed = false;
    void Promise.resolve(limiter.take(0)).then(() => passed = true);
    await clock.advance(1_900);
    assertEquals(passed, false);
    await clock.advance(200);
    assertEquals(passed, true);
    limiter.close();
  },
);

Deno.test(
  "RateLimiter lets waiters go when the limit is lifted, and when they are gone",
  none,
  async () => {
    const clock = new SimClock();
    const limiter = new RateLimiter({ clock, bytesPerSecond: 1000 });
    limiter.take(1_000_000, { whole: true });
    const results: number[] = [];
    let isGone = false;
    const note = (granted: number) => void results.push(granted);
    void Promise.resolve(limiter.take(7, { isGone: () => isGone })).then(note);
    void Promise.resolve(limiter.take(9)).then(note);
    await drain();
    assertEquals(results, []);
    isGone = true;
    limiter.rate = Infinity;
    await drain();
    assertEquals(results, [0, 9]);
    assertEquals(clock.pending, 0);
  },
);

Deno.test("RateLimiter refuses a rate that is not positive", none, () => {
  const limiter = new RateLimiter({ clock: new SimClock() });
  assertThrows(() => limiter.rate = 0, RangeError, "must be positive");
  assertThrows(() => limiter.rate = NaN, RangeError, "must be positive");
});

Deno.test(
  "RateLimiter: the smaller limit holds, of a torrent's and a session's",
  none,
  async () => {
    for (const [own, above] of [[20_000, 1e6], [1e6, 20_000]] as const) {
      const clock = new SimClock();
      const parent = new RateLimiter({ clock, bytesPerSecond: above });
      const limiter = new RateLimiter({ clock, bytesPerSecond: own, parent });
      const one = taker(limiter, 262_144);
      await clock.advance(1_000);
      let last = one.got;
      for (let i = 0; i < 20; i++) {
        await clock.advance(500);
        // Never in large lumps: parts are as small as the smaller limit wants.
        assert(
          one.got - last <= 15_000,
          `${one.got - last} of ${own}, ${above}`,
        );
        last = one.got;
      }
      one.stop = true;
      limiter.close();
      parent.close();
    }
  },
);

for (const whole of [false, true]) {
  Deno.test(
    `RateLimiter: turns by weight, and nothing is lost where only light ones wait (${
      whole ? "whole" : "parts"
    })`,
    none,
    async () => {
      for (const rate of [30_000, 1e6, 2e7]) {
        const clock = new SimClock();
        const parent = new RateLimiter({ clock, bytesPerSecond: rate });
        const weights = [1 / 3, 1, 3];
        const limiters = weights.map((weight) => {
          const limiter = new RateLimiter({ clock, parent });
          limiter.weight = weight;
          return limiter;
        });
        const takers = limiters.map((limiter) =>
          [0, 1].map(() => taker(limiter, 16_384, { whole }))
        );
        await clock.advance(100_000);
        const got = () =>
          takers.map((two) => two.reduce((sum, { got }) => sum + got, 0));
        const [low, normal, high] = got() as [number, number, number];
        assert(
          Math.abs(normal / low - 3) < 0.6 && Math.abs(high / normal - 3) < 0.6,
          `${low} ${normal} ${high} at ${rate}`,
        );
        assert(
          Math.abs(low + normal + high - rate * 100) < rate * 2 + 50_000,
          `${low + normal + high} at ${rate}`,
        );
        const part = weights[0]! / (1 / 3 + 1 + 3) * rate;
        assert(Math.abs(limiters[0]!.share - part) < 1);
        // The others want nothing any more.
        for (const one of takers.slice(1).flat()) one.stop = true;
        await clock.advance(5_000);
        const before = got()[0]!;
        await clock.advance(10_000);
        const alone = got()[0]! - before;
        assert(Math.abs(alone - rate * 10) < rate, `${alone} at ${rate}`);
        for (const one of takers.flat()) one.stop = true;
        for (const limiter of [...limiters, parent]) limiter.close();
        await clock.advance(1);
        assertEquals(clock.pending, 0);
      }
    },
  );
}
