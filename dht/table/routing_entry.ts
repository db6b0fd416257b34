/**
 * What the routing table keeps of a node.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  type IpFamily,
  ipScope,
  subnetKey,
} from "../../_shared/address.ts";
import { readUint32 } from "../../_shared/bytes.ts";
import {
  compactNodeLength,
  type NodeContact,
  tryEncodeCompactNode,
} from "../compact_node.ts";
import { isSecureNodeId, NODE_ID_LENGTH } from "../node_id.ts";

/**
 * A key shared by addresses of which one node is enough: those of a subnet, as
 * one operator has them all. In a local network every address is a machine of
 * its own, and all of them share a subnet.
 */
export function networkKey(ip: Uint8Array): string {
  const scope = ipScope(ip);
  return scope === "private" || scope === "link-local"
    ? ip.join(".")
    : subnetKey(ip);
}

/** Silent for so long, a node is questionable. Source: BEP 5. */
export const GOOD_MS: number = 15 * 60_000;

/** Unanswered queries in a row that make a node bad. Source: BEP 5. */
export const MAX_FAILURES = 2;

/** A node in a bucket or waiting for one. */
export class RoutingEntry implements NodeContact {
  readonly id: Uint8Array;
  readonly address: Endpoint;
  readonly compact: Uint8Array;
  readonly ip: Uint8Array;
  readonly isSecure: boolean;
  /** The first four bytes of the id, signed. */
  readonly word: number;
  readonly addressKey: string;
  readonly subnet: string;
  addedAt = 0;
  lastResponseAt = 0;
  lastQueryAt = -Infinity;
  lastProbeAt = -Infinity;
  failures = 0;

  constructor(
    compact: Uint8Array,
    address: Endpoint,
    isSecure: boolean,
    addressKey: string,
    subnet: string,
  ) {
    this.compact = compact;
    this.id = compact.subarray(0, NODE_ID_LENGTH);
    this.ip = compact.subarray(NODE_ID_LENGTH, compact.length - 2);
    this.address = address;
    this.isSecure = isSecure;
    this.word = readUint32(compact, 0) | 0;
    this.addressKey = addressKey;
    this.subnet = subnet;
  }

  get lastSeenAt(): number {
    return Math.max(this.lastResponseAt, this.lastQueryAt);
  }

  isGood(now: number): boolean {
    return this.failures === 0 &&
      (now - this.lastResponseAt < GOOD_MS || now - this.lastQueryAt < GOOD_MS);
  }

  isBad(): boolean {
    return this.failures >= MAX_FAILURES;
  }

  /** Takes an answer. */
  answered(now: number): void {
    this.lastResponseAt = now;
    this.failures = 0;
  }
}

/** What nodes are told apart by. */
export function routingAddressKey(
  address: Endpoint,
  restrict: boolean,
): string {
  return restrict ? address.hostname : `${address.hostname} ${address.port}`;
}

/** Makes an entry, unless id or address are no good. */
export function makeRoutingEntry(
  id: Uint8Array,
  address: Endpoint,
  family: IpFamily,
  restrict: boolean,
  checkId: boolean,
): RoutingEntry | undefined {
  const { port } = address;
  if (id.length !== NODE_ID_LENGTH || !(port >= 1 && port <= 65535)) {
    return undefined;
  }
  const compact = tryEncodeCompactNode(id, address);
  if (compact?.length !== compactNodeLength(family)) return undefined;
  const ip = compact.subarray(NODE_ID_LENGTH, compact.length - 2);
  const normal = { hostname: formatIp(ip), port };
  const key = routingAddressKey(normal, restrict);
  return new RoutingEntry(
    compact,
    normal,
    !checkId || isSecureNodeId(id, ip),
    key,
    restrict ? networkKey(ip) : key,
  );
}
