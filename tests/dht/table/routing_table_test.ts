import { assert, assertEquals, assertThrows } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { randomInt, seededRandom } from "../../../_shared/random.ts";
import { decodeCompactNodes } from "../../../dht/compact_node.ts";
import {
  compareNodeDistance,
  randomNodeId,
  randomNodeIdNear,
  sharedPrefixBits,
} from "../../../dht/node_id.ts";
import {
  countWaiting,
  fill,
  fresh,
  makeTable,
  MINUTE,
  near,
  ownId,
  random,
  stateOf,
} from "./routing_world.ts";

const none = { permissions: "none" } as const;

Deno.test("closest equals brute force over random tables", none, () => {
  const seed = 77;
  console.log(`seed ${seed}`);
  const rng = seededRandom(seed);
  for (let round = 0; round < 40; round++) {
    const table = makeTable();
    const size = randomInt(rng, 400);
    for (let i = 0; i < size; i++) {
      // Half of them close to us, so that deep buckets have nodes.
      const id = i % 2 === 0
        ? randomNodeId(rng)
        : randomNodeIdNear(ownId, randomInt(rng, 160), rng);
      const now = randomInt(rng, 20) * MINUTE;
      const address = fresh();
      table.responded(id, address, now);
      for (let k = randomInt(rng, 4); k > 1; k--) {
        table.failed(id, address, now);
      }
    }
    const now = 20 * MINUTE;
    for (let trial = 0; trial < 40; trial++) {
      const target = [
        () => randomNodeId(rng),
        () => randomNodeIdNear(ownId, randomInt(rng, 160), rng),
        () => ownId,
        () => [...table.nodes()][0]?.id ?? ownId,
      ][trial % 4]!();
      const count = [1, 8, 20, 1000][trial % 3 + (trial === 39 ? 1 : 0)]!;
      for (const filter of ["good", "usable", "any"] as const) {
        const expected = [...table.nodes()].filter((node) => {
          const state = stateOf(table, node.id, now);
          return filter === "any" || state === "good" ||
            (filter === "usable" && state === "questionable");
        }).sort((a, b) => compareNodeDistance(target, a.id, b.id))
          .slice(0, count);
        const found = table.closest(target, count, now, filter);
        assertEquals(
          found.map((node) => toHex(node.id)),
          expected.map((node) => toHex(node.id)),
        );
        const packed = table.closestCompact(target, count, now, filter);
        assertEquals(
          decodeCompactNodes(packed, 4).map((node) => toHex(node.id)),
          expected.map((node) => toHex(node.id)),
        );
      }
    }
  }
});

Deno.test("every bucket is sorted and bounded", none, () => {
  const table = makeTable();
  for (let i = 0; i < 160; i++) {
    const capacity = [128, 64, 32, 16][i] ?? 8;
    // The last buckets have fewer ids than places.
    const ids = new Set<string>();
    for (let k = 0; k < 300 && ids.size < capacity + 4; k++) {
      const id = near(i);
      if (ids.has(toHex(id))) continue;
      ids.add(toHex(id));
      const update = table.responded(id, fresh(), 0);
      assertEquals(update.type, ids.size <= capacity ? "added" : "waiting");
    }
  }
  assertEquals(table.closest(ownId, 0, 0), []);
  assertEquals(table.closestCompact(ownId, 3, 0).length, 3 * 26);
  const counts = new Map<number, number>();
  for (const { id } of table.nodes()) {
    const bits = sharedPrefixBits(ownId, id);
    counts.set(bits, (counts.get(bits) ?? 0) + 1);
  }
  assertEquals(counts.get(0), 128);
  assertEquals(counts.get(3), 16);
  assertEquals(counts.get(100), 8);
  assertEquals(counts.get(157), 4);
  assertEquals(counts.get(158), 2);
  assertEquals(counts.get(159), 1);
  assertEquals(table.size, [...counts.values()].reduce((a, b) => a + b));
  assert(countWaiting(table) > 300);
});

Deno.test("nodes of the last bucket are marked", none, () => {
  const table = makeTable();
  const [node] = fill(table, 159, 1);
  const { id, address } = node!;
  assertEquals(stateOf(table, id, 0), "good");
  assertEquals(table.queried(id, address, 5).type, "updated");
  assertEquals(table.find(id)?.lastQueryAt, 5);
  table.failed(id, address, 6);
  assertEquals(stateOf(table, id, 6), "questionable");
  table.failed(id, address, 7);
  assertEquals(stateOf(table, id, 7), "bad");
  table.responded(id, address, 8);
  assertEquals(stateOf(table, id, 8), "good");
});

