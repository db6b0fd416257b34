/**
 * What goes into a {@linkcode DhtNodeMachine} and what comes out, as data.
 *
 * @module
 */
import type { Endpoint, IpFamily } from "../_shared/address.ts";
import type { NodeContact } from "./compact_node.ts";
import type { KrpcError } from "./error.ts";
import type { KrpcMethod } from "./krpc.ts";

/** A node at which something can be stored. */
export interface DhtStoreNode extends NodeContact {
  /** The write token it gave us, if it gave one. */
  readonly token: Uint8Array | undefined;
  /** Number of the mutable item it has, if it showed one (BEP 44). */
  readonly seq: bigint | undefined;
}

/** An item that came from the DHT and was verified (BEP 44). */
export interface DhtItem {
  /** The 20-byte key it was found under. */
  readonly target: Uint8Array;
  /** The value's bencoded bytes. */
  readonly value: Uint8Array;
  /** The 32-byte Ed25519 public key; none of an immutable item. */
  readonly publicKey?: Uint8Array | undefined;
  /** Sequence number of a mutable item. */
  readonly seq?: bigint | undefined;
  /** The 64-byte signature of a mutable item. */
  readonly signature?: Uint8Array | undefined;
}

/** Info-hashes that a node gave as a sample of those it has (BEP 51). */
export interface DhtSample {
  /** The node. */
  readonly from: Endpoint;
  /** 20-byte info-hashes. */
  readonly infoHashes: readonly Uint8Array[];
  /** How many it has in all. */
  readonly count: number;
  /** When it wants to be asked again, in ms. */
  readonly intervalMs: number;
}

/** What a lookup did. */
export interface LookupStats {
  /** Nodes that were asked. */
  readonly asked: number;
  /** Nodes that answered. */
  readonly answered: number;
  /** Nodes that did not answer in time, or with an error. */
  readonly failed: number;
  /** Longest chain of nodes to one that answered. */
  readonly hops: number;
}

/** An iterative lookup to be made. */
export interface DhtSearchRequest {
  /** Which query the nodes are asked. */
  readonly method: "find_node" | "get_peers" | "get" | "sample_infohashes";
  /** Among nodes of which IP version. */
  readonly family: IpFamily;
  /** 20-byte id, info-hash or key of an item. */
  readonly target: Uint8Array;
  /** Of `get_peers`: leave seeds out (BEP 33). */
  readonly noSeed?: boolean | undefined;
  /** Of `get_peers`: ask for filters of all peers (BEP 33). */
  readonly scrape?: boolean | undefined;
  /** Of `get`: what a mutable item's key was hashed with. */
  readonly salt?: Uint8Array | undefined;
  /** Of `get`: end with the first item that is verified. */
  readonly first?: boolean | undefined;
  /** Of `get`: only items with a higher number are of use. */
  readonly seq?: bigint | undefined;
}

/** Something to be stored at nodes that gave a token. */
export type DhtStoreRequest =
  | {
    readonly method: "announce_peer";
    readonly infoHash: Uint8Array;
    readonly port: number;
    readonly impliedPort: boolean;
    readonly seed: boolean;
  }
  | {
    readonly method: "put";
    readonly target: Uint8Array;
    readonly value: Uint8Array;
    readonly mutable?: {
      readonly publicKey: Uint8Array;
      readonly seq: bigint;
      readonly signature: Uint8Array;
      readonly salt?: Uint8Array | undefined;
      readonly cas?: bigint | undefined;
    } | undefined;
  };

/**
 * What an address to start from is: a `node` is asked once; a `bootstrap` node
 * whenever nobody else is known; a `router` too, but it never becomes a node of
 * the routing table, as it only tells of others.
 */
export type DhtContactKind = "node" | "bootstrap" | "router";

/** What happens to a {@linkcode DhtNodeMachine}. */
export type DhtNodeInput =
  | {
    readonly type: "datagram";
    /** The payload; only read during the call. */
    readonly data: Uint8Array;
    readonly from: Endpoint;
  }
  /** Addresses to start from. */
  | {
    readonly type: "contacts";
    readonly kind: DhtContactKind;
    readonly contacts: readonly Endpoint[];
    /**
     * Whether addresses of the same kinds, such as private ones, are those of
     * nodes from now on.
     */
    readonly widens?: boolean;
  }
  | {
    readonly type: "ping";
    readonly requestId: number;
    readonly address: Endpoint;
  }
  | {
    readonly type: "search";
    readonly requestId: number;
    readonly search: DhtSearchRequest;
    /** Nodes to begin with, beside those of the routing table. */
    readonly contacts?: readonly Endpoint[] | undefined;
  }
  | {
    readonly type: "store";
    readonly requestId: number;
    readonly nodes: readonly DhtStoreNode[];
    readonly store: DhtStoreRequest;
  }
  /** The system refused to send a query: nobody needs to wait for an answer. */
  | {
    readonly type: "unsent";
    readonly transactionId: Uint8Array;
    readonly to: Endpoint;
  }
  /** Whether queries of others are to be reported as events. */
  | { readonly type: "watch"; readonly queries: boolean }
  /** Nodes of an earlier run: pinged before they are believed. */
  | { readonly type: "saved"; readonly nodes: readonly NodeContact[] }
  /** A request is of no interest any more: nothing is reported of it. */
  | { readonly type: "cancel"; readonly requestId: number }
  /** The answer to an output of the same type. */
  | {
    readonly type: "verified";
    readonly verificationId: number;
    readonly valid: boolean;
  };

