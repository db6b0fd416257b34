/**
 * What a handshaker reports.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import type { ConnectionEncryption } from "./encryption_policy.ts";
import type { HandshakeError, HandshakeErrorCode } from "./error.ts";
import type { ExtensionBits } from "./extension_bits.ts";
import type { HandshakeDirection } from "./filter.ts";

/** Both sides have shaken hands. */
export interface HandshakeConnected {
  /** Tells the events apart. */
  readonly type: "connected";
  /**
   * The connection, right behind the handshake: the first read returns what
   * the other side sent next. Close it when done: that also frees the peer's place in the per-IP limits.
   */
  readonly connection: ByteConnection;
  /** The 20-byte hash under which the torrent was added (or dialled). */
  readonly infoHash: Uint8Array;
  /**
   * The 20-byte hash agreed on the wire. Differs from `infoHash` when a hybrid
   * torrent is spoken to by its other hash (BEP 52).
   */
  readonly wireInfoHash: Uint8Array;
  /** The other side's 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** What both sides speak. */
  readonly extensions: ExtensionBits;
  /** All the other side claims to speak. */
  readonly remoteExtensions: ExtensionBits;
  /** Protocol string, one character a byte. */
  readonly protocol: string;
  /** The other end. Inbound, its port is not the one it listens on. */
  readonly address: Endpoint;
  /** Name of the transport that it came by, such as `"tcp"`. */
  readonly transport: string;
  /** How the bytes travel. */
  readonly encryption: ConnectionEncryption;
  /** Who opened the connection. */
  readonly direction: HandshakeDirection;
  /** The candidate that was dialled; absent for inbound. */
  readonly candidate?: PeerCandidate | undefined;
}

/** A handshake did not come about. */
export interface HandshakeFailed {
  /** Tells the events apart. */
  readonly type: "failed";
  /** Why; same as `error.code`. */
  readonly reason: HandshakeErrorCode;
  /** Whether our own limits were the cause; same as `error.fault`. */
  readonly fault: "local" | "remote";
  /** Why, in words. */
  readonly error: HandshakeError;
  /** The address that was dialled, or that dialled us. */
  readonly address: Endpoint;
  /** Who opened the connection. */
  readonly direction: HandshakeDirection;
  /** The candidate that was to be dialled; absent for inbound. */
  readonly candidate?: PeerCandidate | undefined;
}

/** How a handshake ended: one for each candidate written and connection. */
export type HandshakeEvent = HandshakeConnected | HandshakeFailed;

/** Connections come in again where accepting had failed. */
export interface HandshakerListening {
  /** Tells the events apart. */
  readonly type: "listening";
  /** Where. */
  readonly local: Endpoint;
}

/** What a handshaker reports. */
export type HandshakerEvent = HandshakeEvent | HandshakerListening;
