/**
 * One iterative lookup with what it asks and what it makes of the answers.
 *
 * @module
 */
import {
  decodeCompactEndpoints,
  type Endpoint,
  formatEndpoint,
  type IpFamily,
} from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { decodeCompactNodes } from "../compact_node.ts";
import { immutableItemTarget, mutableItemTarget } from "../item.ts";
import type { KrpcQueryBody, KrpcResponse } from "../krpc.ts";
import type { DhtLookup, LookupNode } from "./lookup_machine.ts";
import type {
  DhtItem,
  DhtProgress,
  DhtSearchRequest,
  DhtStoreNode,
} from "../node_types.ts";

/** What a search needs of the node it runs in. */
export interface SearchHost {
  /** Whether we may ask a node that others tell us of. */
  accepts(address: Endpoint): boolean;
  /** Whether others may tell us of a host. */
  acceptsHost(hostname: string): boolean;
  /** Reports to the caller of the search. */
  progress(requestId: number, progress: DhtProgress): void;
  /** Has a signature checked; the answer comes by `Search.verified`. */
  verify(search: Search, item: DhtItem, salt: Uint8Array | undefined): number;
}

/** What a search is made of. */
export interface SearchOptions {
  readonly host: SearchHost;
  readonly requestId: number;
  readonly request: DhtSearchRequest;
  readonly lookup: DhtLookup;
  /** IP versions to ask for, when it is not only that of the nodes. */
  readonly want?: readonly IpFamily[] | undefined;
}

/** Nodes read from one answer; more are of no use. */
const MAX_NODES = 20;
/** Peers reported by one search. */
const MAX_PEERS = 10_000;
/** Peers taken from one answer. */
const MAX_PEERS_PER_ANSWER = 100;
/** Info-hashes read from one answer. */
const MAX_SAMPLES = 100;
/** Signatures that are checked at the same time, for one search. */
const MAX_VERIFYING = 32;

interface Checking {
  readonly item: DhtItem;
  readonly from: Endpoint;
}

/** What a lookup collects. Its owner sends what `body` says and feeds the answers. */
export class Search {
  readonly requestId: number;
  readonly request: DhtSearchRequest;
  readonly lookup: DhtLookup;
  /** What the nodes are asked. */
  readonly body: KrpcQueryBody;
  /** Nodes of the other IP version that were told on the way. */
  readonly others: ReturnType<typeof decodeCompactNodes> = [];
  readonly #host: SearchHost;
  readonly #peers = new Set<string>();
  readonly #seqs = new Map<LookupNode, bigint>();
  readonly #checking = new Map<number, Checking>();
  /** The best item so far: answers that are no better need no check. */
  #best: DhtItem | undefined;
  #ended = false;

  constructor(options: SearchOptions) {
    const { request, want } = options;
    this.#host = options.host;
    this.requestId = options.requestId;
    this.request = request;
    this.lookup = options.lookup;
    const { target } = request;
    switch (request.method) {
      case "get_peers":
        this.body = {
          method: "get_peers",
          infoHash: target,
          noSeed: request.noSeed,
          scrape: request.scrape,
        };
        break;
      case "get":
        this.body = { method: "get", target, seq: request.seq };
        break;
      default:
        this.body = { method: request.method, target, want };
    }
  }

  /** Whether nothing is left to be asked, waited for or checked. */
  get done(): boolean {
    return this.#ended || (this.#checking.size === 0 && this.lookup.done);
  }

  /** Whether it was ended before its time. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Peers that others announced to ourselves. */
  addOwnPeers(peers: readonly Endpoint[]): void {
    for (const peer of peers) this.#peers.add(formatEndpoint(peer));
    if (peers.length > 0) {
      this.#report({ type: "peers", peers, from: undefined });
    }
  }

  /** An item that others stored at ourselves; it was verified then. */
  addOwnItem(item: DhtItem): void {
    const { seq } = this.request;
    if (item.seq !== undefined && seq !== undefined && item.seq <= seq) return;
    this.#found(item, undefined);
  }

  /** Ends it before its time. */
  end(): void {
    this.#ended = true;
  }

