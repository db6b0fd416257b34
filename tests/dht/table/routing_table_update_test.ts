import { assert, assertEquals } from "@std/assert";
import { toHex } from "../../../_shared/bytes.ts";
import { secureNodeId, sharedPrefixBits } from "../../../dht/node_id.ts";
import {
  countWaiting,
  fill,
  fresh,
  makeTable,
  MINUTE,
  near,
  ownId,
  random,
} from "./routing_world.ts";

const none = { permissions: "none" } as const;

Deno.test(
  "questionable nodes are pinged before they are replaced",
  none,
  () => {
    const table = makeTable();
    const old = fill(table, 9, 8, 0);
    // All good: the newcomer waits.
    assertEquals(table.responded(near(9), fresh(), 0).type, "waiting");
    const now = 16 * MINUTE;
    for (const { id, address } of old.slice(1)) {
      table.responded(
        id,
        address,
        now,
      );
    }
    const newcomer = { id: near(9), address: fresh() };
    const update = table.responded(newcomer.id, newcomer.address, now);
    assert(update.type === "ping");
    assertEquals(update.node.id, old[0]!.id);
    assertEquals(table.find(newcomer.id), undefined);
    // It is not pinged twice in a row.
    assertEquals(table.responded(near(9), fresh(), now).type, "waiting");
    const { id, address } = old[0]!;
    const retry = table.failed(id, address, now);
    assert(retry.type === "ping" && retry.node.id === update.node.id);
    const replaced = table.failed(id, address, now);
    assert(replaced.type === "added");
    assertEquals(replaced.removed?.id, id);
    assertEquals(table.find(id), undefined);
    assertEquals(table.size, 8);
  },
);

Deno.test("a questionable node that answers stays", none, () => {
  const table = makeTable();
  const old = fill(table, 9, 8, 0);
  const now = 16 * MINUTE;
  const update = table.responded(near(9), fresh(), now);
  assert(update.type === "ping");
  assertEquals(
    table.responded(update.node.id, update.node.address, now).type,
    "updated",
  );
  assertEquals([...table.nodes()].length, 8);
  for (const { id } of old) assert(table.find(id) !== undefined);
});

Deno.test("good nodes are never displaced, bad ones at once", none, () => {
  const table = makeTable();
  const old = fill(table, 9, 8, 0);
  for (let i = 0; i < 100; i++) table.responded(near(9), fresh(), 1);
  for (const { id } of old) assert(table.find(id) !== undefined);
  assertEquals(countWaiting(table), 8);
  // With nobody waiting, a bad node stays until somebody comes.
  const lonely = makeTable();
  const nodes = fill(lonely, 9, 8, 0);
  const { id, address } = nodes[3]!;
  lonely.failed(id, address, 1);
  assertEquals(lonely.failed(id, address, 1).type, "updated");
  const update = lonely.responded(near(9), fresh(), 2);
  assert(update.type === "added");
  assertEquals(update.removed?.id, id);
});

Deno.test("a silent node is dropped in the end", none, () => {
  const table = makeTable();
  const [node] = fill(table, 9, 1);
  const types = Array.from(
    { length: 6 },
    () => table.failed(node!.id, node!.address, 1).type,
  );
  assertEquals(types.slice(0, 5), Array(5).fill("updated"));
  assertEquals(types[5], "removed");
  assertEquals(table.size, 0);
  assertEquals(table.failed(node!.id, node!.address, 1), {
    type: "rejected",
    reason: "unknown-node",
  });
});

Deno.test(
  "a waiting node whose subnet is taken by then is passed over",
  none,
  () => {
    const table = makeTable();
    const old = fill(table, 9, 8);
    table.responded(near(9), { hostname: "198.51.100.1", port: 1 }, 0);
    table.responded(near(2), { hostname: "198.51.100.2", port: 1 }, 0);
    const { id, address } = old[0]!;
    table.failed(id, address, 1);
    assertEquals(table.failed(id, address, 1).type, "updated");
    assertEquals(countWaiting(table), 0);
  },
);

Deno.test(
  "nodes that only asked wait 90 seconds, and are not in answers",
  none,
  () => {
    const table = makeTable();
    fill(table, 0, 8);
    const id = near(12);
    const address = fresh();
    assertEquals(table.queried(id, address, 1000).type, "waiting");
    assertEquals(table.find(id), undefined);
    assertEquals(table.closest(id, 1, 1000)[0]?.id === id, false);
    assertEquals(table.nextUnverified(90_999), undefined);
    assertEquals(table.nextUnverified(91_000), { id, address });
    assertEquals(table.nextUnverified(91_000), undefined);
    // It joins when it answers.
    assertEquals(table.responded(id, address, 91_100).type, "added");
  },
);

