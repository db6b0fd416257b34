/**
 * The answering half of a node: what strangers get, and what is kept for them.
 *
 * Invariant: nothing is stored without a token that was given to the same
 * address for the same target, and no answer is longer than a datagram.
 *
 * @module
 */
import type { Endpoint, IpFamily } from "../../_shared/address.ts";
import { decodeCompactEndpoints } from "../../_shared/address.ts";
import { writeUint16 } from "../../_shared/bytes.ts";
import { KRPC_ERROR } from "../error.ts";
import {
  immutableItemTarget,
  itemSignatureMessage,
  mutableItemTarget,
} from "../item.ts";
import { ItemStore } from "./item_store.ts";
import {
  type KrpcErrorMessage,
  type KrpcQuery,
  type KrpcResponse,
  MAX_KRPC_LENGTH,
} from "../krpc.ts";
import type { DhtItem, DhtQueryEvent } from "../node_types.ts";
import { PeerStore } from "./peer_store.ts";
import type { RoutingTable } from "../table/routing_table.ts";
import type { DhtNodeMachineOptions } from "../node_options.ts";
import { TokenIssuer } from "./token.ts";

type Query<Method extends KrpcQuery["method"]> = Extract<
  KrpcQuery,
  { readonly method: Method }
>;

/** A put whose signature has to be checked before it can be answered. */
export interface PutCheck {
  /** Not an answer yet. */
  readonly type: "check";
  /** 32-byte Ed25519 public key. */
  readonly publicKey: Uint8Array;
  /** 64-byte signature. */
  readonly signature: Uint8Array;
  /** What was signed. */
  readonly message: Uint8Array;
  /**
   * Stores the item if it may be.
   *
   * @param valid Whether the signature is.
   * @param now The time in ms.
   * @returns The answer.
   */
  finish(valid: boolean, now: number): KrpcResponse | KrpcErrorMessage;
  /**
   * Refuses for want of time.
   *
   * @returns The answer.
   */
  busy(): KrpcErrorMessage;
}

/** How much is kept for others. */
export interface DhtResponderStats {
  /** Info-hashes with peers. */
  readonly infoHashes: number;
  /** Peers in all. */
  readonly peers: number;
  /** Items (BEP 44). */
  readonly items: number;
}

/** Nodes in an answer (BEP 5). */
const K = 8;
/** Peers in an answer at most. */
const MAX_VALUES = 100;
/** Longest answer with an item, which may be long by itself (BEP 44). */
const MAX_ITEM_ANSWER = 1400;
/** Bytes of an answer with a token, but what is in its longer fields. */
const OVERHEAD = 126;
/** The same, of an answer with an item or with samples. */
const ITEM_OVERHEAD = 260;
const SAMPLES_OVERHEAD = 145;
/** Both filters of a scrape (BEP 33). */
const FILTERS = 2 * 265;

/** Answers queries and keeps peers and items, for all IP versions of a node. */
export class DhtResponder {
  readonly #tables = new Map<IpFamily, RoutingTable>();
  readonly #peers = new Map<IpFamily, PeerStore>();
  readonly #items: ItemStore;
  readonly #tokens: TokenIssuer;
  readonly #version: Uint8Array | undefined;
  #announced: Endpoint | undefined;

