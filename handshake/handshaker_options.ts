/**
 * Options of the handshaker.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteTransport } from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { HandshakeErrorCode } from "./error.ts";
import type { ExtensionBits } from "./extension_bits.ts";
import type { HandshakeDirection, HandshakeFilters } from "./filter.ts";

/** Options of `Handshaker.open`. */
export interface HandshakerOptions {
  /** Our 20-byte peer id. @default "-BI0100-" and 12 random bytes */
  readonly peerId?: Uint8Array;
  /**
   * What we tell to speak. The v2-upgrade bit is set where it belongs whatever
   * is said here.
   *
   * @default the extension protocol and the fast extension
   */
  readonly extensions?: ExtensionBits;
  /**
   * How connections are made and accepted. An encrypting transport may
   * negotiate inside the first read or write of a connection: the time limit
   * and the limits of pending connections then hold for it too.
   *
   * @default TCP
   */
  readonly transport?: ByteTransport;
  /**
   * Where to listen; port 0 picks a free one. Several addresses are possible.
   *
   * @default {false}
   */
  readonly listen?: Endpoint | readonly Endpoint[] | false;
  /** How long connecting may take, in ms. @default {15000} */
  readonly connectTimeoutMs?: number;
  /** How long the handshake itself may take, in ms. @default {10000} */
  readonly handshakeTimeoutMs?: number;
  /** Outbound connections that may be in the making at once. @default {100} */
  readonly maxHalfOpen?: number;
  /** The same for one torrent. @default {25} */
  readonly maxHalfOpenPerTorrent?: number;
  /** Outbound connections begun in a second, also the burst. @default {30} */
  readonly connectsPerSecond?: number;
  /** Candidates that may wait for their turn. @default {1000} */
  readonly maxQueued?: number;
  /**
   * Inbound connections that may be shaking hands at once. One more makes the
   * oldest go, so that silent ones cannot keep others out.
   *
   * @default {256}
   */
  readonly maxPendingInbound?: number;
  /** The same for one IP (IPv6: one /64); one more is refused. @default {16} */
  readonly maxPendingInboundPerIp?: number;
  /** Inbound connections of one IP in a second, twice as burst. @default {10} */
  readonly inboundPerIpPerSecond?: number;
  /** Connections with one IP in any state. @default {64} */
  readonly maxPerIp?: number;
  /** Connections with one IP for one torrent. @default {4} */
  readonly maxPerIpPerTorrent?: number;
  /** Whether loopback addresses are free of per-IP limits. @default {true} */
  readonly exemptLoopback?: boolean;
  /**
   * Connected peers that may wait to be taken; when there are more, nothing
   * is dialled or accepted for a while.
   *
   * @default {128}
   */
  readonly maxWaiting?: number;
  /**
   * Whether inbound handshakes are accepted for hashes that were not added:
   * for every protocol, or for the named ones.
   *
   * @default {false}
   */
  readonly acceptAnyInfoHash?: boolean | readonly string[];
  /** Who may shake hands. @default everybody */
  readonly filters?: HandshakeFilters;
  /** Whose time passes. @default the system's clock */
  readonly clock?: Clock;
  /** Where random bytes come from. @default the system's source */
  readonly random?: RandomSource;
  /** Closes the handshaker. */
  readonly signal?: AbortSignal;
}

/** Options of `Handshaker.addTorrent`. */
export interface HandshakeTorrentOptions {
  /**
   * Other 20-byte hashes by which peers may call the same torrent.
   *
   * @default none
   */
  readonly aliases?: readonly Uint8Array[];
  /**
   * The v2 hash (32 bytes, or its first 20) when the torrent really has v2
   * metadata. It becomes an alias, the v2-upgrade bit is offered and honoured
   * for this torrent, and for no other (BEP 52).
   *
   * @default none
   */
  readonly v2InfoHash?: Uint8Array;
  /**
   * Protocol string, one character a byte.
   *
   * @default {"BitTorrent protocol"}
   */
  readonly protocol?: string;
  /**
   * The extension bits for this torrent, such as none for the DHT when it is
   * private.
   *
   * @default those of the handshaker
   */
  readonly extensions?: ExtensionBits;
}

/** Options of `Handshaker.removeTorrent`. */
export interface RemoveTorrentOptions {
  /** The protocol it was added with. @default {"BitTorrent protocol"} */
  readonly protocol?: string;
}

/** A snapshot of what a handshaker does. */
export interface HandshakerStats {
  /** Candidates waiting for their turn. */
  readonly queued: number;
  /** Outbound connections in the making. */
  readonly halfOpen: number;
  /** Inbound connections that are shaking hands. */
  readonly pendingInbound: number;
  /** Connected peers whose connection is open. */
  readonly established: number;
  /** Handshakes that were completed, by who opened them. */
  readonly connected: Readonly<Record<HandshakeDirection, number>>;
  /** Handshakes that failed, by reason; reasons that never occurred are absent. */
  readonly failed: Readonly<Partial<Record<HandshakeErrorCode, number>>>;
  /** Failure events that were dropped as nobody took them. */
  readonly droppedEvents: number;
}
