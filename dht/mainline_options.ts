/**
 * How a {@linkcode MainlineDht} is opened and used, and what it gives back.
 *
 * @module
 */
import type { Endpoint, IpFamily, IpScope } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { DatagramOptions, DatagramSocket } from "../_shared/datagram.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { NodeContact } from "./compact_node.ts";
import type { KrpcError } from "./error.ts";
import type { DhtNodeMachineOptions } from "./node_options.ts";

/**
 * Nodes to begin with: the routers that the public Mainline DHT is known by.
 *
 * They only tell of others and are asked when nobody else is known.
 */
export const DHT_ROUTERS: readonly Endpoint[] = [
  { hostname: "router.bittorrent.com", port: 6881 },
  { hostname: "dht.transmissionbt.com", port: 6881 },
  { hostname: "router.utorrent.com", port: 6881 },
  { hostname: "dht.libtorrent.org", port: 25401 },
];

/** Options of {@linkcode MainlineDht.open}. */
export interface MainlineDhtOptions extends
  Partial<
    Omit<DhtNodeMachineOptions, "startedAt" | "families" | "savedIds">
  > {
  /**
   * IP address to bind; it decides on the IP version, unless `families` does.
   *
   * @default all addresses of this machine
   */
  readonly hostname?: string;
  /** UDP port, the same for both IP versions if possible. @default {0} */
  readonly port?: number;
  /** IP versions. @default those that can be opened */
  readonly families?: readonly IpFamily[];
  /**
   * Nodes to begin with when no other is known, names or addresses.
   *
   * @default {DHT_ROUTERS}
   */
  readonly bootstrap?: readonly Endpoint[];
  /**
   * Kinds of addresses that others may tell us of and that the routing table
   * takes.
   *
   * @default {"global"} and those of `hostname`, `bootstrap` and `nodes`
   */
  readonly scopes?: readonly IpScope[];
  /** Other nodes to begin with, such as those of a torrent file (BEP 5). */
  readonly nodes?: readonly Endpoint[];
  /**
   * What {@linkcode MainlineDht.state} gave in an earlier run: our ids and other
   * nodes. What is no state is ignored.
   */
  readonly state?: Uint8Array;
  /** Events that may wait to be taken; the oldest are dropped. @default {1024} */
  readonly maxEvents?: number;
  /**
   * Opens a socket, which is closed with the node. To share a port with other
   * protocols, give one of your own whose `close()` ends only its
   * `receive()`; datagrams that are not bencoded are ignored.
   *
   * @default a real UDP socket
   */
  readonly socket?: (options: DatagramOptions) => Promise<DatagramSocket>;
  /** Finds the IP addresses of a name. @default the system's resolver */
  readonly resolve?: (hostname: string) => Promise<readonly string[]>;
  /** Clock to use. @default the system's clock */
  readonly clock?: Clock;
  /** Where random bytes come from. @default the system's source */
  readonly random?: RandomSource;
  /** Closes the node. */
  readonly signal?: AbortSignal;
}

