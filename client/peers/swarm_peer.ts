/**
 * What a swarm knows of one connected peer.
 *
 * @module
 */
import type { CandidateSource, Endpoint } from "../../_shared/address.ts";
import type { ConnectionEncryption } from "../../handshake/encryption_policy.ts";
import type { HandshakeConnected } from "../../handshake/event.ts";
import type { HandshakeDirection } from "../../handshake/filter.ts";
import { formatPeerId, identifyPeerId } from "../../handshake/peer_id.ts";
import type { PeerConnection } from "../../peer/mod.ts";
import { RequestWindow } from "../../select/request_window.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";

/** A connected peer of one torrent. */
export class SwarmPeer {
  /** Its key in the picker, the choker and the books. */
  readonly key: PeerKey;
  /** The running connection. */
  readonly connection: PeerConnection;
  /** The socket's other end. */
  readonly address: Endpoint;
  /** Who connected. */
  readonly direction: HandshakeDirection;
  /** Name of the transport. */
  readonly transport: string;
  /** How the bytes travel. */
  readonly encryption: ConnectionEncryption;
  /** Where it is known from; `"incoming"` when it came by itself. */
  readonly source: CandidateSource;
  /** Its 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** How many requests it is given. */
  readonly window = new RequestWindow();
  /** When the connection was made, in milliseconds. */
  readonly since: number;
  /** Whether both sides speak the Fast extension (BEP 6). */
  readonly fast: boolean;
  /** Whether a person named it. */
  readonly isNamed: boolean;
  /** Whether it could only be dialled as it dialled us. */
  readonly isPunched: boolean;
  /** Key of its /24 or /48. */
  readonly site: string;
  /** Client name and version. */
  client: string;
  /** Where it listens, once known. */
  listening: Endpoint | undefined;
  /** Whether that is only what it says. */
  isClaim = false;
  /** Whether everything of its part in the picker is set up. */
  inPicker = false;
  /** Whether it is closed to make room for another. */
  isReplaced = false;
  /** Whether it is closed as the torrent stops. */
  isStopped = false;
  /** Payload at the last look, in bytes. */
  seenDownloaded = 0;
  seenUploaded = 0;
  /** When payload last went either way, in milliseconds. */
  usedAt: number | undefined;
  /** Since when it owes us blocks. */
  askedAt: number | undefined;
  /** Since when it is unchoked and asks for nothing. */
  unusedAt: number | undefined;
  /** When it may be told of peers by PEX, in milliseconds. */
  pexAt: number | undefined;
  /** Peers it was told of by PEX, by endpoint text. */
  pexSent: Set<string> | undefined;

  /** Makes a peer of a finished handshake. */
  constructor(
    event: HandshakeConnected,
    connection: PeerConnection,
    known: Pick<SwarmPeer, "key" | "since" | "isNamed" | "isPunched" | "site">,
  ) {
    const { address, direction, transport, peerId, candidate } = event;
    this.key = known.key;
    this.since = known.since;
    this.isNamed = known.isNamed;
    this.isPunched = known.isPunched;
    this.site = known.site;
    this.connection = connection;
    this.address = address;
    this.direction = direction;
    this.transport = transport;
    this.encryption = event.encryption;
    this.source = candidate?.source ?? "incoming";
    this.peerId = peerId;
    this.fast = event.extensions.has("fast");
    this.client = clientName(peerId);
    this.listening = candidate?.address;
  }
}

/** Looks at what a peer has done since the last look. */
export function lookAt(peer: SwarmPeer, now: number): boolean {
  const { connection } = peer;
  const { downloaded, uploaded } = connection.stats();
  const hasSent = downloaded !== peer.seenDownloaded;
  const hasTaken = uploaded !== peer.seenUploaded;
  peer.seenDownloaded = downloaded;
  peer.seenUploaded = uploaded;
  if (hasSent || hasTaken) peer.usedAt = now;
  if (hasSent || connection.outstanding === 0) peer.askedAt = undefined;
  else peer.askedAt ??= now;
  if (
    hasTaken || connection.state.amChoking || connection.queuedRequests > 0
  ) peer.unusedAt = undefined;
  else peer.unusedAt ??= now;
  return hasSent;
}

/** Names the client of a peer. */
export function clientName(peerId: Uint8Array): string {
  const client = identifyPeerId(peerId);
  return client === undefined
    ? formatPeerId(peerId)
    : [client.name, client.version].filter((part) => part).join(" ");
}
