/**
 * Tells peers of our pieces as a {@linkcode Revelation} decides: everything,
 * everything but not at once, or piece by piece (BEP 16).
 *
 * @module
 */
import { Bitfield } from "../_shared/bitfield.ts";
import type { RandomSource } from "../_shared/random.ts";
import {
  HonestRevelation,
  LazyRevelation,
  type Reveal,
  type Revelation,
} from "../select/revelation.ts";
import { SuperSeeding } from "../select/super_seeding.ts";
import type { PiecePicker } from "../select/piece_picker.ts";
import type { PeerKey } from "../select/selection_strategy.ts";
import type { SwarmPeer } from "./swarm_peer.ts";
import type { RevelationName } from "./types.ts";

/** Between two looks at whether superseeding has done its work. */
const DONE_CHECK_MS = 10_000;

/** Options of {@linkcode PieceRevealer}. */
export interface PieceRevealerOptions {
  /** Which way; superseeding only while we have everything. */
  readonly name: RevelationName;
  /** What is verified; live. */
  readonly have: Bitfield;
  /** Who has what. */
  readonly picker: PiecePicker;
  /** Connected peers by key. */
  readonly peers: ReadonlyMap<PeerKey, SwarmPeer>;
  readonly random: RandomSource;
}

/** Tells the peers of one torrent of our pieces. */
export class PieceRevealer {
  readonly #options: PieceRevealerOptions;
  #revelation: Revelation;
  /** What each peer was told of; absent where that is all we have. */
  readonly #told = new Map<PeerKey, Bitfield>();
  readonly #pending = new Map<PeerKey, number[]>();
  #checkAt = 0;

  /**
   * Starts without peers.
   *
   * @param options See {@linkcode PieceRevealerOptions}.
   */
  constructor(options: PieceRevealerOptions) {
    this.#options = options;
    this.#revelation = this.#make(options.name);
  }

  /** Which way is in use. */
  get name(): string {
    return this.#revelation.name;
  }

  /**
   * Takes a peer in, before its connection says anything.
   *
   * @param key The peer.
   * @param fast Whether it has the fast extension.
   * @returns What to admit to it; live.
   */
  admit(key: PeerKey, fast: boolean): Bitfield {
    const { have } = this.#options;
    const messages = this.#revelation.connected(key, { fast });
    if (this.#revelation instanceof HonestRevelation) return have;
    let told = new Bitfield(have.length);
    const later: number[] = [];
    for (const message of messages) {
      if (message.type === "bitfield") told = message.field.clone();
      else if (message.type === "have-all") told.setAll();
      else if (message.type === "have") later.push(message.pieceIndex);
    }
    this.#told.set(key, told);
    if (later.length > 0) this.#pending.set(key, later);
    return told;
  }

  /** Sends what was held back from the first message. */
  connected(peer: SwarmPeer): void {
    const later = this.#pending.get(peer.key);
    if (later === undefined) return;
    this.#pending.delete(peer.key);
    this.#tell(later.map((pieceIndex) => ({ peer: peer.key, pieceIndex })));
  }

  /** Notes that a peer is gone. */
  gone(key: PeerKey): void {
    this.#told.delete(key);
    this.#pending.delete(key);
    this.#tell(this.#revelation.disconnected(key));
  }

  /** Notes a new piece of ours. */
  verified(pieceIndex: number): void {
    this.#tell(this.#revelation.verified(pieceIndex));
  }

  /** Notes what a peer has; after the picker was told. */
  peerHas(key: PeerKey, pieceIndex?: number): void {
    this.#tell(this.#revelation.peerHas(key, pieceIndex));
  }

  /** Once a second: ends superseeding when others have every piece. */
  tick(now: number): void {
    const old = this.#revelation;
    if (!(old instanceof SuperSeeding) || now < this.#checkAt) return;
    this.#checkAt = now + DONE_CHECK_MS;
    if (!old.isDone) return;
    this.#revelation = this.#make("honest");
    for (const { key } of this.#options.peers.values()) {
      this.#revelation.connected(key);
      this.#tell(
        old.hidden(key).map((pieceIndex) => ({ peer: key, pieceIndex })),
      );
    }
  }

  #tell(reveals: readonly Reveal[]): void {
    for (const { peer, pieceIndex } of reveals) {
      this.#told.get(peer)?.set(pieceIndex);
      this.#options.peers.get(peer)?.connection.have(pieceIndex);
    }
  }

  #make(name: RevelationName): Revelation {
    const { have, picker, random } = this.#options;
    const base = {
      pieceCount: have.length,
      have,
      hasPiece: (peer: PeerKey, pieceIndex: number) =>
        picker.peers.hasPiece(peer, pieceIndex),
    };
    switch (name) {
      case "super-seeding":
        return have.isFull
          ? new SuperSeeding({
            ...base,
            random,
            availability: (pieceIndex) =>
              picker.pieces.availability(pieceIndex),
          })
          : new HonestRevelation(base);
      case "lazy":
        return new LazyRevelation({ ...base, random });
      case "honest":
        return new HonestRevelation(base);
    }
  }
}