/** How a request of ours goes on. */
export type DhtProgress =
  /** The answer to a ping. */
  | {
    readonly type: "pong";
    readonly node: NodeContact;
    readonly roundTripMs: number;
    /** Client and version, as the node says. */
    readonly version: Uint8Array | undefined;
    /** Us, as the node sees us (BEP 42). */
    readonly externalAddress: Endpoint | undefined;
  }
  /** A node answered a lookup. */
  | { readonly type: "node"; readonly node: NodeContact }
  /** Peers, each reported once by a lookup. */
  | {
    readonly type: "peers";
    readonly peers: readonly Endpoint[];
    /** Who told; `undefined` for what others announced to ourselves. */
    readonly from: Endpoint | undefined;
  }
  /** 256-byte Bloom filters of the peers of a torrent (BEP 33). */
  | {
    readonly type: "filters";
    readonly seeds: Uint8Array;
    readonly peers: Uint8Array;
  }
  /** An item that was verified; each one that is better than the last. */
  | {
    readonly type: "item";
    readonly item: DhtItem;
    /** Who gave it; `undefined` for what others stored at ourselves. */
    readonly from: Endpoint | undefined;
  }
  | { readonly type: "sample"; readonly sample: DhtSample }
  /** A node stored what it was given. */
  | { readonly type: "stored"; readonly node: NodeContact }
  /** A node answered with an error. */
  | {
    readonly type: "refused";
    readonly address: Endpoint;
    readonly error: KrpcError;
  }
  /** A node that was pinged, or given something to store, did not answer. */
  | { readonly type: "unanswered"; readonly address: Endpoint }
  /** The end. Of a lookup with the closest nodes, closest first. */
  | {
    readonly type: "done";
    readonly closest: readonly DhtStoreNode[];
    readonly stats: LookupStats | undefined;
  };

/** A query that a stranger sent us. */
export interface DhtQueryEvent {
  /** A query came in. */
  readonly type: "query";
  /** Which. */
  readonly method: KrpcMethod;
  /** Who asked. */
  readonly from: NodeContact;
  /** The id, info-hash or key that it is about; none of ping and put. */
  readonly target: Uint8Array | undefined;
  /** The peer that is announced, when the announce was accepted. */
  readonly peer: Endpoint | undefined;
  /** Whether the sender asks not to be remembered (BEP 43). */
  readonly readOnly: boolean;
}

/** What others may want to know of a node. */
export type DhtNodeEvent =
  | DhtQueryEvent
  /** The first lookup of ourselves found somebody. */
  | { readonly type: "bootstrapped"; readonly family: IpFamily }
  /** Others agree that this is our address; our id follows it (BEP 42). */
  | {
    readonly type: "external-address";
    readonly family: IpFamily;
    readonly hostname: string;
    /** Our id from now on. */
    readonly id: Uint8Array;
  };

/** What a {@linkcode DhtNodeMachine} wants done. */
export type DhtNodeOutput =
  | {
    readonly type: "send";
    readonly data: Uint8Array;
    readonly to: Endpoint;
    /** Of a query: tell it back as `unsent` if it cannot be sent. */
    readonly transactionId?: Uint8Array;
  }
  | {
    readonly type: "progress";
    readonly requestId: number;
    readonly progress: DhtProgress;
  }
  | { readonly type: "event"; readonly event: DhtNodeEvent }
  /** An Ed25519 signature to be checked; the answer is an input. */
  | {
    readonly type: "verify";
    readonly verificationId: number;
    /** 32 bytes. */
    readonly publicKey: Uint8Array;
    /** 64 bytes. */
    readonly signature: Uint8Array;
    /** What was signed. */
    readonly message: Uint8Array;
  }
  /** Nobody is known any more: look the routers' names up again. */
  | { readonly type: "need-routers" };

/** How many of what a node has and did. */
export interface DhtNodeStats {
  /** Nodes in the routing tables that answered us lately. */
  readonly goodNodes: number;
  /** All nodes in the routing tables. */
  readonly nodes: number;
  /** Info-hashes that others announced here. */
  readonly infoHashes: number;
  /** Peers that others announced here. */
  readonly peers: number;
  /** Items that others stored here (BEP 44). */
  readonly items: number;
  /** Requests of ours that wait for an answer. */
  readonly outstanding: number;
  /** Lookups that run. */
  readonly searches: number;
  /** Datagrams that came in. */
  readonly received: number;
  /** Datagrams that were sent. */
  readonly sent: number;
  /** Queries of others that were answered. */
  readonly answered: number;
  /** Answers of others that fitted a request. */
  readonly responses: number;
  /** Datagrams that made no sense. */
  readonly malformed: number;
  /** Answers that fitted no request. */
  readonly unasked: number;
  /** Datagrams ignored because their sender sends too many. */
  readonly flood: number;
  /** Answers not given because the budget was used up. */
  readonly unbudgeted: number;
  /** Requests of ours that were not answered. */
  readonly timeouts: number;
}