Deno.test(
  "a node is good for 15 minutes after an answer or a query",
  none,
  () => {
    const table = makeTable();
    const [{ id, address } = { id: ownId, address: fresh() }] = fill(
      table,
      0,
      1,
    );
    const state = (now: number) => stateOf(table, id, now);
    assertEquals(state(15 * MINUTE - 1), "good");
    assertEquals(state(15 * MINUTE), "questionable");
    table.queried(id, address, 15 * MINUTE);
    assertEquals(state(15 * MINUTE), "good");
    assertEquals(state(30 * MINUTE), "questionable");
    assertEquals(table.countGood(30 * MINUTE - 1), 1);
    assertEquals(table.countGood(30 * MINUTE), 0);
  },
);

Deno.test(
  "our own id, names, port 0 and the other family are refused",
  none,
  () => {
    const table = makeTable();
    const reason = (id: Uint8Array, hostname: string, port: number) => {
      const update = table.responded(id, { hostname, port }, 0);
      return update.type === "rejected" && update.reason;
    };
    assertEquals(reason(ownId, "1.2.3.4", 1), "own-id");
    assertEquals(reason(near(1), "a.example", 1), "bad-address");
    assertEquals(reason(near(1), "1.2.3.4", 0), "bad-address");
    assertEquals(reason(near(1), "1.2.3.4", 65536), "bad-address");
    assertEquals(reason(near(1), "2001:db8::1", 1), "bad-address");
    assertEquals(reason(near(1).subarray(1), "1.2.3.4", 1), "bad-address");
    assertEquals(table.size, 0);
    assertThrows(
      () => makeTable({ ownId: ownId.subarray(1) }),
      RangeError,
      "19",
    );
    assertThrows(() => makeTable({ firstBucketSizes: [0] }), RangeError, "0");
    assertThrows(() => table.closest(ownId.subarray(1), 8, 0), RangeError);
  },
);

Deno.test("one node an address and a subnet", none, () => {
  const table = makeTable();
  const reason = (hostname: string, port = 1) => {
    const update = table.responded(near(1), { hostname, port }, 0);
    return update.type === "rejected" ? update.reason : update.type;
  };
  assertEquals(reason("192.0.2.1"), "added");
  assertEquals(reason("192.0.2.1", 2), "address-taken");
  assertEquals(reason("192.0.2.200"), "subnet-taken");
  assertEquals(reason("::ffff:192.0.2.1", 3), "address-taken");
  assertEquals(reason("192.0.3.1"), "added");
  const table6 = makeTable({ family: 6 });
  const type = (hostname: string) =>
    table6.responded(near(1), { hostname, port: 1 }, 0).type;
  assertEquals(type("2001:db8::1"), "added");
  assertEquals(type("2001:db8:0:0:ffff::1"), "rejected");
  assertEquals(type("2001:db8:0:1::1"), "added");
  // In a local network all share a subnet, and each is a machine.
  assertEquals(reason("192.168.7.1"), "added");
  assertEquals(reason("192.168.7.2"), "added");
  assertEquals(reason("192.168.7.2", 2), "address-taken");
  assertEquals(type("fd00::1"), "added");
  assertEquals(type("fd00::2"), "added");
});

Deno.test("a Sybil cluster of one subnet gets one place", none, () => {
  const table = makeTable();
  const target = near(20);
  for (let i = 1; i < 255; i++) {
    const id = randomNodeIdNear(target, 40 + i % 100, random);
    table.responded(id, { hostname: `203.0.113.${i}`, port: i }, 0);
  }
  assertEquals(table.size, 1);
});

Deno.test("without the restriction, ports tell nodes apart", none, () => {
  const table = makeTable({ restrictAddresses: false });
  for (let port = 1; port <= 9; port++) {
    const update = table.responded(near(9), { hostname: "127.0.0.1", port }, 0);
    assertEquals(update.type, port <= 8 ? "added" : "waiting");
  }
  assertEquals(table.size, 8);
  // All of them may wait, too: they are no neighbours of each other.
  for (let port = 10; port <= 20; port++) {
    table.responded(near(9), { hostname: "127.0.0.1", port }, 0);
  }
  assertEquals(countWaiting(table), 8);
});

