import { assertEquals } from "@std/assert";
import type { Endpoint } from "../../../_shared/address.ts";
import { seededRandom } from "../../../_shared/random.ts";
import type { NodeContact } from "../../../dht/compact_node.ts";
import { randomNodeId, randomNodeIdNear } from "../../../dht/node_id.ts";
import type { RoutingTableOptions } from "../../../dht/table/routing_node.ts";
import { RoutingTable } from "../../../dht/table/routing_table.ts";

export const MINUTE = 60_000;
export const random = seededRandom(42);
export const ownId = randomNodeId(random);

/** A table that does not mind BEP 42. */
export function makeTable(
  options: Partial<RoutingTableOptions> = {},
): RoutingTable {
  return new RoutingTable({
    ownId,
    family: 4,
    random,
    now: 0,
    secureIds: "ignore",
    ...options,
  });
}

let host = 0;
/** An address of a subnet that no other has. */
export function fresh(): Endpoint {
  host++;
  return {
    hostname: `${1 + (host >> 16)}.${host >> 8 & 255}.${host & 255}.1`,
    port: 6881,
  };
}

/** An id of a bucket. */
export const near = (bits: number): Uint8Array =>
  randomNodeIdNear(ownId, bits, random);

/** Fills a bucket with nodes that answer now. */
export function fill(
  table: RoutingTable,
  bits: number,
  count: number,
  now = 0,
): NodeContact[] {
  return Array.from({ length: count }, () => {
    const node = { id: near(bits), address: fresh() };
    assertEquals(table.responded(node.id, node.address, now).type, "added");
    return node;
  });
}

/** Lets nodes fail until nobody that waits takes a place; counts who did. */
export function countWaiting(table: RoutingTable): number {
  let count = 0;
  for (let before = -1; count > before;) {
    before = count;
    for (const { id, address } of [...table.nodes()]) {
      table.failed(id, address, 0);
      if (table.failed(id, address, 0).type === "added") count++;
    }
  }
  return count;
}

/** How reliable a node is, as BEP 5 calls it. */
export function stateOf(
  table: RoutingTable,
  id: Uint8Array,
  now: number,
): "good" | "questionable" | "bad" | undefined {
  const node = table.find(id);
  if (node === undefined) return undefined;
  return node.isBad() ? "bad" : node.isGood(now) ? "good" : "questionable";
}
