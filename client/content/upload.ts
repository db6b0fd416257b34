/**
 * The upload half of a swarm: whom to serve, and with what.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { TorrentStorage } from "../../disk/mod.ts";
import type { BlockAddress, PieceLayout } from "../../metainfo/mod.ts";
import type { PeerSessionEvent } from "../../peer/mod.ts";
import {
  type Choker,
  type ChokerPeer,
  roundRobinChoker,
  titForTatChoker,
} from "../../select/choker.ts";
import { RateMeter } from "../../_shared/rate_meter.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import { FirstCopies } from "../../select/first_copies.ts";
import { crowdedPeers } from "../peers/peer_worth.ts";
import type { PieceRevealer } from "./reveal.ts";
import type { TorrentContent } from "./torrent_content.ts";
import type { TorrentHost } from "./torrent_host.ts";
import type { RateLimiter } from "../limits/rate_limiter.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import { slotsForRate } from "../limits/upload_slots.ts";

/** Between two looks at who deserves a slot, in milliseconds. */
const RECHOKE_MS = 10_000;
/** After so long without a request a slot goes to others, in milliseconds. */
const UNUSED_MS = 11_000;
/**
 * A peer that downloads less than this, in bytes a second, and has no request
 * waiting costs nothing: after this time, in milliseconds, its slot does not
 * count.
 */
const LIGHT_RATE = 4096;
const LIGHT_MS = 5_000;
/**
 * The same of one that has asked for nothing yet, once all is here: in a trade
 * the slots that are spared would go to those who give nothing.
 */
const IDLE_MS = 2_000;

/** What a peer does with its slot. */
interface Slot {
  /** When it was given, in milliseconds. */
  readonly givenAt: number;
  /** When it was given, or a block was last served by it, in milliseconds. */
  usedAt: number;
  /** Whether one was served since the last look. */
  used: boolean;
  /** Whether its peer takes something, but next to nothing. */
  light: boolean;
}

/** Chokes, unchokes and serves the peers of one torrent. */
export class Upload {
  readonly #torrent: TorrentHost;
  readonly #layout: PieceLayout;
  readonly #storage: TorrentStorage;
  readonly #limit: RateLimiter;
  /** What peers asked for while they wait for their turn at the limit. */
  readonly #waiting = new Map<PeerKey, BlockAddress[]>();
  readonly #clock: Clock;
  readonly #meter = new RateMeter();
  readonly #leechChoker: Choker;
  readonly #seedChoker: Choker;
  readonly #revealer: Pick<PieceRevealer, "view" | "tellsAll">;
  /** What nobody but us has comes before the rest. */
  readonly firstCopies: FirstCopies;
  /** Of the peers that are unchoked. */
  readonly #given = new Map<PeerKey, Slot>();
  /** Peers that made no use of their slot. */
  readonly #unused = new Set<PeerKey>();
  #active = false;
  #rechokeAt = 0;
  #rechokeQueued = false;

  constructor(
    { torrent, layout, storage }: Pick<
      TorrentContent,
      "torrent" | "layout" | "storage"
    >,
    revealer: Pick<PieceRevealer, "view" | "tellsAll">,
  ) {
    const { context: { clock, random, options: chosen }, options, limits } =
      torrent;
    this.#torrent = torrent;
    this.#layout = layout;
    this.#storage = storage;
    this.#limit = limits.upload;
    this.#clock = clock;
    const own = (options.choker ?? chosen.choker)?.();
    this.#leechChoker = own ?? titForTatChoker({ random });
    this.#seedChoker = own ?? roundRobinChoker({ random });
    this.#revealer = revealer;
    this.firstCopies = new FirstCopies(revealer.view);
  }

  /** Payload bytes a second. */
  get rate(): number {
    return this.#meter.rate(this.#clock.now());
  }

  /** Starts to serve. */
  start(): void {
    this.#active = true;
    this.#rechokeSoon();
  }

  /** Serves nobody any more. */
  stop(): void {
    this.#active = false;
    for (const { connection } of this.#torrent.peers.values()) {
      connection.choke();
    }
    this.#given.clear();
    this.#torrent.context.uploadSlots.release(this);
  }

  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void {
    if (peer.connection.state.peerInterested) this.#rechokeSoon();
  }

