import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { RateGuard } from "../../../dht/server/rate_guard.ts";

const none = { permissions: "none" } as const;

Deno.test("50 packets in 10 s, then 5 minutes of silence", none, () => {
  const guard = new RateGuard();
  for (let i = 0; i < 50; i++) assertEquals(guard.admit("a", 9_999), true);
  assertEquals(guard.admit("b", 9_999), true);
  assertEquals(guard.admit("a", 9_999), false);
  assertEquals(guard.admit("a", 9_999), false);
  assertEquals(guard.admit("a", 309_998), false);
  assert(guard.admit("b", 309_998));
  assertEquals(guard.admit("a", 309_999), true);
  for (let i = 0; i < 49; i++) {
    assertEquals(guard.admit("a", 310_000), true);
  }
  assertEquals(guard.admit("a", 310_000), false);
});

Deno.test("a steady 5 packets a second are no flood", none, () => {
  const guard = new RateGuard();
  for (let now = 0; now < 600_000; now += 200) {
    assertEquals(guard.admit("a", now), true);
    if (now % 1000 === 0) assertEquals(guard.admit("b", now), true);
  }
});

Deno.test("4096 addresses are counted, and as many bans kept", none, () => {
  const guard = new RateGuard();
  const admit = (host: string, count: number) =>
    Array.from({ length: count }, () => guard.admit(host, 1)).at(-1);
  const others = (count: number, packets: number) => {
    for (let i = 0; i < count; i++) admit(`10.0.${i >> 8}.${i & 255}`, packets);
  };
  admit("bad", 51);
  admit("a", 50);
  others(4095, 1);
  assertFalse(guard.admit("a", 1));
  // Addresses that come and go do not end a ban.
  admit("b", 50);
  others(9000, 1);
  assert(admit("b", 50));
  assertFalse(guard.admit("bad", 2));
  others(4094, 51);
  assertFalse(guard.admit("bad", 2));
  admit("c", 51);
  assert(guard.admit("bad", 2));
});

Deno.test("limits can be lifted, for loopback alone or for all", none, () => {
  const open = new RateGuard({
    maxPackets: Infinity,
    replyBytesPerSecond: Infinity,
  });
  const local = new RateGuard({ limitLoopback: false });
  for (let i = 0; i < 1000; i++) {
    assertEquals(open.admit("a", 0), true);
    assert(open.takeReply("10.0.0.1", 1400, 0));
    assertEquals(local.admit("127.0.0.1", 0), true);
    assertEquals(local.admit("::1", 0), true);
    local.admit("a", 0);
  }
  assertFalse(local.admit("a", 0));
});

Deno.test(
  "answers keep to 8000 bytes a second with a burst of 3 s",
  none,
  () => {
    const guard = new RateGuard();
    let sent = 0;
    for (let now = 0; now <= 10_000; now += 10) {
      for (let i = 0; i < 5; i++) {
        if (guard.takeReply("10.0.0.1", 300, now)) sent += 300;
      }
    }
    assert(sent <= 24_000 + 80_000, `${sent}`);
    // Half of the burst is for others.
    assert(sent >= 12_000 + 79_000, `${sent}`);
    // What does not fit is not taken from what does.
    const small = new RateGuard({ replyBytesPerSecond: 100 });
    assertFalse(small.takeReply("10.0.0.1", 301, 0));
    assert(small.takeReply("10.0.0.1", 300, 0));
    assertFalse(small.takeReply("10.0.0.1", 1, 0));
    assertFalse(small.takeReply("10.0.1.1", 50, 1000));
    // A quarter of the burst is for those whose address is no forged one.
    assert(small.takeReply("10.0.1.1", 50, 1000, () => true));
    assert(small.takeReply("10.0.1.2", 50, 2000));
  },
);

Deno.test("some who ask much leave answers to others", none, () => {
  const guard = new RateGuard();
  let refused = 0;
  for (let now = 0; now < 60_000; now += 200) {
    for (let i = 0; i < 40; i++) guard.takeReply(`10.0.0.${i}`, 300, now);
    if (now % 5000 > 0) continue;
    if (!guard.takeReply(`10.1.${now / 5000}.1`, 300, now)) refused++;
  }
  assertEquals(refused, 0);
});

Deno.test(
  "hundreds of sites that ask much leave answers to others",
  none,
  () => {
    const guard = new RateGuard();
    let refused = 0;
    for (let now = 0; now < 60_000; now += 250) {
      for (let i = 0; i < 400; i++) {
        guard.takeReply(`10.${i >> 8}.${i & 255}.1`, 300, now);
      }
      if (now < 20_000 || now % 1000 > 0) continue;
      if (!guard.takeReply(`10.9.${now / 1000}.1`, 300, now)) refused++;
    }
    assertEquals(refused, 0);
  },
);

Deno.test("a clock that jumps back gives nothing away", none, () => {
  const guard = new RateGuard({ replyBytesPerSecond: 100 });
  assert(guard.takeReply("10.0.0.1", 300, 10_000));
  assertFalse(guard.takeReply("10.0.0.1", 1, 5_000));
  assertFalse(guard.takeReply("10.0.0.1", 1, 10_000));
});

Deno.test("options of the guard are checked", none, () => {
  assertThrows(
    () => new RateGuard({ maxPackets: 0 }),
    RangeError,
    "maxPackets",
  );
  const wrong = { replyBytesPerSecond: NaN };
  assertThrows(() => new RateGuard(wrong), RangeError, "replyBytesPerSecond");
});

Deno.test("an excused packet does not count", none, () => {
  const guard = new RateGuard();
  for (let i = 0; i < 200; i++) {
    assertEquals(guard.admit("192.0.2.1", i), true);
    guard.excuse("192.0.2.1");
  }
  guard.excuse("192.0.2.1");
  guard.excuse("192.0.2.2");
  let accepted = 0;
  while (guard.admit("192.0.2.1", 300)) accepted++;
  assertEquals(accepted, 50);
});

Deno.test("the addresses of an IPv6 /64 are one", none, () => {
  const guard = new RateGuard();
  const verdicts = Array.from(
    { length: 60 },
    (_, n) => guard.admit(`2a00:0:7:1::${n.toString(16)}`, 0),
  );
  assertEquals(verdicts.indexOf(false), 50);
  assertFalse(verdicts.slice(50).some((verdict) => verdict));
  assertFalse(guard.admit("2a00:0:7:1:ffff::1", 0));
  for (let i = 0; i < 50; i++) assert(guard.admit("2a00:0:7:2::1", 0));
  guard.excuse("2a00:0:7:2::2");
  assert(guard.admit("2a00:0:7:2::3", 0));
  assertFalse(guard.admit("2a00:0:7:2::1", 0));
});