Deno.test("an id stays with its address", none, () => {
  const table = makeTable();
  const [node] = fill(table, 3, 1);
  const impostor = table.responded(node!.id, fresh(), 0);
  assertEquals(impostor, { type: "rejected", reason: "id-taken" });
  const forged = table.queried(node!.id, fresh(), 0);
  assertEquals(forged, { type: "rejected", reason: "id-taken" });
  assertEquals(table.find(node!.id)?.address, node!.address);
  // A bad node gives it up.
  for (let i = 0; i < 2; i++) table.failed(node!.id, node!.address, 0);
  const moved = fresh();
  assertEquals(table.responded(node!.id, moved, 0).type, "added");
  assertEquals(table.find(node!.id)?.address, moved);
  assertEquals(table.size, 1);
});

Deno.test("a node that changes its id leaves first", none, () => {
  const table = makeTable();
  const [node] = fill(table, 3, 1);
  const id = near(4);
  const update = table.responded(id, node!.address, 1);
  assertEquals(update, { type: "rejected", reason: "id-changed" });
  assertEquals(table.size, 0);
  assertEquals(table.responded(id, node!.address, 2).type, "added");
});

Deno.test(
  "with a new id of ours, nodes move to their new buckets",
  none,
  () => {
    const table = makeTable();
    for (let i = 0; i < 60; i++) fill(table, i, 1, i);
    const id = randomNodeId(random);
    const before = new Set([...table.nodes()].map((node) => toHex(node.id)));
    table.setOwnId(id, 1000);
    assertEquals(table.ownId, id);
    for (const node of table.nodes()) {
      assert(before.has(toHex(node.id)));
      assertEquals(table.find(node.id), node);
    }
    const target = randomNodeId(random);
    assertEquals(
      table.closest(target, 1000, 1000).map((node) => toHex(node.id)),
      [...table.nodes()].sort((a, b) => compareNodeDistance(target, a.id, b.id))
        .map((node) => toHex(node.id)),
    );
    assert(table.size >= 30);
  },
);

Deno.test("a random course of events keeps the table whole", none, () => {
  const seed = 4711;
  console.log(`seed ${seed}`);
  const rng = seededRandom(seed);
  const table = makeTable({ firstBucketSizes: [8] });
  const pool = Array.from({ length: 300 }, () => ({
    id: randomNodeIdNear(ownId, randomInt(rng, 30), rng),
    address: {
      hostname: `5.5.${randomInt(rng, 150)}.${randomInt(rng, 3)}`,
      port: 1 + randomInt(rng, 2),
    },
  }));
  let now = 0;
  for (let step = 0; step < 20_000; step++) {
    now += randomInt(rng, 2000);
    const { id } = pool[randomInt(rng, pool.length)]!;
    const { address } = pool[randomInt(rng, pool.length)]!;
    const own = pool.find((node) => node.id === id)!.address;
    switch (randomInt(rng, 6)) {
      case 0:
      case 1:
        table.responded(id, own, now);
        break;
      case 2:
        table.responded(id, address, now);
        break;
      case 3:
        table.failed(id, table.find(id)?.address ?? own, now);
        break;
      case 4:
        table.queried(id, own, now);
        table.nextUnverified(now);
        break;
      case 5:
        table.nextQuestionable(now);
        table.nextRefresh(now);
    }
    if (step % 50 !== 0) continue;
    const nodes = [...table.nodes()];
    assertEquals(table.size, nodes.length);
    const keys = (key: (node: typeof nodes[number]) => string) =>
      new Set(nodes.map(key)).size;
    assertEquals(keys((node) => toHex(node.id)), nodes.length);
    assertEquals(
      keys((node) => node.ip.subarray(0, 3).join(".")),
      nodes.length,
    );
    const buckets = new Map<number, number>();
    for (const node of nodes) {
      const bits = sharedPrefixBits(ownId, node.id);
      buckets.set(bits, (buckets.get(bits) ?? 0) + 1);
      assert(buckets.get(bits)! <= 8);
      assertEquals(table.find(node.id), node);
    }
    assert(table.unverifiedSize <= 256);
    assertEquals(table.closest(ownId, 1000, now, "any").length, nodes.length);
  }
});
