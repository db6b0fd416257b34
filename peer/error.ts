/**
 * The error that every violation of the peer protocol becomes.
 *
 * @module
 */

/** What a peer did wrong, or why a connection could not go on. */
export type PeerProtocolErrorCode =
  /** A message has a length that its type does not allow. */
  | "bad-length"
  /** A message is longer than we are willing to buffer. */
  | "too-long"
  /** The stream ended inside of a message. */
  | "truncated"
  /** A bitfield has the wrong size. */
  | "bad-bitfield"
  /** A piece, block or layer that does not exist. */
  | "out-of-range"
  /** A message of an extension that was not negotiated. */
  | "not-negotiated"
  /** A payload that cannot be understood. */
  | "malformed"
  /** Too many blocks that were not requested. */
  | "unrequested"
  /** Too many requests, or too many bad ones. */
  | "request-flood"
  /** Too many of our requests rejected without a single block. */
  | "refusing"
  /** Far too many messages of any kind. */
  | "flood"
  /** Choke or interest states that change too often. */
  | "flapping"
  /** Nothing was heard for too long. */
  | "silent"
  /** Neither side wanted anything for too long. */
  | "idle"
  /** The peer does not take what it asks for. */
  | "slow-reader";

/** A peer broke the protocol or one of our limits. */
export class PeerProtocolError extends Error {
  /** What kind of violation. */
  readonly code: PeerProtocolErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of violation.
   * @param message One line for people.
   * @param options `cause`: what went wrong underneath.
   */
  constructor(
    code: PeerProtocolErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "PeerProtocolError";
    this.code = code;
  }
}
