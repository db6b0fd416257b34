/**
 * Tells peers of peers and takes their word for more (BEP 11).
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  type PeerCandidate,
  type PeerHints,
  tryParseEndpoint,
} from "../../_shared/address.ts";
import {
  PEX_FLAG,
  type PexPeer,
  type UtPexMessage,
} from "../../peer/ut_pex.ts";
import type { SwarmPeer } from "./swarm_peer.ts";

/** Most peers told of at once (BEP 11). */
const MAX_TOLD = 50;
/** Between two messages to one peer, in milliseconds (BEP 11). */
const INTERVAL_MS = 60_000;
/** After connecting, before the first message, in milliseconds. */
const FIRST_MS = 2_000;

/** What the flags of a peer say; one that is not set says nothing. */
function hintsOf(flags = 0): PeerHints | undefined {
  if (flags === 0) return undefined;
  const has = (bit: number) => (flags & bit) !== 0 || undefined;
  return {
    encryption: has(PEX_FLAG.encryption),
    seed: has(PEX_FLAG.seed),
    utp: has(PEX_FLAG.utp),
    holepunch: has(PEX_FLAG.holepunch),
    reachable: has(PEX_FLAG.reachable),
  };
}

/** Exchanges the peers of one public torrent. */
export class PeerExchange {
  readonly #infoHash: Uint8Array;
  readonly #peers: ReadonlyMap<number, SwarmPeer>;

  constructor(infoHash: Uint8Array, peers: ReadonlyMap<number, SwarmPeer>) {
    this.#infoHash = infoHash;
    this.#peers = peers;
  }

  /** Sends what is due. */
  tick(now: number): void {
    let current: Map<string, PexPeer> | undefined;
    for (const peer of this.#peers.values()) {
      peer.pexAt ??= peer.since + FIRST_MS;
      if (peer.pexAt > now || !peer.connection.supports("ut_pex")) continue;
      peer.pexAt = now + INTERVAL_MS;
      this.#tell(peer, current ??= this.#snapshot());
    }
  }

  /** Turns what a peer tells into candidates. */
  candidates(peer: SwarmPeer, message: UtPexMessage): PeerCandidate[] {
    const teller = peer.address.hostname;
    return message.added.map(({ hostname, port, flags }) => ({
      infoHash: this.#infoHash,
      address: { hostname, port },
      source: "pex",
      teller,
      hints: hintsOf(flags),
    }));
  }

  #snapshot(): Map<string, PexPeer> {
    const map = new Map<string, PexPeer>();
    for (const peer of this.#peers.values()) {
      const { listening, direction, connection, isPunched } = peer;
      if (listening === undefined) continue;
      const { isSeed, uploadOnly } = connection.state;
      map.set(formatEndpoint(listening), {
        ...listening,
        flags: (peer.encryption === "none" ? 0 : PEX_FLAG.encryption) |
          (peer.transport === "utp" ? PEX_FLAG.utp : 0) |
          (isSeed || uploadOnly ? PEX_FLAG.seed : 0) |
          (connection.supports("ut_holepunch") ? PEX_FLAG.holepunch : 0) |
          (direction === "outbound" && !isPunched ? PEX_FLAG.reachable : 0),
      });
    }
    return map;
  }

  #tell(peer: SwarmPeer, current: ReadonlyMap<string, PexPeer>): void {
    const sent = peer.pexSent ??= new Set();
    const added: PexPeer[] = [];
    const dropped: Endpoint[] = [];
    const own = peer.listening && formatEndpoint(peer.listening);
    for (const [text, entry] of current) {
      if (added.length >= MAX_TOLD) break;
      if (text === own || sent.has(text)) continue;
      sent.add(text);
      added.push(entry);
    }
    for (const text of sent) {
      if (dropped.length >= MAX_TOLD) break;
      if (current.has(text)) continue;
      sent.delete(text);
      dropped.push(tryParseEndpoint(text)!);
    }
    if (added.length === 0 && dropped.length === 0) return;
    peer.connection.sendPex({ added, dropped });
  }
}
