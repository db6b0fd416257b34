/**
 * uTP: reliable byte streams over datagrams that give way to other traffic
 * (BEP 29, LEDBAT).
 *
 * {@linkcode UtpTransport} makes and accepts connections, on a port that other
 * protocols can share. {@linkcode UtpSocketMachine} is one connection without
 * sockets or timers, for simulations; {@linkcode UtpAcceptor} answers its SYN.
 *
 * @example A message to ourselves
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { UtpTransport } from "@bip/bip/utp";
 *
 * using transport = new UtpTransport();
 * using listener = await transport.listen({ hostname: "127.0.0.1", port: 0 });
 * const accepting = listener.accept();
 * using alice = await transport.connect(listener.local);
 * await alice.write(new TextEncoder().encode("hello"));
 * using bob = await accepting;
 * const buffer = new Uint8Array(100);
 * const length = await bob!.read(buffer);
 * assertEquals(new TextDecoder().decode(buffer.subarray(0, length!)), "hello");
 * ```
 *
 * | BEP | What | How far |
 * | --- | --- | --- |
 * | 29 | uTP | all; selective acks of any length, path MTU probing |
 *
 * Permissions: `--allow-net`. Importing asks for none.
 *
 * @module
 */
export { UtpAcceptor } from "./acceptor.ts";
export { UtpError, type UtpErrorCode } from "./error.ts";
export {
  classifyDatagram,
  createUtpPacket,
  type DatagramProtocol,
  encodeUtpPacket,
  tryDecodeUtpPacket,
  type UtpHeader,
  type UtpPacket,
  type UtpPacketType,
} from "./packet.ts";
export { UtpSocketMachine, type UtpState } from "./socket_machine.ts";
export type {
  UtpSocketMachineOptions,
  UtpSocketStats,
} from "./socket/options.ts";
export { UtpTransport, type UtpTransportOptions } from "./transport.ts";
