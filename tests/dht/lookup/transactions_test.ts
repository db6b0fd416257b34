import { assert, assertEquals, assertThrows } from "@std/assert";
import { seededRandom } from "../../../_shared/random.ts";
import { DhtTransactions } from "../../../dht/lookup/transactions.ts";

const none = { permissions: "none" } as const;
const alice = { hostname: "192.0.2.1", port: 6881 };

function make(maxOutstanding = 1024) {
  return new DhtTransactions<string>(seededRandom(1), maxOutstanding);
}

Deno.test(
  "DhtTransactions - an answer needs the id and the address",
  none,
  () => {
    const all = make();
    const id = all.open(alice, "one", 0)!;
    assertEquals(id.length, 4);
    assertEquals(all.match(id, { ...alice, port: 6882 }, 1), undefined);
    assertEquals(
      all.match(id, { hostname: "192.0.2.2", port: 6881 }, 1),
      undefined,
    );
    assertEquals(all.match(id.subarray(0, 3), alice, 1), undefined);
    const other = id.slice();
    other[0]! ^= 1;
    assertEquals(all.match(other, alice, 1), undefined);
    assertEquals(all.size, 1);
    assertEquals(all.match(id, alice, 1)?.context, "one");
    assertEquals(all.match(id, alice, 1), undefined);
    assertEquals(all.size, 0);
  },
);

Deno.test(
  "DhtTransactions - ids are random and never twice in use",
  none,
  () => {
    const all = make(300);
    const ids = new Set<string>();
    for (let i = 0; i < 300; i++) ids.add(all.open(alice, "", 0)!.join());
    assertEquals(ids.size, 300);
    assertEquals(all.room, 0);
    assertEquals(all.open(alice, "one more", 0), undefined);
    // Not a counter: the gaps between them differ.
    const sorted = [...ids].map((text) =>
      text.split(",").reduce((sum, byte) => sum * 256 + Number(byte), 0)
    );
    const gaps = new Set(sorted.slice(1).map((id, i) => id - sorted[i]!));
    assert(gaps.size > 290);
  },
);

Deno.test("DhtTransactions - slow first, then failed", none, () => {
  const all = make();
  assertEquals(all.deadline, undefined);
  const id = all.open(alice, "one", 0)!;
  all.open(alice, "two", 500);
  assertEquals(all.deadline, 1000);
  assertEquals(all.takeDue(999), []);
  const states = (at: number) =>
    all.takeDue(at).map((one) => [one.state, one.transaction.context]);
  assertEquals(states(1000), [["slow", "one"]]);
  assertEquals(all.deadline, 1500);
  assertEquals(states(1500), [["slow", "two"]]);
  assertEquals(all.deadline, 10_000);
  // A late answer is an answer.
  assertEquals(all.match(id, alice, 9000)?.context, "one");
  assertEquals(states(10_000), []);
  assertEquals(all.deadline, 10_500);
  assertEquals(states(10_500), [["failed", "two"]]);
  assertEquals([all.deadline, all.size], [undefined, 0]);
});

Deno.test(
  "DhtTransactions - one that is overdue at once is only failed",
  none,
  () => {
    const all = make();
    all.open(alice, "one", 0);
    assertEquals(all.takeDue(60_000).map((one) => one.state), ["failed"]);
  },
);

Deno.test(
  "DhtTransactions - timeouts follow the round trips, within limits",
  none,
  () => {
    const all = make();
    assertEquals([all.softTimeoutMs, all.timeoutMs], [1000, 10_000]);
    let now = 0;
    const roundTrip = (ms: number) => {
      const id = all.open(alice, "", now)!;
      now += ms;
      assert(all.match(id, alice, now) !== undefined);
    };
    for (let i = 0; i < 50; i++) roundTrip(1);
    assertEquals([all.softTimeoutMs, all.timeoutMs], [100, 2000]);
    for (let i = 0; i < 100; i++) roundTrip(i % 2 ? 150 : 250);
    assert(all.softTimeoutMs > 300 && all.softTimeoutMs < 600);
    for (let i = 0; i < 100; i++) roundTrip(4000);
    assertEquals([all.softTimeoutMs, all.timeoutMs], [1000, 10_000]);
  },
);

Deno.test("DhtTransactions - refuses impossible options", none, () => {
  assertThrows(() => make(0), RangeError, "maxOutstanding");
});

Deno.test(
  "DhtTransactions - an answer after the failure is known for 15 s, and teaches",
  none,
  () => {
    const all = make();
    for (let i = 0; i < 50; i++) {
      all.match(all.open(alice, "", i)!, alice, i + 1);
    }
    assertEquals(all.timeoutMs, 2000);
    // Round trips grow beyond the timeout: nothing answers in time any more.
    const open = (now: number) => {
      const id = all.open(alice, "late", now)!;
      assertEquals(all.takeDue(now + 2000).map((one) => one.state), ["failed"]);
      assertEquals(all.size, 0);
      return id;
    };
    const id = open(1000);
    assert(!all.expects(id, { ...alice, port: 1 }, 5000));
    assert(all.expects(id, alice, 5000));
    const found = all.match(id, alice, 5000);
    assertEquals([found?.context, found?.isLate], ["late", true]);
    assertEquals(all.match(id, alice, 5000), undefined);
    assert(all.timeoutMs > 4000, `${all.timeoutMs}`);
  },
);

Deno.test(
  "DhtTransactions - late answers are forgotten in time, and bounded",
  none,
  () => {
    const all = make(10);
    const first = all.open(alice, "first", 0)!;
    assertEquals(all.takeDue(10_000).length, 1);
    assertEquals(all.match(first, alice, 15_000), undefined);
    const ids: Uint8Array[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 10; i++) ids.push(all.open(alice, "", 20_000)!);
      assertEquals(all.room, 0);
      assertEquals(all.takeDue(30_000).length, 10);
    }
    const known = ids.filter((id) => all.expects(id, alice, 30_000));
    assertEquals(known, ids.slice(-10));
  },
);