  /** Gives the slot of a peer that left to another. */
  removePeer(peer: SwarmPeer): void {
    this.#unused.delete(peer.key);
    this.firstCopies.gone(peer.key);
    if (this.#given.delete(peer.key)) this.#rechokeSoon();
  }

  /** Chooses anew: by what peers give, or take once all is there. */
  completeChanged(): void {
    this.#rechokeSoon();
  }

  /** Once a second. */
  tick(now: number): void {
    if (!this.#active) return;
    if (this.#given.size > 0) this.firstCopies.look(now);
    if (this.#lookAtSlots(now)) this.#rechokeSoon();
    if (now >= this.#rechokeAt) this.#rechoke(now);
  }

  /** Takes an event of a peer that concerns uploading. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void {
    switch (event.type) {
      case "interested":
      case "not-interested":
        this.#rechokeSoon();
        break;
      case "serve":
        this.#noteUse(peer.key);
        this.firstCopies.served(peer.key, event.request.pieceIndex);
        this.#suggest(peer);
        this.#admit(peer, event.request);
        break;
    }
  }

  /** Once the present event is done with. */
  #rechokeSoon(): void {
    if (!this.#active || this.#rechokeQueued) return;
    this.#rechokeQueued = true;
    queueMicrotask(() => {
      this.#rechokeQueued = false;
      if (this.#active) this.#rechoke(this.#clock.now());
    });
  }

  #rechoke(now: number): void {
    this.#rechokeAt = now + RECHOKE_MS;
    this.firstCopies.look(now);
    const list: ChokerPeer[] = [];
    let demand = 0;
    let light = 0;
    const crowded = crowdedPeers(this.#torrent.peers.values(), now);
    for (const peer of this.#torrent.peers.values()) {
      const { key, connection, since } = peer;
      const { amInterested, peerInterested, snubbed } = connection.state;
      const stats = connection.stats();
      const { peerHas } = connection;
      list.push({
        key,
        interested: peerInterested,
        snubbed,
        wanted: amInterested,
        keeps: this.firstCopies.keeps(key, now),
        downloadRate: stats.downloadRate,
        uploadRate: stats.uploadRate,
        uploaded: stats.uploaded,
        downloaded: stats.downloaded,
        connectedAt: since,
        progress: peerHas.length === 0 ? 0 : peerHas.count / peerHas.length,
        unused: this.#unused.has(key),
        crowded: crowded.has(peer),
      });
      if (this.#given.get(key)?.light) light++;
      else if (peerInterested && !this.#unused.has(key)) demand++;
    }
    const choker = this.#torrent.isComplete
      ? this.#seedChoker
      : this.#leechChoker;
    const unchoked = choker.tick(now, list, light + this.#share(demand, now));
    // Slots are freed before they are given, so that there is never one more.
    for (const { key, connection } of this.#torrent.peers.values()) {
      if (unchoked.has(key)) continue;
      connection.choke();
      if (this.#given.has(key)) this.firstCopies.choked(key);
      this.#given.delete(key);
    }
    for (const key of unchoked) {
      const peer = this.#torrent.peers.get(key);
      if (peer === undefined) continue;
      if (!this.#given.has(key)) {
        // It is to know what to ask for before it may.
        this.#suggest(peer);
        this.#given.set(key, {
          givenAt: now,
          usedAt: now,
          used: false,
          light: false,
        });
      }
      peer.connection.unchoke();
    }
  }

  /** Has a peer ask a seed for what no other is asking it for. */
  #suggest({ key, fast, connection }: SwarmPeer): void {
    if (!fast || !this.#torrent.isComplete || !this.#revealer.tellsAll) return;
    for (const pieceIndex of this.firstCopies.suggest(key)) {
      connection.suggest(pieceIndex);
    }
  }

  /** How many peers of this torrent may be served. */
  #share(demand: number, now: number): number {
    const rate = this.#meter.rate(now);
    const { options: { uploadSlots = Infinity }, context } = this.#torrent;
    const isTrade = !this.#torrent.isComplete;
    const isByRate = uploadSlots === "rate-based" ||
      uploadSlots === Infinity && context.uploadSlots.isByRate;
    const own = isByRate && (isTrade || uploadSlots === "rate-based")
      ? slotsForRate(rate, isTrade)
      : uploadSlots;
    const user = { demand: Math.min(demand, own), rate };
    return Math.min(own, context.uploadSlots.share(this, user, now));
  }

  /** Finds slots of which little use is made; whether there are new ones. */
  #lookAtSlots(now: number): boolean {
    let found = false;
    for (const [key, slot] of this.#given) {
      const peer = this.#torrent.peers.get(key);
      if (slot.used) slot.usedAt = now;
      slot.used = false;
      const wasLight = slot.light;
      slot.light = false;
      if (peer === undefined || this.#unused.has(key)) continue;
      const { state, queuedRequests } = peer.connection;
      const givenMs = now - slot.givenAt;
      slot.light = queuedRequests === 0 &&
        (slot.usedAt === slot.givenAt
          ? this.#torrent.isComplete && givenMs >= IDLE_MS
          : givenMs >= LIGHT_MS &&
            peer.connection.stats().uploadRate < LIGHT_RATE);
      found ||= slot.light && !wasLight;
      if (!state.peerInterested || now - slot.usedAt < UNUSED_MS) continue;
      // A peer with requests waiting is not idle.
      if (queuedRequests > 0) slot.usedAt = now;
      else {
        this.#unused.add(key);
        slot.light = false;
        found = true;
      }
    }
    return found;
  }

  #noteUse(key: PeerKey): void {
    const slot = this.#given.get(key);
    if (slot === undefined) return;
    // One that was waited for no longer is one too many now.
    if (slot.light && slot.usedAt === slot.givenAt) this.#rechokeSoon();
    slot.light &&= slot.usedAt > slot.givenAt;
    slot.used = true;
    this.#unused.delete(key);
  }

  /** A peer waits for one turn at a time: all get turns alike. */
  #admit(peer: SwarmPeer, request: BlockAddress): void {
    const queue = this.#waiting.get(peer.key);
    if (queue !== undefined) return void queue.push(request);
    const granted = this.#take(peer, request);
    if (typeof granted === "number") return this.#serve(peer, request);
    const requests = [request];
    this.#waiting.set(peer.key, requests);
    void this.#serveInTurn(peer, requests, granted);
  }

  async #serveInTurn(
    peer: SwarmPeer,
    requests: BlockAddress[],
    first: Promise<number>,
  ): Promise<void> {
    await first;
    while (requests.length > 0) {
      this.#serve(peer, requests.shift()!);
      if (requests.length > 0) await this.#take(peer, requests[0]!);
    }
    this.#waiting.delete(peer.key);
  }

  #take(peer: SwarmPeer, request: BlockAddress): number | Promise<number> {
    return this.#limit.take(request.length, {
      whole: true,
      isGone: () => peer.connection.isClosed,
    });
  }

  #serve(peer: SwarmPeer, request: BlockAddress): void {
    if (peer.connection.isClosed) return;
    const { pieceIndex, blockOffset } = request;
    const length = Math.min(
      request.length,
      this.#layout.pieceSize(pieceIndex) - blockOffset,
    );
    if (length <= 0) {
      peer.connection.rejectRequest(request);
      return;
    }
    try {
      const data = this.#storage.readBlock(pieceIndex, blockOffset, length, {
        // The connection copies them before anything is awaited.
        brief: true,
      });
      if (data instanceof Uint8Array) this.#send(peer, request, data);
      else {
        data.then(
          (bytes) => this.#send(peer, request, bytes),
          () => this.#failed(peer, request),
        );
      }
    } catch {
      this.#failed(peer, request);
    }
  }

  #send(peer: SwarmPeer, request: BlockAddress, stored: Uint8Array): void {
    let data = stored;
    if (stored.length < request.length) {
      data = new Uint8Array(request.length);
      data.set(stored);
    }
    if (peer.connection.sendBlock(request, data)) {
      this.#meter.add(data.length, this.#clock.now());
    } else {
      // What was taken back meanwhile makes room for others.
      this.#limit.refund(request.length);
    }
  }

  /** The storage tells what is wrong. */
  #failed(peer: SwarmPeer, request: BlockAddress): void {
    peer.connection.rejectRequest(request);
    this.#limit.refund(request.length);
  }
}
