/**
 * Handshakes: from addresses to connected peers.
 *
 * {@linkcode Handshaker} takes peer candidates, dials them, accepts
 * connections, shakes hands with many at once and gives the connected peers, or
 * the reason why there is none. The codec ({@linkcode encodeHandshake}, {@linkcode
 * HandshakeDecoder}), filters and peer ids can be used alone and need no permission.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { Handshaker } from "@bip/bip/handshake";
 *
 * const infoHash = new Uint8Array(20).fill(7);
 * await using bob = await Handshaker.open({
 *   listen: { hostname: "127.0.0.1", port: 0 },
 * });
 * bob.addTorrent(infoHash);
 * await using alice = await Handshaker.open();
 * const outcome = await alice.dial({ infoHash, address: bob.local! });
 *
 * if (outcome.type === "failed") throw outcome.error;
 * using connection = outcome.connection;
 * assertEquals(connection.remote.port, bob.local!.port);
 * assertEquals(outcome.peerId, bob.peerId);
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 3 | Handshake | `encodeHandshake`, `Handshaker` |
 * | 5, 6, 10 | DHT, fast and extension protocol bits | `ExtensionBits` |
 * | - | Message stream encryption (MSE/PE), both ways | `HandshakerOptions.encryption` |
 * | 20 | Peer ids | `createPeerId`, `identifyPeerId` |
 * | 52 | v2 and hybrid torrents, v2-upgrade bit | `Handshaker.addTorrent` |
 *
 * Permissions: `--allow-net` for {@linkcode Handshaker} over TCP, none for the
 * rest.
 *
 * @module
 */
export type {
  CandidateSource,
  Endpoint,
  PeerCandidate,
  PeerHints,
} from "../_shared/address.ts";
export {
  type ByteConnection,
  type ByteConnectOptions,
  type ByteListener,
  type ByteTransport,
  tcpTransport,
} from "../_shared/byte_conn.ts";
export { type Clock, systemClock } from "../_shared/clock.ts";
export { type RandomSource, systemRandom } from "../_shared/random.ts";
export {
  addBlocklistLine,
  type BlocklistCounts,
  BlocklistError,
  type BlocklistErrorCode,
  readBlocklist,
  type ReadBlocklistOptions,
} from "./blocklist.ts";
export type {
  ConnectionEncryption,
  EncryptionPolicy,
} from "./encryption_policy.ts";
export { HandshakeError, type HandshakeErrorCode } from "./error.ts";
export type {
  HandshakeConnected,
  HandshakeEvent,
  HandshakeFailed,
  HandshakerEvent,
  HandshakerListening,
} from "./event.ts";
export { ExtensionBits, type ExtensionName } from "./extension_bits.ts";
export {
  addressFilter,
  directionFilter,
  extensionFilter,
  type FilterDecision,
  type FilterRuleOptions,
  type HandshakeDirection,
  type HandshakeFacts,
  type HandshakeFilter,
  HandshakeFilters,
  type HandshakeFiltersOptions,
  infoHashFilter,
  peerIdFilter,
  protocolFilter,
} from "./filter.ts";
export { Handshaker } from "./handshaker.ts";
export type {
  DialOptions,
  HandshakerOptions,
  HandshakerStats,
  HandshakeTorrentOptions,
} from "./handshaker_options.ts";
export { IpSet, IpSetBuilder } from "./ip_set.ts";
export {
  decodeHandshake,
  encodeHandshake,
  type HandshakeDecodeOptions,
  HandshakeDecoder,
  type HandshakeFields,
  type HandshakeHead,
  type HandshakeMessage,
} from "./message.ts";
export {
  parseProxyUrl,
  type Proxy,
  ProxyError,
  type ProxyErrorCode,
} from "./proxy.ts";
export {
  type ProxyDatagramOptions,
  proxyDatagrams,
  proxyTransport,
} from "./proxy_transport.ts";
export {
  createPeerId,
  type CreatePeerIdOptions,
  formatPeerId,
  identifyPeerId,
  type PeerClient,
} from "./peer_id.ts";