  /** Takes an answer of a node. */
  answered(node: LookupNode, message: KrpcResponse): void {
    const { lookup } = this;
    lookup.answered(node, message.id, message.token);
    if (node.state !== "answered" || node.id === undefined) return;
    const { family, method } = this.request;
    const own = family === 4 ? message.nodes : message.nodes6;
    if (own !== undefined) {
      for (
        const { id, address } of decodeCompactNodes(own, family, MAX_NODES)
      ) {
        if (this.#host.accepts(address)) lookup.add(id, address, node);
      }
    }
    const other = family === 4 ? message.nodes6 : message.nodes;
    if (other !== undefined && this.others.length < MAX_NODES) {
      const nodes = decodeCompactNodes(other, family === 4 ? 6 : 4, MAX_NODES);
      for (const one of nodes) {
        if (this.#host.accepts(one.address)) this.others.push(one);
      }
    }
    this.#report({
      type: "node",
      node: { id: node.id, address: node.address },
    });
    if (method === "get_peers") this.#takePeers(node, message);
    else if (method === "get") this.#takeItem(node, message);
    else if (method === "sample_infohashes") this.#takeSample(node, message);
  }

  /** Takes the outcome of a check. */
  verified(verificationId: number, valid: boolean): void {
    const checked = this.#checking.get(verificationId);
    if (checked === undefined) return;
    this.#checking.delete(verificationId);
    if (valid) this.#found(checked.item, checked.from);
  }

  /** The closest nodes, in the form in which they are reported. */
  closest(): DhtStoreNode[] {
    return this.lookup.closest().map((node) => ({
      id: node.id!,
      address: node.address,
      token: node.token,
      seq: this.#seqs.get(node),
    }));
  }

  #report(progress: DhtProgress): void {
    if (!this.#ended) this.#host.progress(this.requestId, progress);
  }

  #takePeers(node: LookupNode, message: KrpcResponse): void {
    const { values, seedFilter, peerFilter } = message;
    if (seedFilter !== undefined && peerFilter !== undefined) {
      this.#report({
        type: "filters",
        seeds: seedFilter.slice(),
        peers: peerFilter.slice(),
      });
    }
    if (values === undefined) return;
    const peers: Endpoint[] = [];
    for (const value of values.slice(0, MAX_PEERS_PER_ANSWER)) {
      const peer = decodeCompactEndpoints(value, value.length === 6 ? 4 : 6)[0];
      if (peer === undefined || peer.port === 0) continue;
      const key = formatEndpoint(peer);
      if (
        this.#peers.size >= MAX_PEERS || this.#peers.has(key) ||
        !this.#host.acceptsHost(peer.hostname)
      ) continue;
      this.#peers.add(key);
      peers.push(peer);
    }
    if (peers.length > 0) {
      this.#report({ type: "peers", peers, from: node.address });
    }
  }

  #takeItem(node: LookupNode, message: KrpcResponse): void {
    const { value, publicKey, signature, seq } = message;
    if (seq !== undefined) this.#seqs.set(node, seq);
    if (value === undefined) return;
    const { target, salt } = this.request;
    if (publicKey === undefined) {
      if (equalBytes(immutableItemTarget(value), target)) {
        this.#found({ target, value: value.slice() }, node.address);
      }
      return;
    }
    if (signature === undefined || seq === undefined) return;
    if (!equalBytes(mutableItemTarget(publicKey, salt), target)) return;
    const best = this.#best;
    if (
      best?.seq !== undefined && best.seq >= seq ||
      this.#checking.size >= MAX_VERIFYING
    ) return;
    const item: DhtItem = {
      target,
      value: value.slice(),
      publicKey: publicKey.slice(),
      signature: signature.slice(),
      seq,
    };
    for (const { item: other } of this.#checking.values()) {
      // The same from another node: one check is enough.
      if (
        other.seq === seq && equalBytes(other.signature!, item.signature!) &&
        equalBytes(other.value, item.value)
      ) return;
    }
    const verificationId = this.#host.verify(this, item, salt);
    this.#checking.set(verificationId, { item, from: node.address });
  }

  #found(item: DhtItem, from: Endpoint | undefined): void {
    const best = this.#best;
    if (
      best !== undefined &&
      (item.seq === undefined || (best.seq !== undefined &&
        best.seq >= item.seq))
    ) return;
    this.#best = item;
    this.#report({ type: "item", item, from });
    if (this.request.first || item.publicKey === undefined) {
      // An immutable item cannot become better.
      if (this.request.first !== false) this.#ended = true;
    }
  }

  #takeSample(node: LookupNode, message: KrpcResponse): void {
    const { samples } = message;
    if (samples === undefined) return;
    const infoHashes: Uint8Array[] = [];
    for (
      let at = 0;
      at + 20 <= samples.length && infoHashes.length < MAX_SAMPLES;
      at += 20
    ) infoHashes.push(samples.slice(at, at + 20));
    this.#report({
      type: "sample",
      sample: {
        from: node.address,
        infoHashes,
        count: message.count ?? infoHashes.length,
        intervalMs: 1000 * (message.interval ?? 0),
      },
    });
  }
}
