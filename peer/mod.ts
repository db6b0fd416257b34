/**
 * The peer wire protocol: messages, extensions, and live connections to peers.
 *
 * - Codec: {@linkcode encodePeerMessage}, {@linkcode PeerMessageDecoder}
 *   (incremental, every length checked before a byte is kept).
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
 * {@linkcode PeerManager} use connections that are open already, so they
 * need none themselves (opening them needs `--allow-net`).
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
export { PeerConnection } from "./connection.ts";
export type {
  PeerCloseReason,
  PeerConnectionEvent,
  PeerConnectionOptions,
  PeerDisconnectedEvent,
} from "./connection_options.ts";
export { PeerProtocolError, type PeerProtocolErrorCode } from "./error.ts";
export {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from "./extension_handshake.ts";
export {
  type PeerExtension,
  type PeerExtensionContext,
  STANDARD_EXTENSIONS,
} from "./extension_registry.ts";
export { hashProofLength, isHashRange } from "./session/session_hashes.ts";
export {
  type AddPeerOptions,
  type PeerCommand,
  type PeerEvent,
  PeerManager,
  type PeerManagerOptions,
  type PeerRefusal,
} from "./manager.ts";
export type { BlockAddress, HashRange, PeerMessage } from "./message.ts";
export type { PeerStats } from "./session/session_core.ts";
export { PeerSessionMachine } from "./session/session_machine.ts";
export type {
  FirstPieces,
  LocalExtensionFields,
  PeerSessionEvent,
  PeerSessionOptions,
  PeerSessionOutput,
  PeerSessionState,
  PiecesFirst,
  RequestReturnReason,
} from "./session_types.ts";
export { HOLEPUNCH_ERROR, type UtHolepunchMessage } from "./ut_holepunch.ts";
export type { UtMetadataMessage } from "./ut_metadata.ts";
export { PEX_FLAG, type PexPeer, type UtPexMessage } from "./ut_pex.ts";
export {
  decodePeerMessage,
  PeerMessageDecoder,
} from "./wire/message_decoder.ts";
export { encodePeerMessage } from "./wire/message_encode.ts";