/** Options of everything that asks the DHT. */
export interface DhtRequestOptions {
  /** IP versions of the nodes to ask. @default all that are open */
  readonly families?: readonly IpFamily[] | undefined;
  /** Ends the request. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of {@linkcode MainlineDht.getPeers}. */
export interface DhtGetPeersOptions extends DhtRequestOptions {
  /** Announces us with this port at the end. @default nothing is announced */
  readonly announcePort?: number | undefined;
  /** Announces the port of our DHT socket at the end. @default {false} */
  readonly impliedPort?: boolean | undefined;
  /** Whether we have all pieces, when we announce (BEP 33). @default {false} */
  readonly seed?: boolean | undefined;
  /** Whether seeds are of no use (BEP 33). @default {false} */
  readonly noSeed?: boolean | undefined;
}

/** Options of {@linkcode MainlineDht.announce}. */
export interface DhtAnnounceOptions extends DhtRequestOptions {
  /** Port of the peer; without it that of our DHT socket counts. */
  readonly port?: number | undefined;
  /** Whether we have all pieces (BEP 33). @default {false} */
  readonly seed?: boolean | undefined;
}

/** Options of {@linkcode MainlineDht.events}. */
export interface DhtEventsOptions {
  /**
   * Whether to be told of every query. Without, the node answers with less
   * work.
   *
   * @default {true}
   */
  readonly queries?: boolean | undefined;
}

/** What became of something that was to be stored. */
export interface DhtStoreResult {
  /** Nodes that stored it. */
  readonly stored: readonly NodeContact[];
  /** Nodes that answered with an error. */
  readonly refused: readonly {
    readonly address: Endpoint;
    readonly error: KrpcError;
  }[];
  /** Nodes that did not answer. */
  readonly unanswered: readonly Endpoint[];
}

/** What became of an item that was put. */
export interface DhtPutResult extends DhtStoreResult {
  /** 20-byte key to get it by. */
  readonly target: Uint8Array;
  /** 32-byte Ed25519 public key, if it is mutable. */
  readonly publicKey: Uint8Array | undefined;
  /** Its sequence number, if it is mutable. */
  readonly seq: bigint | undefined;
}

/** The key of a mutable item (BEP 44). */
export interface DhtMutableKey {
  /** 32-byte Ed25519 public key. */
  readonly publicKey: Uint8Array;
  /** At most 64 bytes. @default none */
  readonly salt?: Uint8Array;
}

/** Options of {@linkcode MainlineDht.get}. */
export interface DhtGetOptions extends DhtRequestOptions {
  /**
   * Whether the first item that is valid will do, even if a newer one may be
   * stored at others.
   *
   * @default {false}
   */
  readonly first?: boolean | undefined;
  /** Only a mutable item with a higher sequence number is of use. */
  readonly seq?: bigint | undefined;
}

/** What is put: a bencoded value, signed or not (BEP 44). */
export type DhtPut =
  /** An immutable item. */
  | {
    /** The value's bencoded bytes, at most 1000. */
    readonly value: Uint8Array;
  }
  /** A mutable item that is signed here. */
  | {
    readonly value: Uint8Array;
    /** 32-byte Ed25519 secret key (the seed). */
    readonly secretKey: Uint8Array;
    /** At most 64 bytes. */
    readonly salt?: Uint8Array;
    /** @default one more than the highest that is found, or 1 */
    readonly seq?: bigint;
    /** Stores only where this is the number of what is there. */
    readonly cas?: bigint;
  }
  /** A mutable item that is signed elsewhere. */
  | {
    readonly value: Uint8Array;
    /** 32-byte Ed25519 public key. */
    readonly publicKey: Uint8Array;
    /**
     * Signs bytes.
     *
     * @param message What to sign.
     * @returns The 64-byte signature.
     */
    readonly sign: (message: Uint8Array<ArrayBuffer>) =>
      | Uint8Array
      | Promise<Uint8Array>;
    readonly salt?: Uint8Array;
    readonly seq?: bigint;
    readonly cas?: bigint;
  }
  /** A mutable item that was got and is kept alive: no key is needed. */
  | {
    readonly value: Uint8Array;
    readonly publicKey: Uint8Array;
    readonly seq: bigint;
    /** 64-byte signature. */
    readonly signature: Uint8Array;
    readonly salt?: Uint8Array;
    readonly cas?: bigint;
  };

/** Options of {@linkcode MainlineDht.sampleInfohashes}. */
export interface DhtSampleOptions extends DhtRequestOptions {
  /** 20-byte id around which nodes are asked. @default a random one */
  readonly target?: Uint8Array | undefined;
}

/** The answer to a ping. */
export interface DhtPong {
  /** The node. */
  readonly node: NodeContact;
  /** How long it took, in ms. */
  readonly roundTripMs: number;
  /** Client and version, as the node says. */
  readonly version: Uint8Array | undefined;
  /** Us, as the node sees us (BEP 42). */
  readonly externalAddress: Endpoint | undefined;
}

/** How many peers a torrent has, estimated (BEP 33). */
export interface DhtScrape {
  /** Those that have all pieces. */
  readonly seeds: number;
  /** The others. */
  readonly peers: number;
}