  /**
   * Makes a responder that keeps nothing yet.
   *
   * @param tables The routing tables, one for each IP version.
   * @param options See {@linkcode DhtNodeMachineOptions}.
   * @throws {RangeError} If a limit makes no sense.
   */
  constructor(tables: readonly RoutingTable[], options: DhtNodeMachineOptions) {
    const { random, startedAt: now } = options;
    for (const table of tables) {
      const { ownId, family } = table;
      this.#tables.set(family, table);
      this.#peers.set(
        family,
        new PeerStore(ownId, random, options.peerStore),
      );
    }
    const { ownId } = tables[0]!;
    this.#items = new ItemStore(ownId, random, options.itemStore);
    this.#tokens = new TokenIssuer(random, now);
    this.#version = options.version;
  }

  /** How much is kept for others. */
  get stats(): DhtResponderStats {
    let infoHashes = 0;
    let peers = 0;
    for (const store of this.#peers.values()) {
      infoHashes += store.torrentCount;
      peers += store.peerCount;
    }
    return { infoHashes, peers, items: this.#items.size };
  }

  /**
   * Follows a change of our id.
   *
   * @param family Of which IP version.
   * @param id Our new 20-byte id.
   */
  setOwnId(family: IpFamily, id: Uint8Array): void {
    this.#peers.get(family)?.setOwnId(id);
    if (this.#tables.keys().next().value === family) this.#items.setOwnId(id);
  }

  /**
   * Answers a query.
   *
   * @param query The query; its bytes are only read during the call.
   * @param family IP version of the packet.
   * @param ip 4 or 16 bytes of the address that it came from.
   * @param from The same, with the port.
   * @param now The time in ms.
   * @returns The answer, or what has to be checked before.
   */
  answer(
    query: KrpcQuery,
    family: IpFamily,
    ip: Uint8Array,
    from: Endpoint,
    now: number,
  ): KrpcResponse | KrpcErrorMessage | PutCheck {
    this.#announced = undefined;
    const compact = new Uint8Array(ip.length + 2);
    compact.set(ip);
    writeUint16(compact, ip.length, from.port);
    const base: KrpcResponse = {
      type: "response",
      transactionId: query.transactionId,
      id: this.#tables.get(family)!.ownId,
      version: this.#version,
      ip: compact,
    };
    switch (query.method) {
      case "ping":
        return base;
      case "find_node":
        return this.#withNodes(base, query.target, query.want, family, K, now);
      case "get_peers":
        return this.#getPeers(base, query, family, ip, now);
      case "announce_peer":
        return this.#announce(base, query, family, ip, from, now);
      case "get":
        return this.#get(base, query, family, ip, now);
      case "put":
        return this.#put(base, query, ip, now);
      case "sample_infohashes": {
        const { target, want } = query;
        const { interval, count, samples: all } = this.#peers.get(family)!
          .sampleInfohashes(now);
        const room = this.#room(base, SAMPLES_OVERHEAD);
        const samples = all.subarray(0, 20 * Math.floor(room / 20));
        const nodes = nodesIn(room - samples.length, want, family);
        return {
          ...this.#withNodes(base, target, want, family, nodes, now),
          interval,
          count,
          samples,
        };
      }
    }
  }

  /**
   * Describes the query that was answered last, for those who watch.
   *
   * @param query The query.
   * @param from Who sent it.
   * @returns An event with copies of everything.
   */
  describe(query: KrpcQuery, from: Endpoint): DhtQueryEvent {
    const target = "target" in query
      ? query.target
      : ("infoHash" in query ? query.infoHash : undefined);
    return {
      type: "query",
      method: query.method,
      from: {
        id: query.id.slice(),
        address: { hostname: from.hostname, port: from.port },
      },
      target: target?.slice(),
      peer: this.#announced,
      readOnly: query.readOnly ?? false,
    };
  }

  /**
   * Lists peers that others announced here.
   *
   * @param infoHash 20 bytes.
   * @param family Of which IP version.
   * @param noSeeds Whether to leave seeds out.
   * @param now The time in ms.
   * @returns At most 100 of them.
   */
  ownPeers(
    infoHash: Uint8Array,
    family: IpFamily,
    noSeeds: boolean,
    now: number,
  ): Endpoint[] {
    const values = this.#peers.get(family)
      ?.values(infoHash, MAX_VALUES, noSeeds, now) ?? [];
    return values.flatMap((value) => decodeCompactEndpoints(value, family));
  }

  /**
   * Finds an item that others stored here.
   *
   * @param target Its 20-byte key.
   * @param now The time in ms.
   * @returns The item, which was verified when it was stored.
   */
  ownItem(target: Uint8Array, now: number): DhtItem | undefined {
    const item = this.#items.get(target, now);
    if (item === undefined) return undefined;
    const { value, mutable } = item;
    return {
      target: target.slice(),
      value: value.slice(),
      publicKey: mutable?.publicKey.slice(),
      seq: mutable?.seq,
      signature: mutable?.signature.slice(),
    };
  }

  /**
   * Drops what is too old. Call it now and then.
   *
   * @param now The time in ms.
   */
  expire(now: number): void {
    for (const store of this.#peers.values()) store.expire(now);
    this.#items.expire(now);
  }

  #withNodes(
    base: KrpcResponse,
    target: Uint8Array,
    want: readonly IpFamily[] | undefined,
    family: IpFamily,
    count: number,
    now: number,
  ): KrpcResponse {
    const closest = (family: IpFamily) =>
      this.#tables.get(family)?.closestCompact(target, count, now);
    const { type, transactionId, id, version, ip } = base;
    const with4 = want === undefined ? family === 4 : want.includes(4);
    const with6 = want === undefined ? family === 6 : want.includes(6);
    return {
      type,
      transactionId,
      id,
      version,
      ip,
      nodes: with4 ? closest(4) : undefined,
      nodes6: with6 ? closest(6) : undefined,
    };
  }

  /** Bytes for what is in the longer fields of an answer. */
  #room(
    { transactionId }: KrpcResponse,
    overhead: number,
    most = MAX_KRPC_LENGTH,
  ): number {
    return most - overhead - transactionId.length -
      (this.#version?.length ?? 0);
  }

  #getPeers(
    base: KrpcResponse,
    query: Query<"get_peers">,
    family: IpFamily,
    ip: Uint8Array,
    now: number,
  ): KrpcResponse {
    const { infoHash, want, noSeed = false } = query;
    const store = this.#peers.get(family)!;
    const filters = query.scrape ? store.scrape(infoHash, now) : undefined;
    let room = this.#room(base, OVERHEAD);
    if (filters !== undefined) room -= FILTERS;
    const nodes = nodesIn(room, want, family);
    const reply = this.#withNodes(base, infoHash, want, family, nodes, now);
    const token = store.accepts(infoHash, ip, now)
      ? this.#tokens.issue(ip, infoHash, now)
      : undefined;
    room -= (reply.nodes?.length ?? 0) + (reply.nodes6?.length ?? 0);
    const size = family === 4 ? 8 : 21;
    const count = Math.min(MAX_VALUES, Math.floor(room / size));
    const values = count > 0
      ? store.values(infoHash, count, noSeed, now)
      : undefined;
    return {
      type: "response",
      transactionId: reply.transactionId,
      id: reply.id,
      version: reply.version,
      ip: reply.ip,
      nodes: reply.nodes,
      nodes6: reply.nodes6,
      token,
      values,
      seedFilter: filters?.seeds.bytes,
      peerFilter: filters?.peers.bytes,
    };
  }

  #announce(
    base: KrpcResponse,
    query: Query<"announce_peer">,
    family: IpFamily,
    ip: Uint8Array,
    from: Endpoint,
    now: number,
  ): KrpcResponse | KrpcErrorMessage {
    const { infoHash, token, impliedPort } = query;
    if (!this.#tokens.verify(token, ip, infoHash, now)) {
      return refuse(base, KRPC_ERROR.protocol, "Invalid token");
    }
    const port = impliedPort ? from.port : query.port;
    const store = this.#peers.get(family)!;
    const isSeed = query.seed ?? false;
    if (store.announce(infoHash, ip, port, isSeed, now) === "full") {
      return refuse(base, KRPC_ERROR.server, "Storage full");
    }
    this.#announced = { hostname: from.hostname, port };
    return base;
  }

  #get(
    base: KrpcResponse,
    query: Query<"get">,
    family: IpFamily,
    ip: Uint8Array,
    now: number,
  ): KrpcResponse {
    const { target, seq, want } = query;
    const item = this.#items.get(target, now);
    const mutable = item?.mutable;
    const isKnown = mutable !== undefined && seq !== undefined &&
      mutable.seq <= seq;
    const value = isKnown ? undefined : item?.value;
    const room = this.#room(base, ITEM_OVERHEAD, MAX_ITEM_ANSWER) -
      (value?.length ?? 0);
    const count = nodesIn(room, want, family);
    return {
      ...this.#withNodes(base, target, want, family, count, now),
      token: this.#tokens.issue(ip, target, now),
      value,
      publicKey: isKnown ? undefined : mutable?.publicKey,
      signature: isKnown ? undefined : mutable?.signature,
      seq: mutable?.seq,
    };
  }

  #put(
    base: KrpcResponse,
    query: Query<"put">,
    ip: Uint8Array,
    now: number,
  ): KrpcResponse | KrpcErrorMessage | PutCheck {
    const { mutable, token } = query;
    const value = query.value.slice();
    const target = mutable === undefined
      ? immutableItemTarget(value)
      : mutableItemTarget(mutable.publicKey, mutable.salt);
    if (!this.#tokens.verify(token, ip, target, now)) {
      return refuse(base, KRPC_ERROR.protocol, "Invalid token");
    }
    const refusal = this.#items.refusal(query, ip, now);
    if (refusal !== undefined) {
      return refuse(base, refusal.code, refusal.message);
    }
    if (mutable === undefined) {
      this.#items.store({ value }, ip, now);
      return base;
    }
    // What came may be overwritten before the check is over.
    const publicKey = mutable.publicKey.slice();
    const signature = mutable.signature.slice();
    const salt = mutable.salt?.slice();
    const { seq, cas } = mutable;
    const put = { value, mutable: { publicKey, signature, salt, seq, cas } };
    const kept = { ...base, transactionId: base.transactionId.slice() };
    return {
      type: "check",
      publicKey,
      signature,
      message: itemSignatureMessage({ seq, value, salt }),
      finish: (isValid, then) => {
        if (!isValid) {
          return refuse(
            kept,
            KRPC_ERROR.invalidSignature,
            "Invalid signature",
          );
        }
        // Another put may have come in between.
        const refusal = this.#items.refusal(put, ip, then);
        if (refusal !== undefined) {
          return refuse(kept, refusal.code, refusal.message);
        }
        this.#items.store(put, ip, then);
        return kept;
      },
      busy: () => refuse(kept, KRPC_ERROR.server, "Too busy"),
    };
  }
}

/** Nodes of each wanted IP version that fit into so many bytes. */
function nodesIn(
  room: number,
  want: readonly IpFamily[] | undefined,
  family: IpFamily,
): number {
  const families = want ?? [family];
  const size = (families.includes(4) ? 26 : 0) +
    (families.includes(6) ? 38 : 0);
  return Math.min(K, Math.max(0, Math.floor(room / size)));
}

function refuse(
  base: KrpcResponse,
  code: number,
  message: string,
): KrpcErrorMessage {
  const { transactionId, version, ip } = base;
  return { type: "error", transactionId, code, message, version, ip };
}
