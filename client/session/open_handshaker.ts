/**
 * What listens and dials for a session.
 *
 * @module
 */
import { type ByteTransport, tcpTransport } from "../../_shared/byte_conn.ts";
import { systemRandom } from "../../_shared/random.ts";
import { ExtensionBits } from "../../handshake/extension_bits.ts";
import { Handshaker } from "../../handshake/handshaker.ts";
import { createPeerId } from "../../handshake/peer_id.ts";
import type { UtpTransport } from "../../utp/transport.ts";
import type { SessionOptions } from "../types.ts";
import type { Blocklist } from "./blocklist.ts";

/** Extensions that every session speaks. */
const EXTENSIONS = ExtensionBits.of("extension-protocol", "fast");

/** Who shakes hands for a session. */
export interface SessionHandshaker {
  /** Listens and dials. */
  readonly handshaker: Handshaker;
  /** uTP, whose port the DHT shares. */
  readonly utp: UtpTransport | undefined;
}

/** Starts what listens and dials for a session. */
export async function openHandshaker(
  options: SessionOptions,
  blocklist: Blocklist,
): Promise<SessionHandshaker> {
  const { clock, random = systemRandom } = options;
  const { transports, utp } = await transportsOf(options);
  try {
    const handshaker = await Handshaker.open({
      peerId: options.peerId ?? createPeerId(random),
      extensions: options.dht ? EXTENSIONS.with("dht") : EXTENSIONS,
      listen: options.listen ?? { hostname: "0.0.0.0", port: 0 },
      random,
      // Torrents wait for one turn each.
      maxQueued: Infinity,
      transports,
      filters: blocklist.filters(options.filter),
      encryption: options.encryption ?? "prefer",
      ...(clock ? { clock } : {}),
    });
    return { handshaker, utp };
  } catch (error) {
    utp?.close();
    throw error;
  }
}

interface Transports {
  readonly transports: readonly ByteTransport[];
  readonly utp: UtpTransport | undefined;
}

/** Makes what the options ask for. */
async function transportsOf(options: SessionOptions): Promise<Transports> {
  const { transports, utp: mode = "accept", clock, random } = options;
  if (transports !== undefined) return { transports, utp: undefined };
  if (mode === "off") return { transports: [tcpTransport], utp: undefined };
  const { UtpTransport } = await import("../../utp/transport.ts");
  const utp = new UtpTransport({ clock, random });
  const part: ByteTransport = {
    name: utp.name,
    dials: mode === "both",
    connect: (remote, more) => utp.connect(remote, more),
    listen: async (local) => {
      try {
        return await utp.listen(local);
      } catch (error) {
        if (error instanceof Error && error.name === "NotCapable") throw error;
        // Somebody else has the UDP port: TCP will do, and dialling works.
        return await utp.listen({ ...local, port: 0 });
      }
    },
  };
  return { transports: [tcpTransport, part], utp };
}
