/**
 * What to send and what to accept in a handshake.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import type { TorrentEntry, TorrentRegistry } from "./torrent_registry.ts";
import { failure, type HandshakeError } from "../error.ts";
import type { ExtensionBits } from "../extension_bits.ts";
import type {
  HandshakeDirection,
  HandshakeFacts,
  HandshakeFilters,
} from "../filter.ts";
import type { HandshakePolicy } from "../handshake_machine.ts";
import {
  BITTORRENT_PROTOCOL,
  type HandshakeFields,
  type HandshakeHead,
  type HandshakeMessage,
} from "../message.ts";

/** What both directions need to know. */
export interface NegotiationContext {
  /** Our 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** Our extension bits. */
  readonly extensions: ExtensionBits;
  /** Torrents that are answered for. */
  readonly torrents: TorrentRegistry;
  /** Protocols for which any hash is accepted. */
  readonly acceptAny: readonly string[] | "any";
  /** Who may shake hands. */
  readonly filters: HandshakeFilters;
}

/** Protocols to let in. */
export function inboundProtocols(
  context: NegotiationContext,
): readonly string[] | "any" {
  if (context.acceptAny === "any") return "any";
  return [...context.torrents.protocols(), ...context.acceptAny];
}

/** Our extension bits for a torrent: v2-upgrade exactly when it is v2-capable. */
function extensionsFor(
  context: NegotiationContext,
  entry: TorrentEntry | undefined,
): ExtensionBits {
  const bits = entry?.extensions ?? context.extensions;
  return entry?.v2InfoHash === undefined
    ? bits.without("v2-upgrade")
    : bits.with("v2-upgrade");
}

/** What to open an outbound handshake with. */
export function openingFor(
  context: NegotiationContext,
  candidate: PeerCandidate,
): HandshakeFields {
  const { infoHash, protocol = BITTORRENT_PROTOCOL } = candidate;
  const entry = context.torrents.find(protocol, infoHash);
  return {
    protocol,
    infoHash,
    peerId: context.peerId,
    extensions: extensionsFor(context, entry),
  };
}

type KnownFacts = Omit<HandshakeFacts, "direction" | "address">;

/** Decides for one handshake. */
export class Negotiation implements HandshakePolicy {
  readonly #context: NegotiationContext;
  readonly #direction: HandshakeDirection;
  readonly #address: Endpoint;
  readonly #opening: HandshakeFields | undefined;
  readonly #expectedPeerId: Uint8Array | undefined;
  /** The torrent, once known. */
  entry: TorrentEntry | undefined;
  /** Called with the torrent as soon as it is known. */
  onTorrent: (entry: TorrentEntry | undefined) => void = () => {};

  /** Begins; an opening makes it outbound. */
  constructor(
    context: NegotiationContext,
    address: Endpoint,
    opening?: HandshakeFields,
    expectedPeerId?: Uint8Array,
  ) {
    this.#context = context;
    this.#address = address;
    this.#opening = opening;
    this.#expectedPeerId = expectedPeerId;
    this.#direction = opening === undefined ? "inbound" : "outbound";
    if (opening !== undefined) {
      this.entry = context.torrents.find(
        opening.protocol ?? BITTORRENT_PROTOCOL,
        opening.infoHash,
      );
    }
  }

  /** Asks the filters with what is known before any byte arrived. */
  precheck(): HandshakeError | undefined {
    const { protocol, infoHash } = this.#opening ?? {};
    return this.#filter({ protocol, infoHash });
  }

  /** See {@linkcode HandshakePolicy.onHead}. */
  onHead(head: HandshakeHead): HandshakeFields | HandshakeError | undefined {
    return this.#opening === undefined
      ? this.#answer(head)
      : this.#checkAnswer(head, this.#opening) ?? this.#filter(head);
  }

  /** See {@linkcode HandshakePolicy.onMessage}. */
  onMessage(message: HandshakeMessage): HandshakeError | undefined {
    if (equalBytes(message.peerId, this.#context.peerId)) {
      return failure("self");
    }
    const expected = this.#expectedPeerId;
    if (expected !== undefined && !equalBytes(message.peerId, expected)) {
      return failure("peer-id-mismatch");
    }
    return this.#filter(message);
  }

  #answer(head: HandshakeHead): HandshakeFields | HandshakeError {
    const { torrents, acceptAny, peerId } = this.#context;
    const { protocol, infoHash } = head;
    const entry = torrents.find(protocol, infoHash);
    this.entry = entry;
    if (
      entry === undefined && acceptAny !== "any" &&
      !acceptAny.includes(protocol)
    ) {
      return failure("unknown-info-hash");
    }
    const blocked = this.#filter(head);
    if (blocked !== undefined) return blocked;
    this.onTorrent(entry);
    const upgraded = head.extensions.has("v2-upgrade")
      ? entry?.v2InfoHash
      : undefined;
    return {
      protocol,
      infoHash: upgraded ?? infoHash,
      peerId,
      extensions: extensionsFor(this.#context, entry),
    };
  }

  #checkAnswer(
    head: HandshakeHead,
    opening: HandshakeFields,
  ): HandshakeError | undefined {
    if (head.protocol !== opening.protocol) {
      return failure("protocol-mismatch");
    }
    const v2 = this.entry?.v2InfoHash;
    if (
      !equalBytes(head.infoHash, opening.infoHash) &&
      (v2 === undefined || !equalBytes(head.infoHash, v2))
    ) {
      return failure("info-hash-mismatch");
    }
    return undefined;
  }

  #filter(facts: KnownFacts): HandshakeError | undefined {
    const decision = this.#context.filters.decide({
      direction: this.#direction,
      address: this.#address,
      protocol: facts.protocol,
      infoHash: facts.infoHash,
      extensions: facts.extensions,
      peerId: facts.peerId,
    });
    return decision === "block" ? failure("blocked") : undefined;
  }
}
