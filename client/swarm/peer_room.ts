/**
 * The places of one torrent's peers: how many more fit, who gives way.
 *
 * @module
 */
import type { PlaceHolder } from "../limits/peer_places.ts";
import {
  isReplaceable,
  leastUseful,
  type Newcomer,
} from "../peers/peer_worth.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import type { Swarm } from "./swarm.ts";
import { lookAt, type SwarmPeer } from "../peers/swarm_peer.ts";

/** Between two looks at what peers are good for, in milliseconds. */
const LOOK_MS = 2_000;
/** A claim to listen somewhere that nothing comes of so long is not believed. */
const CLAIM_MS = 15_000;
/** So long without a block from anybody is starving, in milliseconds. */
const STARVING_MS = 10_000;
/** The part of the places that is for those whom we dial. */
const OUTBOUND_SHARE = 0.2;

/** Most connections of a torrent, where nobody says otherwise. */
const MAX_PEERS = 100;

/** Most connections of a torrent. */
export function maxPeersOf(
  { options, context }: Pick<TorrentHost, "options" | "context">,
): number {
  return options.maxPeers ?? context.options.maxPeersPerTorrent ?? MAX_PEERS;
}

/** Counts and shares out the places of one torrent. */
export class PeerRoom implements PlaceHolder {
  readonly #host: Swarm;
  #inbound = 0;
  /** When a peer last sent a block. */
  #fedAt: number;
  /** Peers that would be given up for others. */
  #replaceable = 0;
  #lookAt = 0;

  constructor(host: Swarm) {
    this.#host = host;
    this.#fedAt = host.context.clock.now();
  }

  /** Places of the session that it holds. */
  get places(): number {
    return this.#host.peers.size;
  }

  /** Begins anew: nobody can have sent anything before. */
  start(): void {
    this.#fedAt = this.#host.context.clock.now();
  }

  /** Notes a peer that was let in. */
  entered(peer: SwarmPeer): void {
    if (peer.direction === "inbound") this.#inbound++;
    this.#host.context.places.take(this);
  }

  /** Notes that a peer is gone. */
  left(peer: SwarmPeer): void {
    if (peer.direction === "inbound") this.#inbound--;
    this.#host.context.places.free(this);
  }

  /** See {@linkcode PlaceHolder.onRoom}. */
  onRoom(): void {
    this.#host.dialer.connectMore();
  }

  /** See {@linkcode PlaceHolder.giveUp}. */
  giveUp(): boolean {
    return this.#clear({ direction: "outbound", isNamed: false, site: "" });
  }

  /** How many more may be dialled; those that a person named are on top. */
  roomFor(connecting: number): number {
    const { maxPeers, context: { places }, peers } = this.#host;
    const inbound = Math.min(this.#inbound, this.#inboundPlaces);
    const outbound = peers.size - this.#inbound;
    const free = maxPeers - inbound - outbound - connecting;
    const replaceable = this.#replaceable - connecting;
    if (!places.full) return Math.max(free, replaceable);
    // Every torrent may have a first peer, also in a crowd of others.
    if (peers.size + connecting === 0) return Math.min(free, 1);
    places.wait(this);
    return Math.min(free, replaceable);
  }

  /** Lets a newcomer in, if need be in the place of a lesser peer. */
  admits(newcomer: Newcomer): boolean {
    const { maxPeers, context: { places }, peers } = this.#host;
    if (peers.size >= maxPeers) return this.#clear(newcomer);
    return !places.full || this.#clear(newcomer) || places.makeRoom();
  }

  /** Looks at what peers are good for, every few seconds. */
  tick(now: number): void {
    if (now < this.#lookAt) return;
    this.#lookAt = now + LOOK_MS;
    const { peers, list, isComplete } = this.#host;
    for (const peer of peers.values()) {
      const wasUsed = peer.usedAt !== undefined;
      if (lookAt(peer, now)) this.#fedAt = now;
      const { listening, usedAt } = peer;
      if (listening === undefined) continue;
      if (usedAt !== undefined && !wasUsed) list.judge(listening, true);
      if (
        peer.isClaim && usedAt === undefined && !isComplete &&
        now - peer.since >= CLAIM_MS && list.sourceOf(listening) !== "incoming"
      ) {
        // Others say as well that somebody listens there: perhaps not this one.
        peer.isClaim = false;
        peer.listening = undefined;
        list.claim(listening, -1);
      }
    }
    this.#replaceable = 0;
    if (isComplete) return;
    const isStarving = this.#isStarving(now);
    for (const peer of peers.values()) {
      if (isReplaceable(peer, now, isStarving)) this.#replaceable++;
    }
  }

  /** Places that those who come by themselves keep when others need one. */
  get #inboundPlaces(): number {
    const { maxPeers } = this.#host;
    return maxPeers - Math.ceil(maxPeers * OUTBOUND_SHARE);
  }

  #isStarving(now: number): boolean {
    return !this.#host.isComplete && now - this.#fedAt >= STARVING_MS;
  }

  #clear(newcomer: Newcomer): boolean {
    const { context, peers } = this.#host;
    const now = context.clock.now();
    const peer = leastUseful(peers.values(), newcomer, {
      now,
      isStarving: this.#isStarving(now),
      inboundPlaces: this.#inboundPlaces,
    });
    if (peer === undefined) return false;
    peer.isReplaced = true;
    void peer.connection.close(new Error("Another peer needs the place"));
    return true;
  }
}
