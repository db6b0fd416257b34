import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { RateGuard } from "../../../dht/server/rate_guard.ts";

const none = { permissions: "none" } as const;

Deno.test("50 packets in 10 s, then 5 minutes of silence", none, () => {
  const guard = new RateGuard();
  for (let i = 0; i < 50; i++) assertEquals(guard.admit("a", 9_999), "accept");
  assertEquals(guard.admit("b", 9_999), "accept");
  assertEquals(guard.admit("a", 9_999), "ban");
  assertEquals(guard.admit("a", 9_999), "banned");
  assertEquals(guard.admit("a", 309_998), "banned");
  assert(guard.isBanned("a", 309_998));
  assertFalse(guard.isBanned("b", 309_998));
  assertEquals(guard.admit("a", 309_999), "accept");
  assertEquals(guard.banCount, 0);
  for (let i = 0; i < 49; i++) {
    assertEquals(guard.admit("a", 310_000), "accept");
  }
  assertEquals(guard.admit("a", 310_000), "ban");
});

Deno.test("a steady 5 packets a second are no flood", none, () => {
  const guard = new RateGuard();
  for (let now = 0; now < 600_000; now += 200) {
    assertEquals(guard.admit("a", now), "accept");
    if (now % 1000 === 0) assertEquals(guard.admit("b", now), "accept");
  }
});

Deno.test("a flood from many addresses is counted within bounds", none, () => {
  const guard = new RateGuard({ maxTracked: 100 });
  for (let i = 0; i < 51; i++) guard.admit("bad", 0);
  for (let i = 0; i < 10_000; i++) {
    assertEquals(guard.admit(`10.0.${i >> 8}.${i & 255}`, 1), "accept");
  }
  assertEquals(guard.trackedCount, 100);
  // Addresses that come and go do not end a ban.
  assertEquals(guard.admit("bad", 2), "banned");
  for (let i = 0; i < 200; i++) guard.ban(`h${i}`, 3);
  assertEquals(guard.banCount, 100);
});

Deno.test("limits can be lifted, for loopback alone or for all", none, () => {
  const open = new RateGuard({
    maxPackets: Infinity,
    replyBytesPerSecond: Infinity,
  });
  const local = new RateGuard({ limitLoopback: false });
  for (let i = 0; i < 1000; i++) {
    assertEquals(open.admit("a", 0), "accept");
    assert(open.takeReply(1400, 0));
    assertEquals(local.admit("127.0.0.1", 0), "accept");
    assertEquals(local.admit("::1", 0), "accept");
    local.admit("a", 0);
  }
  assert(local.isBanned("a", 0));
  open.ban("a", 0);
  assertEquals(open.admit("a", 1), "banned");
});

Deno.test(
  "answers keep to 8000 bytes a second with a burst of 3 s",
  none,
  () => {
    const guard = new RateGuard();
    let sent = 0;
    for (let now = 0; now <= 10_000; now += 10) {
      for (let i = 0; i < 5; i++) if (guard.takeReply(300, now)) sent += 300;
    }
    assert(sent <= 24_000 + 80_000, `${sent}`);
    assert(sent >= 24_000 + 79_000, `${sent}`);
    // What does not fit is not taken from what does.
    const small = new RateGuard({
      replyBytesPerSecond: 100,
      replyBurstMs: 1000,
    });
    assertFalse(small.takeReply(101, 0));
    assert(small.takeReply(100, 0));
    assertFalse(small.takeReply(1, 0));
    assert(small.takeReply(50, 500));
  },
);

Deno.test("a clock that jumps back gives nothing away", none, () => {
  const guard = new RateGuard({ replyBytesPerSecond: 100, replyBurstMs: 1000 });
  assert(guard.takeReply(100, 10_000));
  assertFalse(guard.takeReply(1, 5_000));
  assertFalse(guard.takeReply(1, 10_000));
});

Deno.test("options of the guard are checked", none, () => {
  assertThrows(
    () => new RateGuard({ maxPackets: 0 }),
    RangeError,
    "maxPackets",
  );
  assertThrows(() => new RateGuard({ banMs: NaN }), RangeError, "banMs");
});

Deno.test("an excused packet does not count", none, () => {
  const guard = new RateGuard();
  for (let i = 0; i < 200; i++) {
    assertEquals(guard.admit("192.0.2.1", i), "accept");
    guard.excuse("192.0.2.1");
  }
  guard.excuse("192.0.2.1");
  guard.excuse("192.0.2.2");
  let accepted = 0;
  while (guard.admit("192.0.2.1", 300) === "accept") accepted++;
  assertEquals(accepted, 50);
  assertEquals(guard.trackedCount, 0);
});

Deno.test("the addresses of an IPv6 /64 are one", none, () => {
  const guard = new RateGuard();
  const verdicts = Array.from(
    { length: 60 },
    (_, n) => guard.admit(`2a00:0:7:1::${n.toString(16)}`, 0),
  );
  assertEquals(verdicts.indexOf("ban"), 50);
  assertEquals(verdicts.slice(51), Array(9).fill("banned"));
  assert(guard.isBanned("2a00:0:7:1:ffff::1", 0));
  assertEquals(guard.admit("2a00:0:7:2::1", 0), "accept");
  assertEquals([guard.banCount, guard.trackedCount], [1, 1]);
  guard.excuse("2a00:0:7:2::2");
  guard.ban("2a00:0:7:2::3", 0);
  assertEquals(guard.admit("2a00:0:7:2::1", 0), "banned");
});
