/**
 * Port mapping: asks the gateway of a home network to let strangers reach us.
 *
 * {@linkcode PortMapper} tries PCP, NAT-PMP and UPnP, in that order and side by
 * side, renews what was granted and removes it at the end. The machine behind
 * it can be used alone and needs no permission.
 *
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { PortMapMachine } from "@bip/bip/portmap";
 *
 * const machine = new PortMapMachine({
 *   ports: [{ protocol: "tcp", port: 6881 }],
 *   random: crypto,
 * });
 * const [gateway, local] = ["192.168.1.1", "192.168.1.2"];
 * machine.handle({ type: "gateway", gateway, local }, 0);
 * const sent: number[] = [];
 * for (let output; (output = machine.poll()) !== undefined;) {
 *   if (output.type === "send") sent.push(output.to.port);
 * }
 * // PCP first; UPnP searches meanwhile.
 * assertEquals([...new Set(sent)].sort(), [1900, 5351]);
 * ```
 *
 * | RFC, standard (no BEP) | What |
 * | --- | --- |
 * | [RFC 6887](https://www.rfc-editor.org/rfc/rfc6887) | PCP: MAP, renewal, epochs, removal |
 * | [RFC 6886](https://www.rfc-editor.org/rfc/rfc6886) | NAT-PMP: all |
 * | UPnP IGD 1 and 2 | WANIPConnection 1 and 2, WANPPPConnection 1 |
 *
 * Permissions: `--allow-net` for {@linkcode PortMapper}, and
 * `--allow-sys=networkInterfaces` for PCP. The gateway has to be given unless
 * everything is permitted: Deno guards `/proc/net/route`.
 *
 * @module
 */
export * from "./types.ts";
export * from "./port_mapper.ts";
export * from "./port_map_machine.ts";
export type { HttpFault, HttpRequest, HttpResponse } from "./codec/http.ts";
export type { HttpResult } from "./protocol/client.ts";
export type { Endpoint } from "../_shared/address.ts";
export type { ByteTransport } from "../_shared/byte_conn.ts";
export type { Clock } from "../_shared/clock.ts";
export type { DatagramOptions, DatagramSocket } from "../_shared/datagram.ts";
export type { RandomSource } from "../_shared/random.ts";
