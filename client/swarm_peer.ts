/**
 * What a swarm knows of one connected peer.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { HandshakeDirection } from "../handshake/mod.ts";
import { formatPeerId, identifyPeerId } from "../handshake/peer_id.ts";
import type { PeerConnection } from "../peer/mod.ts";
import type { PeerKey, RequestWindow } from "../select/mod.ts";

/** A connected peer of one torrent. */
export interface SwarmPeer {
  /** Its key in the picker, the choker and the books. */
  readonly key: PeerKey;
  /** The running connection. */
  readonly connection: PeerConnection;
  /** The socket's other end. */
  readonly address: Endpoint;
  /** Who connected. */
  readonly direction: HandshakeDirection;
  /** Its 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** How many requests it is given. */
  readonly window: RequestWindow;
  /** When the connection was made, in milliseconds. */
  readonly since: number;
  /** Whether both sides speak the Fast extension (BEP 6). */
  readonly fast: boolean;
  /** Client name and version. */
  client: string;
  /** Where it listens, once known. */
  listening: Endpoint | undefined;
  /** Whether everything of its part in the picker is set up. */
  inPicker: boolean;
  /** Peers it was told of by PEX, by endpoint text. */
  readonly pexSent: Set<string>;
}

/**
 * Names the client of a peer.
 *
 * @param peerId Its 20-byte peer id.
 * @returns Name and version, else the id as text.
 */
export function clientName(peerId: Uint8Array): string {
  const client = identifyPeerId(peerId);
  return client === undefined
    ? formatPeerId(peerId)
    : [client.name, client.version].filter((part) => part).join(" ");
}
