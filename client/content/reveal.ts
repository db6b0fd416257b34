/**
 * Tells peers of our pieces as a {@linkcode Revelation} decides: everything,
 * everything but not at once, or piece by piece (BEP 16).
 *
 * @module
 */
import { Bitfield } from "../../_shared/bitfield.ts";
import type { PiecePicker } from "../../select/piece_picker.ts";
import {
  HonestRevelation,
  LazyRevelation,
  type Reveal,
  type Revelation,
} from "../../select/revelation.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import { SuperSeeding } from "../../select/super_seeding.ts";
import type { RevelationView } from "../policy_options.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import type { TorrentHost } from "./torrent_host.ts";

/** Between two looks at whether a way has done its work. */
const DONE_CHECK_MS = 2_000;

/**
 * Time between two rounds of telling everybody, in milliseconds for each peer,
 * and at most: so many peers are not written to for each single piece.
 */
const ROUND_MS_PER_PEER = 0.25;
const MAX_ROUND_MS = 250;

type RevealHost = Pick<TorrentHost, "context" | "options" | "peers">;

/** Tells the peers of one torrent of our pieces. */
export class PieceRevealer {
  readonly #torrent: RevealHost;
  /** What is known of our pieces and those of peers. */
  readonly view: RevelationView;
  #revelation: Revelation;
  /** What each peer was told of; absent where that is all we have. */
  readonly #told = new Map<PeerKey, Bitfield>();
  readonly #pending = new Map<PeerKey, readonly number[]>();
  /** Pieces that everybody is to be told of with the next round. */
  #news: number[] = [];
  #toldAt = -Infinity;
  #cancelRound: (() => void) | undefined;
  #checkAt = 0;

  constructor(
    torrent: RevealHost,
    have: Bitfield,
    picker: Pick<PiecePicker, "peers" | "pieces">,
  ) {
    const { options, context } = torrent;
    const { random } = context;
    const way = options.revelation ?? context.options.revelation ?? "honest";
    this.#torrent = torrent;
    this.view = {
      pieceCount: have.length,
      have,
      random,
      hasPiece: (peer, pieceIndex) => picker.peers.hasPiece(peer, pieceIndex),
      availability: (pieceIndex) => picker.pieces.availability(pieceIndex),
    };
    this.#revelation = typeof way === "function"
      ? way(this.view)
      : way === "lazy"
      ? new LazyRevelation(this.view)
      : way === "super-seeding" && have.isFull
      ? new SuperSeeding(this.view)
      : new HonestRevelation(this.view);
  }

  /** Which way is in use. */
  get name(): string {
    return this.#revelation.name;
  }

  /** Whether every peer knows of all we have. */
  get tellsAll(): boolean {
    return this.#revelation.tellsAll ?? false;
  }

  /** Takes a peer in, before its connection says anything. */
  admit(key: PeerKey): Bitfield {
    const { have } = this.view;
    const { told, later = [] } = this.#revelation.connected(key);
    if (this.#revelation.tellsAll) return have;
    const own = told?.clone() ?? new Bitfield(have.length);
    this.#told.set(key, own);
    if (later.length > 0) this.#pending.set(key, later);
    return own;
  }

  /** Sends what was held back from the first message. */
  connected(peer: SwarmPeer): void {
    const later = this.#pending.get(peer.key);
    if (later === undefined) return;
    this.#pending.delete(peer.key);
    this.#tellOne(peer.key, later);
  }

  /** Notes that a peer is gone. */
  gone(key: PeerKey): void {
    this.#told.delete(key);
    this.#pending.delete(key);
    this.#tell(this.#revelation.disconnected(key));
    if (this.#torrent.peers.size === 0) this.close();
  }

  /** Notes a new piece of ours. */
  verified(pieceIndex: number): void {
    this.#tell(this.#revelation.verified(pieceIndex));
  }

  /** Notes what a peer has; after the picker was told. */
  peerHas(key: PeerKey, pieceIndex?: number): void {
    this.#tell(this.#revelation.peerHas?.(key, pieceIndex) ?? []);
  }

  /** Once a second; lets the honest way take over when it is time. */
  tick(now: number): void {
    const old = this.#revelation;
    this.#tell(old.tick?.(now) ?? []);
    if (now < this.#checkAt) return;
    this.#checkAt = now + DONE_CHECK_MS;
    if (!old.isDone) return;
    this.#revelation = new HonestRevelation(this.view);
    for (const key of this.#torrent.peers.keys()) {
      this.#tellOne(key, old.hidden?.(key) ?? []);
    }
  }

  /** Tells nobody anything any more. */
  close(): void {
    this.#cancelRound?.();
    this.#cancelRound = undefined;
    this.#news = [];
  }

  #tell(reveals: readonly Reveal[]): void {
    for (const { peer, pieceIndex } of reveals) {
      if (peer !== undefined) this.#tellOne(peer, [pieceIndex]);
      else {
        for (const told of this.#told.values()) told.set(pieceIndex);
        this.#news.push(pieceIndex);
      }
    }
    if (this.#news.length > 0) this.#arm();
  }

  #tellOne(key: PeerKey, pieces: readonly number[]): void {
    const told = this.#told.get(key);
    for (const pieceIndex of pieces) told?.set(pieceIndex);
    this.#torrent.peers.get(key)?.connection.have(pieces);
  }

  /** All news of a round go out in one write to each peer. */
  #arm(): void {
    if (this.#cancelRound !== undefined) return;
    const { context: { clock }, peers } = this.#torrent;
    const roundMs = Math.min(MAX_ROUND_MS, peers.size * ROUND_MS_PER_PEER);
    const round = () => {
      this.#cancelRound = undefined;
      const news = this.#news;
      this.#news = [];
      this.#toldAt = clock.now();
      for (const { connection } of peers.values()) connection.have(news);
    };
    this.#cancelRound = clock.schedule(
      Math.max(clock.now(), this.#toldAt + roundMs),
      round,
    );
  }
}
