/**
 * Why a handshake did not lead to a connection.
 *
 * @module
 */

/**
 * Why a handshake failed. Those marked * say nothing about the other side.
 *
 * - `invalid-candidate`: the address or hash cannot be dialled at all
 * - `queue-full` *: too many candidates are already waiting
 * - `blocked` *: a filter said so
 * - `self`: the other side is this handshaker
 * - `duplicate-address` *: already connecting or connected to this address
 * - `duplicate-peer-id` *: already connected to this peer, at this host, for
 *   this torrent
 * - `too-many-from-ip` *: the per-IP limit or rate is exceeded
 * - `overloaded` *: dropped to make room for newer inbound connections
 * - `no-descriptors` *: the system has no more file descriptors for us
 * - `aborted` *: the caller's signal fired; inbound, which is not told, the
 *   other side left before it said anything
 * - `proxy-failed` *: the proxy does not do what we ask of it
 * - `connect-failed`, `connect-timeout`: the transport could not connect
 * - `handshake-timeout`: connected, but no complete handshake in time
 * - `connection-lost`: the connection ended or broke during the handshake
 * - `encryption-failed`: the peer does not follow message stream encryption
 * - `encryption-refused` *: not encrypted, or not as our policy demands
 * - `incomplete`: a buffer ends before the handshake does (codec only)
 * - `protocol-mismatch`: not a protocol that we speak here
 * - `unknown-info-hash`: inbound for a torrent that is not offered
 * - `info-hash-mismatch`: the answer is for another torrent
 * - `peer-id-mismatch`: the answer is from another peer than expected
 * - `torrent-removed` *: the torrent was removed meanwhile
 * - `no-local-address` *: the address that all is to go out from is gone
 * - `closed` *: the handshaker was closed
 * - `accept-failed` *: a listener could not accept, or ended and is opened anew
 */
export type HandshakeErrorCode =
  | "invalid-candidate"
  | "queue-full"
  | "blocked"
  | "self"
  | "duplicate-address"
  | "duplicate-peer-id"
  | "too-many-from-ip"
  | "overloaded"
  | "no-descriptors"
  | "aborted"
  | "proxy-failed"
  | "no-local-address"
  | "connect-failed"
  | "connect-timeout"
  | "handshake-timeout"
  | "connection-lost"
  | "encryption-failed"
  | "encryption-refused"
  | "incomplete"
  | "protocol-mismatch"
  | "unknown-info-hash"
  | "info-hash-mismatch"
  | "peer-id-mismatch"
  | "torrent-removed"
  | "closed"
  | "accept-failed";

const LOCAL: ReadonlySet<HandshakeErrorCode> = new Set([
  "queue-full",
  "blocked",
  "duplicate-address",
  "duplicate-peer-id",
  "too-many-from-ip",
  "overloaded",
  "no-descriptors",
  "encryption-refused",
  "proxy-failed",
  "no-local-address",
  "aborted",
  "torrent-removed",
  "closed",
  "accept-failed",
]);

/** A handshake failed; {@linkcode HandshakeError.code} says why. */
export class HandshakeError extends Error {
  /** What kind of failure. */
  readonly code: HandshakeErrorCode;

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param message One line for people.
   * @param options `cause`: what went wrong underneath.
   */
  constructor(
    code: HandshakeErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "HandshakeError";
    this.code = code;
  }

  /**
   * The side that caused it: `local` for our own limits and wishes, which say
   * nothing about the other side, `remote` for the rest.
   */
  get fault(): "local" | "remote" {
    return LOCAL.has(this.code) ? "local" : "remote";
  }
}

const REASONS: Partial<Record<HandshakeErrorCode, string>> = {
  "blocked": "a filter blocks it",
  "self": "we connected to ourselves",
  "duplicate-address": "this address is already connected or being connected",
  "duplicate-peer-id": "this peer is already connected",
  "too-many-from-ip": "too many connections come from this address",
  "queue-full": "too many candidates are already waiting",
  "overloaded": "it had to make room for newer connections",
  "no-descriptors": "the system has no more file descriptors",
  "aborted": "it was cancelled",
  "handshake-timeout": "the other side took too long",
  "connection-lost": "the connection was lost",
  "protocol-mismatch": "it uses another protocol",
  "unknown-info-hash": "we have no torrent with this info-hash",
  "info-hash-mismatch": "the answer is for another info-hash",
  "peer-id-mismatch": "a different peer answered than expected",
  "torrent-removed": "the torrent was removed",
  "closed": "the handshaker is closed",
};

/** Makes an error; codes above need no text. */
export function failure(
  code: HandshakeErrorCode,
  text: string = REASONS[code] ?? code,
  options?: ErrorOptions,
): HandshakeError {
  return new HandshakeError(code, `Cannot shake hands as ${text}`, options);
}
