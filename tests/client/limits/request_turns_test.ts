import { assertEquals } from "@std/assert";
import { RateLimiter } from "../../../client/limits/rate_limiter.ts";
import { RequestTurns } from "../../../client/limits/request_turns.ts";
import { SimClock } from "../../../testing/sim_clock.ts";

Deno.test("RequestTurns ask for little at a time, of all in turn", {
  permissions: "none",
}, () => {
  const limit = new RateLimiter({
    clock: new SimClock(),
    bytesPerSecond: 65_536,
  });
  let peers = 2;
  const turns = new RequestTurns(limit, () => peers);
  assertEquals(turns.isLimited, true);
  // Four blocks a second for two peers.
  assertEquals(turns.room(1, 0, 100, 0, 0), 2);
  assertEquals(turns.room(1, 2, 100, 2, 0), 0);
  assertEquals(turns.room(2, 0, 1, 2, 0), 1);
  // Thirty peers: a block each, but no more than two seconds' worth in all.
  peers = 30;
  assertEquals(turns.room(3, 0, 100, 3, 249), 2);
  assertEquals(turns.room(3, 0, 100, 7, 250), 1);
  assertEquals(turns.room(4, 0, 100, 8, 250), 0);
  assertEquals(turns.room(5, 0, 100, 8, 250), 0);
  assertEquals(turns.after(3), [4, 5, 3]);
  assertEquals(turns.after(3), [3]);
  // One that has what it may have waits for no turn.
  assertEquals(turns.room(6, 1, 100, 8, 250), 0);
  assertEquals(turns.after(3), [3]);
  limit.rate = Infinity;
  assertEquals(turns.isLimited, false);
});
