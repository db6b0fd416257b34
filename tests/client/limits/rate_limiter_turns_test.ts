// Who that waits is served when, and how much it gets: to the millisecond.
import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

const none = { permissions: "none" } as const;

/** A limiter, who takes from it, and when each got how much. */
function setUp(bytesPerSecond: number, ...weights: number[]) {
  const clock = new SimClock();
  const parent = new RateLimiter({ clock, bytesPerSecond });
  const limiters = weights.map((weight) => {
    const limiter = new RateLimiter({ clock, parent });
    limiter.weight = weight;
    return limiter;
  });
  const log: [name: string, now: number, bytes: number][] = [];
  const take = (
    name: string,
    bytes: number,
    options: { by?: RateLimiter; whole?: boolean; isGone?: boolean } = {},
  ) => {
    const { by = parent, whole = false, isGone = false } = options;
    const granted = by.take(bytes, { whole, isGone: () => isGone });
    if (typeof granted === "number") log.push([name, clock.now(), granted]);
    else void granted.then((got) => log.push([name, clock.now(), got]));
  };
  /** Takes all that may pass at once. */
  const empty = () => parent.refund(-bytesPerSecond / 10);
  return { clock, parent, limiters, log, take, empty };
}

Deno.test(
  "RateLimiter lets a tenth of a second pass at once, half of it to one",
  none,
  () => {
    const { take, log, parent } = setUp(1e7);
    take("a", 1e9);
    take("a", 1e9);
    assertEquals(log, [["a", 0, 500_000], ["a", 0, 500_000]]);
    assertEquals(parent.tryTake(1), false);
    const small = setUp(1_000);
    small.take("a", 1e9);
    assertEquals(small.log, [["a", 0, 100]]);
  },
);

Deno.test(
  "RateLimiter shares what is there with those that are coming back",
  none,
  async () => {
    const { clock, take, log, empty } = setUp(1e7);
    empty();
    for (let i = 0; i < 20; i++) take("all", 1_000);
    await clock.advance(4);
    assertEquals(log, []);
    await clock.advance(1);
    assertEquals(log.splice(0), Array(20).fill(["all", 5, 1_000]));
    // Of 50000 bytes, those are left; a 19th of a round for the first.
    take("next", 1e9);
    assertEquals(log, [["next", 5, Math.ceil(500_000 / 19)]]);
  },
);

Deno.test(
  "RateLimiter gives nothing to who is gone, and others the rest",
  none,
  async () => {
    const { clock, take, log, empty } = setUp(1e6);
    empty();
    take("gone", 1e6, { whole: true, isGone: true });
    take("here", 1_000, { whole: true });
    await clock.advance(5);
    assertEquals(log, [["gone", 5, 0], ["here", 5, 1_000]]);
  },
);

Deno.test(
  "RateLimiter serves a lighter one after its turns, a moment later",
  none,
  async () => {
    const { clock, take, log, empty, limiters } = setUp(1e6, 1, 1 / 2, 1 / 3);
    empty();
    const [one, half, third] = limiters;
    take("one", 100, { by: one! });
    take("half", 100, { by: half! });
    take("third", 100, { by: third! });
    await clock.advance(5);
    // The second turn of the first would be at the same time as that of `half`.
    assertEquals(log.splice(0), [["one", 5, 100], ["half", 5, 100]]);
    await clock.advance(1);
    assertEquals(log.splice(0), [["third", 6, 100]]);
  },
);

Deno.test(
  "RateLimiter wakes when something may pass, at least five milliseconds apart",
  none,
  async () => {
    const { clock, take, log } = setUp(1_000);
    take("a", 150, { whole: true });
    take("b", 1, { whole: true });
    await clock.advance(50);
    assertEquals(log.splice(0), [["a", 0, 150]]);
    await clock.advance(1);
    assertEquals(log.splice(0), [["b", 51, 1]]);
    take("c", 1, { whole: true });
    await clock.advance(4);
    assertEquals(log, []);
    await clock.advance(1);
    assertEquals(log, [["c", 56, 1]]);
  },
);

Deno.test(
  "RateLimiter: who asked for nothing for three seconds has no share",
  none,
  async () => {
    const { clock, parent, limiters } = setUp(9_000, 1, 2);
    const [one, two] = limiters;
    assertEquals([one!.share, two!.share], [9_000, 9_000]);
    one!.take(1);
    two!.take(1);
    assertEquals([one!.share, two!.share], [3_000, 6_000]);
    await clock.advance(3_000);
    assertEquals(one!.share, 3_000);
    await clock.advance(1);
    one!.take(1);
    assertEquals(one!.share, 9_000);
    parent.close();
  },
);
