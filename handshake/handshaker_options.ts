/**
 * Options of the handshaker.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { ByteTransport } from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import type { RandomSource } from "../_shared/random.ts";
import type { EncryptionPolicy } from "./encryption_policy.ts";
import type { HandshakeErrorCode } from "./error.ts";
import type { ExtensionBits } from "./extension_bits.ts";
import type { HandshakeDirection, HandshakeFilters } from "./filter.ts";

/** Options of `Handshaker.open`. */
export interface HandshakerOptions {
  /** Our 20-byte peer id. @default {createPeerId()} */
  readonly peerId?: Uint8Array | undefined;
  /**
   * The extensions that we announce. The v2-upgrade bit is set where it belongs,
   * whatever is said here.
   *
   * @default {ExtensionBits.of("extension-protocol", "fast")}
   */
  readonly extensions?: ExtensionBits | undefined;
  /**
   * How connections are made and accepted: a peer is dialled by the first, then
   * by the next where that fails or takes 300 ms, and the first finished
   * handshake counts; what worked is remembered. Every one of them listens, all
   * on the same port. One may negotiate inside the first read or write of a
   * connection: the time limit and the limits of pending connections then hold
   * for it too.
   *
   * @default {[tcpTransport]}
   */
  readonly transports?: readonly ByteTransport[] | undefined;
  /**
   * Where to listen; port 0 picks a free one. Several addresses are possible.
   *
   * @default {false}
   */
  readonly listen?: Endpoint | readonly Endpoint[] | false | undefined;
  /** How long connecting may take, in ms. @default {15000} */
  readonly connectTimeoutMs?: number | undefined;
  /** How long the handshake itself may take, in ms. @default {10000} */
  readonly handshakeTimeoutMs?: number | undefined;
  /**
   * Outbound connections that may be in the making at once. While others wait,
   * the oldest gives way after 4 seconds.
   *
   * @default {100}
   */
  readonly maxHalfOpen?: number | undefined;
  /**
   * The same for one torrent, without those that take longer than 2 seconds.
   *
   * @default {25}
   */
  readonly maxHalfOpenPerTorrent?: number | undefined;
  /** Outbound connections begun in a second, also the burst. @default {30} */
  readonly connectsPerSecond?: number | undefined;
  /** Candidates that may wait for their turn. @default {1000} */
  readonly maxQueued?: number | undefined;
  /**
   * Inbound connections that may be shaking hands at once. One more makes the
   * oldest go, so that silent ones cannot keep others out.
   *
   * @default {128}
   */
  readonly maxPendingInbound?: number | undefined;
  /** The same for one IP (IPv6: one /64); one more is refused. @default {16} */
  readonly maxPendingInboundPerIp?: number | undefined;
  /** Inbound connections of one IP in a second, twice as burst. @default {10} */
  readonly inboundPerIpPerSecond?: number | undefined;
  /** Connections with one IP in any state. @default {64} */
  readonly maxPerIp?: number | undefined;
  /** Connections with one IP for one torrent. @default {4} */
  readonly maxPerIpPerTorrent?: number | undefined;
  /** Whether loopback addresses are free of per-IP limits. @default {true} */
  readonly exemptLoopback?: boolean | undefined;
  /**
   * Events that may wait to be taken; when there are more, nothing is accepted
   * and no candidate is taken from a stream for a while.
   *
   * @default {128}
   */
  readonly maxWaiting?: number | undefined;
  /**
   * Whether inbound handshakes are accepted for hashes that were not added:
   * for every protocol, or for the named ones.
   *
   * @default {false}
   */
  readonly acceptAnyInfoHash?: boolean | readonly string[] | undefined;
  /**
   * Whether connections are encrypted (message stream encryption). What worked
   * with a peer is remembered and tried first the next time.
   *
   * @default {"allow"}
   */
  readonly encryption?: EncryptionPolicy | undefined;
  /**
   * Called when the system has no file descriptors left and few are shaking
   * hands: closes a connection that is of little use, and tells whether it did.
   *
   * @default {undefined} nobody new is let in for a while
   */
  readonly makeRoom?: (() => boolean) | undefined;
  /** Which peers may shake hands. @default {new HandshakeFilters()} */
  readonly filters?: HandshakeFilters | undefined;
  /** Clock to use. @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** Where random bytes come from. @default {systemRandom} */
  readonly random?: RandomSource | undefined;
  /** Closes the handshaker. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of `Handshaker.addTorrent`. */
export interface HandshakeTorrentOptions {
  /**
   * The v2 hash (32 bytes, or its first 20) when the torrent really has v2
   * metadata. It names the torrent as well, the v2-upgrade bit is offered and honoured
   * for this torrent, and for no other (BEP 52).
   *
   * @default {undefined}
   */
  readonly v2InfoHash?: Uint8Array | undefined;
  /**
   * Protocol string, one character a byte.
   *
   * @default {"BitTorrent protocol"}
   */
  readonly protocol?: string | undefined;
  /**
   * The extension bits for this torrent, such as none for the DHT when it is
   * private.
   *
   * @default {undefined} those of the handshaker
   */
  readonly extensions?: ExtensionBits | undefined;
}

/** Options of `Handshaker.dial` and `Handshaker.dialNext`. */
export interface DialOptions {
  /** Name of the one transport to use, such as `"utp"`. @default {as is best} */
  readonly transport?: string | undefined;
  /** Calls the attempt off: it fails with `aborted`. */
  readonly signal?: AbortSignal | undefined;
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
}
