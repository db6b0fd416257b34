/**
 * The Mainline DHT: finding peers, nodes and items without any server, over
 * IPv4 and IPv6.
 *
 * {@linkcode MainlineDht} is a node on real sockets.
 * {@linkcode DhtNodeMachine} is the same without any: datagrams, time and
 * randomness go in, datagrams and results come out, as simulators need it. The
 * codec of KRPC can be used alone.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { MainlineDht } from "@bip/bip/dht";
 *
 * // Two nodes on this machine; without options it would be the public DHT.
 * const hostname = "127.0.0.1";
 * await using alice = await MainlineDht.open({ hostname, bootstrap: [] });
 * const bootstrap = alice.locals;
 * await using bob = await MainlineDht.open({ hostname, bootstrap });
 * await bob.bootstrapped;
 *
 * const infoHash = crypto.getRandomValues(new Uint8Array(20));
 * const { stored } = await bob.announce(infoHash, { port: 6881 });
 * assertEquals(stored.length, 1);
 * for await (const { address } of alice.getPeers(infoHash)) {
 *   assertEquals(address, { hostname: "127.0.0.1", port: 6881 });
 * }
 * ```
 *
 * | BEP | What | Where |
 * | --- | --- | --- |
 * | 5 | the DHT | all of it |
 * | 27 | private torrents must not be announced | up to the caller |
 * | 32 | IPv6 | one routing table for each IP version |
 * | 33 | scrapes | {@linkcode MainlineDht.scrape}, {@linkcode BloomFilter} |
 * | 42 | ids that fit the address | {@linkcode isSecureNodeId}, {@linkcode secureNodeId} |
 * | 43 | read-only nodes | {@linkcode MainlineDhtOptions} |
 * | 44 | immutable and mutable items | {@linkcode MainlineDht.get}, {@linkcode MainlineDht.put} |
 * | 45 | several addresses | an id and a table for each IP version |
 * | 46 | updating torrents by mutable items | {@linkcode mutableItemTarget} |
 * | 51 | samples of info-hashes | {@linkcode MainlineDht.sampleInfohashes} |
 *
 * Permissions: `--allow-net` for {@linkcode MainlineDht}; none for the rest.
 * With `--unstable-net` it uses a faster kind of socket.
 *
 * @module
 */
export { BloomFilter } from "./bloom_filter.ts";
export { decodeCompactNodes, type NodeContact } from "./compact_node.ts";
export { KRPC_ERROR, KrpcError, type KrpcErrorCode } from "./error.ts";
export {
  immutableItemTarget,
  itemSignatureMessage,
  MAX_ITEM_LENGTH,
  MAX_SALT_LENGTH,
  mutableItemTarget,
} from "./item.ts";
export type {
  KrpcDrop,
  KrpcErrorMessage,
  KrpcErrorReply,
  KrpcMessage,
  KrpcMethod,
  KrpcPutMutable,
  KrpcQuery,
  KrpcQueryBody,
  KrpcResponse,
} from "./krpc.ts";
export { tryDecodeKrpc } from "./krpc/decode.ts";
export { encodeKrpc } from "./krpc/encode.ts";
export * from "./mainline_options.ts";
export { MainlineDht } from "./node.ts";
export {
  compareNodeDistance,
  isSecureNodeId,
  randomNodeId,
  secureNodeId,
} from "./node_id.ts";
export { DhtNodeMachine } from "./node_machine.ts";
export * from "./node_options.ts";
export * from "./node_types.ts";
export {
  type DhtState,
  encodeDhtState,
  tryDecodeDhtState,
} from "./routing_state.ts";
export type {
  Endpoint,
  IpFamily,
  IpScope,
  PeerCandidate,
} from "../_shared/address.ts";
export type { Clock } from "../_shared/clock.ts";
export type {
  Datagram,
  DatagramAnswerer,
  DatagramOptions,
  DatagramSocket,
  MulticastOptions,
  ServeOptions,
} from "../_shared/datagram.ts";
export type { RandomSource } from "../_shared/random.ts";
export type { Machine } from "../_shared/machine.ts";