Deno.test(
  "a small table verifies at once, and so does a vouched-for node",
  none,
  () => {
    const table = makeTable();
    const first = { id: near(2), address: fresh() };
    table.queried(first.id, first.address, 0);
    assertEquals(table.nextUnverified(0), first);
    fill(table, 0, 8);
    const saved = { id: near(2), address: fresh() };
    table.queried(saved.id, saved.address, 5);
    table.heard(saved.id, saved.address, 7);
    assertEquals(table.nextUnverified(6), undefined);
    assertEquals(table.nextUnverified(7), saved);
  },
);

Deno.test(
  "unverified nodes are bounded, and forgotten without a place",
  none,
  () => {
    const table = makeTable();
    for (let i = 0; i < 300; i++) table.queried(near(9), fresh(), 0);
    assertEquals(table.unverifiedSize, 256);
    // One address counts once, whatever ids it gives.
    const flood = makeTable();
    const address = fresh();
    for (let i = 0; i < 50; i++) flood.queried(near(9), address, 0);
    assertEquals(flood.unverifiedSize, 1);
    // Vouched-for nodes displace the oldest.
    const saved = { id: near(9), address: fresh() };
    table.heard(saved.id, saved.address, 0);
    assertEquals(table.unverifiedSize, 256);
    // A bucket full of good nodes needs none of them.
    fill(table, 9, 8);
    assertEquals(table.nextUnverified(MINUTE * 10), undefined);
    assertEquals(table.unverifiedSize, 0);
  },
);

Deno.test(
  "stale buckets are refreshed with random ids of their range",
  none,
  () => {
    const table = makeTable();
    fill(table, 0, 1, 0);
    fill(table, 5, 1, 10 * MINUTE);
    assertEquals(table.nextRefresh(15 * MINUTE - 1), undefined);
    const bits: number[] = [];
    for (
      let target = table.nextRefresh(16 * MINUTE);
      target !== undefined;
      target = table.nextRefresh(16 * MINUTE)
    ) bits.push(sharedPrefixBits(ownId, target));
    assertEquals(bits, [0, 1, 2, 3, 4]);
    assertEquals(table.nextRefresh(25 * MINUTE - 1), undefined);
    assertEquals(sharedPrefixBits(ownId, table.nextRefresh(25 * MINUTE)!), 5);
    const again = Array.from({ length: 2 }, () => {
      const target = table.nextRefresh(100 * MINUTE)!;
      return [sharedPrefixBits(ownId, target), toHex(target)] as const;
    });
    assertEquals(again.map(([bit]) => bit), [0, 1]);
  },
);

Deno.test(
  "questionable nodes are offered for a ping, the oldest first",
  none,
  () => {
    const table = makeTable();
    const [a] = fill(table, 3, 1, 1);
    const [b] = fill(table, 7, 1, 0);
    assertEquals(table.nextQuestionable(10 * MINUTE), undefined);
    const now = 16 * MINUTE;
    assertEquals(table.nextQuestionable(now)?.id, b!.id);
    assertEquals(table.nextQuestionable(now)?.id, a!.id);
    assertEquals(table.nextQuestionable(now + 59_999), undefined);
    assertEquals(table.nextQuestionable(now + 60_000)?.id, b!.id);
  },
);

Deno.test(
  "ids that do not fit their address make room, or stay out",
  none,
  () => {
    const prefer = makeTable({ secureIds: "prefer", firstBucketSizes: [8] });
    const id = (ip: Uint8Array) => {
      let id = secureNodeId(ip, random);
      while (sharedPrefixBits(id, ownId) !== 0) id = secureNodeId(ip, random);
      return id;
    };
    for (let i = 1; i <= 8; i++) {
      prefer.responded(near(0), { hostname: `9.9.${i}.1`, port: 1 }, 0);
    }
    assertEquals([...prefer.nodes()].some((node) => node.isSecure), false);
    for (let i = 11; i < 30; i++) {
      const ip = new Uint8Array([9, 9, i, 1]);
      prefer.responded(id(ip), { hostname: `9.9.${i}.1`, port: 1 }, 0);
    }
    assertEquals(prefer.size, 8);
    assert([...prefer.nodes()].every((node) => node.isSecure));
    const strict = makeTable({ secureIds: "require" });
    const update = strict.responded(
      near(0),
      { hostname: "9.9.1.1", port: 1 },
      0,
    );
    assertEquals(update, { type: "rejected", reason: "insecure-id" });
    assertEquals(
      strict.responded(near(0), { hostname: "10.0.0.1", port: 1 }, 0).type,
      "added",
    );
  },
);
