/**
 * The peer wire protocol: messages, extensions, and live connections to peers.
 *
 * - Codec: {@linkcode encodePeerMessage}, {@linkcode PeerMessageDecoder}
 *   (incremental, every length checked before a byte is kept), and a pair of
 *   Web Streams.
 * - Extensions: handshake, ut_metadata, ut_pex, lt_donthave, upload_only,
 *   ut_holepunch, and a registry for your own.
 * - {@linkcode PeerSessionMachine}: the rules of one connection, pure.
 * - {@linkcode PeerConnection}: drives one over a byte connection;
 *   {@linkcode PeerManager} holds thousands.
 *
 * | BEP | Title | Here |
 * | --- | --- | --- |
 * | 3 | The BitTorrent protocol | messages, choking, requests, keep-alive |
 * | 5 | DHT | `port` message |
 * | 6 | Fast extension | all messages, allowed fast sets |
 * | 9 | Metadata over peers | ut_metadata: codec, download, answers |
 * | 10 | Extension protocol | handshake, registry |
 * | 11 | Peer exchange | ut_pex codec and rate rule |
 * | 21 | Partial seeds | upload_only |
 * | 52 | BitTorrent v2 | hash request, hashes, hash reject |
 * | 54 | lt_donthave | yes |
 * | 55 | Holepunch | codec |
 *
 * Permissions: none for codec and machine; {@linkcode PeerConnection} and
 * {@linkcode PeerManager} use connections that were opened by others, so they
 * need none themselves (`--allow-net` for whoever opens them).
 *
 * @example Cut a byte stream into messages
 * ```ts
 * import {
 *   encodePeerMessage,
 *   type PeerMessage,
 *   PeerMessageDecoder,
 * } from "@bip/bip/peer";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodePeerMessage({
 *   type: "request",
 *   pieceIndex: 1,
 *   blockOffset: 16384,
 *   length: 16384,
 * });
 * const messages: PeerMessage[] = [];
 * const decoder = new PeerMessageDecoder();
 * decoder.push(bytes.subarray(0, 7), (message) => messages.push(message));
 * decoder.push(bytes.subarray(7), (message) => messages.push(message));
 * assertEquals(messages, [
 *   { type: "request", pieceIndex: 1, blockOffset: 16384, length: 16384 },
 * ]);
 * ```
 *
 * @module
 */
export * from "./session/allowed_fast.ts";
export * from "./connection.ts";
export type {
  PeerClosedEvent,
  PeerCloseReason,
  PeerConnectionEvent,
  PeerConnectionOptions,
} from "./connection_options.ts";
export * from "./error.ts";
export {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from "./extension_handshake.ts";
export * from "./extension_registry.ts";
export { hashProofLength, isHashRange } from "./session/hash_exchange.ts";
export * from "./manager.ts";
export * from "./message.ts";
export * from "./wire/message_decoder.ts";
export * from "./wire/message_encode.ts";
export * from "./wire/message_stream.ts";
export type { PeerStats } from "./session/peer_stats.ts";
export type { FirstPieces } from "./session/remote_pieces.ts";
export type { OutstandingRequest } from "./session/request_ledger.ts";
export * from "./session/session_machine.ts";
export type {
  LocalExtensionFields,
  PeerSessionEvent,
  PeerSessionOptions,
  PeerSessionOutput,
  PeerSessionState,
  RequestReturnReason,
} from "./session_types.ts";
export * from "./small_extensions.ts";
export * from "./ut_holepunch.ts";
export * from "./ut_metadata.ts";
export * from "./ut_pex.ts";
export type { Endpoint } from "../_shared/address.ts";
export { Bitfield } from "../_shared/bitfield.ts";
export type { ByteConnection } from "../_shared/byte_conn.ts";
export { type Clock, systemClock } from "../_shared/clock.ts";
export type { Machine } from "../_shared/machine.ts";
