/**
 * What listens and dials for a session.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteListener, ByteTransport } from "../../_shared/byte_conn.ts";
import { systemRandom } from "../../_shared/random.ts";
import { ExtensionBits } from "../../handshake/extension_bits.ts";
import { Handshaker } from "../../handshake/handshaker.ts";
import { createPeerId } from "../../handshake/peer_id.ts";
import type { UtpTransport } from "../../utp/transport.ts";
import type { SessionOptions } from "../types.ts";
import type { PeerPlaces } from "../limits/peer_places.ts";
import type { BoundNetwork } from "../bound_network.ts";
import type { PeerNetwork, Privacy } from "./privacy.ts";

/** Extensions that every session speaks. */
const EXTENSIONS = ExtensionBits.of("extension-protocol", "fast");

/** Who shakes hands for a session. */
export interface SessionHandshaker {
  /** Listens and dials. */
  readonly handshaker: Handshaker;
  /** uTP, whose port the DHT shares. */
  readonly utp: SessionUtp | undefined;
}

/** uTP of a session. */
export interface SessionUtp {
  /** Dials and accepts. */
  readonly transport: UtpTransport;
  /** The UDP port that is listened on, if any. */
  readonly port: number | undefined;
}

/** Starts what listens and dials for a session. */
export async function openHandshaker(
  { options, blocklist, bound, peers }: Privacy,
  places: PeerPlaces,
): Promise<SessionHandshaker> {
  const { clock, random = systemRandom } = options;
  const { transports, utp } = await transportsOf(options, peers, bound);
  const open = (listen: Endpoint | readonly Endpoint[] | false) =>
    Handshaker.open({
      peerId: options.peerId ?? createPeerId(random),
      extensions: options.dht ? EXTENSIONS.with("dht") : EXTENSIONS,
      listen,
      random,
      // Torrents wait for one turn each.
      maxQueued: Infinity,
      transports,
      makeRoom: () => places.makeRoom(),
      filters: blocklist.filters(options.filter),
      encryption: options.encryption ?? "prefer",
      ...(clock ? { clock } : {}),
    });
  try {
    return { handshaker: await listenAt(options.listen, open), utp };
  } catch (error) {
    utp?.transport.close();
    throw error;
  }
}

/** Listens; where no host is named on all addresses. */
async function listenAt(
  listen: SessionOptions["listen"] = { port: 0 },
  open: (listen: Endpoint | readonly Endpoint[] | false) => Promise<Handshaker>,
): Promise<Handshaker> {
  if (listen === false || !("port" in listen)) return await open(listen);
  const { hostname, port } = listen;
  if (hostname !== undefined) return await open({ hostname, port });
  try {
    return await open({ hostname: "::", port });
  } catch (error) {
    try {
      return await open({ hostname: "0.0.0.0", port });
    } catch (second) {
      const isRefused = error instanceof Error && error.name === "NotCapable";
      throw isRefused ? error : second;
    }
  }
}

interface Transports {
  readonly transports: readonly ByteTransport[];
  readonly utp: SessionUtp | undefined;
}

/** Makes what the options ask for. */
async function transportsOf(
  options: SessionOptions,
  { tcp, openSocket }: PeerNetwork,
  bound: BoundNetwork | undefined,
): Promise<Transports> {
  const { transports, utp: mode = "both", clock, random } = options;
  if (transports !== undefined) return { transports, utp: undefined };
  if (mode === "off" || openSocket === undefined) {
    return { transports: [tcp], utp: undefined };
  }
  const { UtpTransport } = await import("../../utp/transport.ts");
  const transport = new UtpTransport({ clock, random, socket: openSocket });
  let port: number | undefined;
  const part: ByteTransport = {
    name: transport.name,
    dials: mode === "both",
    connect: (remote, more) => transport.connect(remote, more),
    listen: async (local) => {
      let listener: ByteListener;
      try {
        listener = await transport.listen(local);
      } catch (error) {
        if (error instanceof Error && error.name === "NotCapable") throw error;
        // Somebody else has the UDP port: TCP will do, and dialling works.
        listener = await transport.listen({ ...local, port: 0 });
      }
      port ??= listener.local.port;
      return listener;
    },
  };
  const utp: SessionUtp = {
    transport,
    get port() {
      return port;
    },
  };
  return { transports: [tcp, bound?.guard(part) ?? part], utp };
}
