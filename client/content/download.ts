/**
 * The download half of a swarm: asks peers for blocks and stores what comes.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type {
  PieceBadEvent,
  TorrentStorage,
  TorrentStorageEvent,
} from "../../disk/mod.ts";
import { BLOCK_SIZE, type PieceLayout } from "../../metainfo/piece_layout.ts";
import type { BlockAddress } from "../../metainfo/mod.ts";
import type { PeerSessionEvent } from "../../peer/mod.ts";
import { PiecePicker } from "../../select/piece_picker.ts";
import { RateMeter } from "../../_shared/rate_meter.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import { SessionError } from "../error.ts";
import { RequestWindow } from "../../select/request_window.ts";
import type { TorrentContent } from "./torrent_content.ts";
import { RequestTurns } from "../limits/request_turns.ts";
import type { BlockSource } from "./block_source.ts";
import { PieceJudge } from "./piece_judge.ts";

/** Blocks that one idle peer takes over from slower ones at a time. */
const STEAL_BATCH = 8;

/** The queue of a peer while pieces are due, in milliseconds. */
const DUE_QUEUE_MS = 500;
/** What is due within this time does not wait behind what is not. */
const PRESSING_MS = 2_000;

type BlockEvent = Extract<PeerSessionEvent, { type: "block" }>;

/** Connects the picker, the peers and the storage of one torrent. */
export class Download {
  /** The books of pieces and requests. */
  readonly picker: PiecePicker;
  readonly #content: TorrentContent;
  readonly #layout: PieceLayout;
  readonly #sources = new Map<PeerKey, BlockSource>();
  readonly #storage: TorrentStorage;
  readonly #clock: Clock;
  readonly #judge: PieceJudge;
  readonly #batch: BlockAddress[] = [];
  readonly #meter = new RateMeter();
  readonly #turns: RequestTurns;
  #refillQueued = false;
  #heldBack = false;
  /** A reader that jumps leaves before it comes back. */
  #dueUntil = -Infinity;
  /** Whether blocks are asked for. */
  active = false;
  /** Payload bytes that were of no use. */
  wastedBytes = 0;

  constructor(content: TorrentContent) {
    const { layout, storage, strategy } = content;
    const { limits, context: { clock, random } } = content.torrent;
    this.#content = content;
    this.#layout = layout;
    this.#storage = storage;
    this.#clock = clock;
    this.#turns = new RequestTurns(limits.download, () => {
      let open = 0;
      for (const { connection } of this.#sources.values()) {
        if (!connection.state.peerChoking) open++;
      }
      return open;
    });
    this.picker = new PiecePicker({
      layout,
      random,
      have: storage.have,
      strategy,
    });
    this.#judge = new PieceJudge(
      content.torrent,
      layout,
      this.picker,
      this.#sources,
    );
    this.#markStored();
  }

  /** Payload bytes a second. */
  get rate(): number {
    return this.#meter.rate(this.#clock.now());
  }

  /** Starts asking for blocks. */
  start(): void {
    if (this.active) return;
    this.active = true;
    for (const peer of this.#sources.values()) this.updateInterest(peer);
    this.refillAll();
  }

  /** Takes every request back and asks for nothing more. */
  stop(): void {
    this.active = false;
    for (const peer of this.#sources.values()) {
      for (const block of this.picker.releaseAll(peer.key)) {
        peer.connection.cancel(block);
      }
      peer.connection.setInterested(false);
    }
  }

  /** Takes a peer into the books. */
  addPeer(peer: BlockSource): void {
    this.picker.peers.add(peer.key);
    this.#sources.set(peer.key, peer);
    peer.inPicker = true;
    this.#judge.suspect(peer.key);
    const { state, peerHas } = peer.connection;
    if (peerHas.isFull) this.picker.peers.setAll(peer.key);
    else if (!peerHas.isEmpty) this.picker.peers.setBitfield(peer.key, peerHas);
    this.picker.peers.setChoked(peer.key, state.peerChoking);
    for (const pieceIndex of peer.connection.allowedFast) {
      this.picker.peers.allowFast(peer.key, pieceIndex);
    }
    this.updateInterest(peer);
    this.refill(peer);
  }

  /** Forgets a peer; what was asked of it is asked of others. */
  removePeer(peer: BlockSource): void {
    if (!peer.inPicker) return;
    peer.inPicker = false;
    this.#sources.delete(peer.key);
    const released = this.picker.peers.remove(peer.key);
    this.#judge.forget(peer.key);
    if (released.length > 0) this.refillAll();
  }

  /** Takes an event of a peer that concerns pieces and blocks. */
  handle(peer: BlockSource, event: PeerSessionEvent): void {
    // Taken in later with all that is known of it by then.
    if (!peer.inPicker) return;
    const { key } = peer;
    switch (event.type) {
      case "block":
        this.#received(peer, event);
        break;
      case "rejected":
        for (const block of event.blocks) this.picker.released(key, block);
        this.refillAll();
        break;
      case "choked":
        this.picker.peers.setChoked(key, true);
        break;
      case "unchoked":
        this.picker.peers.setChoked(key, false);
        peer.window.restart();
        this.refill(peer);
        break;
      case "snubbed":
        this.refillAll();
        break;
      case "bitfield":
      case "have-all":
      case "have-none":
        if (event.pieces.isFull) this.picker.peers.setAll(key);
        else this.picker.peers.setBitfield(key, event.pieces);
        this.updateInterest(peer);
        this.refill(peer);
        break;
      case "have":
        if (this.picker.peers.gained(key, event.pieceIndex)) {
          this.#spareSeeds(event.pieceIndex);
        }
        this.#followInterest();
        if (this.picker.outstanding(key) === 0) this.refill(peer);
        break;
      case "dont-have":
        if (this.picker.peers.lost(key, event.pieceIndex).length > 0) {
          this.refillAll();
        }
        this.#followInterest();
        break;
      case "suggest":
        this.picker.peers.suggest(key, event.pieceIndex);
        break;
      case "allowed-fast":
        this.picker.peers.allowFast(key, event.pieceIndex);
        this.refill(peer);
        break;
    }
  }

  /** Leaves seeds the time for what only they have. */
  #spareSeeds(pieceIndex: number): void {
    const spared = this.picker.spareSeeds(pieceIndex);
    if (spared.length === 0) return;
    for (const { peer, block } of spared) {
      this.#sources.get(peer)?.connection.cancel(block);
    }
    this.refillAll();
  }

  /** Takes an event of the storage. */
  handleStorage(event: TorrentStorageEvent): void {
    switch (event.type) {
      case "piece-good":
        this.#pieceGood(event.pieceIndex, event.blockDigests);
        break;
      case "piece-bad":
        this.#pieceBad(event.pieceIndex, event.reason, event.blockDigests);
        break;
      case "error":
        if (event.paused) this.#content.torrent.fail(event.error);
        break;
    }
  }

  /** Tells a peer whether we want something of it. */
  updateInterest(peer: BlockSource): void {
    if (!peer.inPicker) return;
    peer.connection.setInterested(
      this.active && this.picker.peers.isInteresting(peer.key),
    );
  }

  /** Notes that other pieces are wanted than before. */
  wantsChanged(): void {
    for (const peer of this.#sources.values()) this.updateInterest(peer);
    this.refillAll();
  }

  /** Notes when pieces are due; for those due soon what is not makes way. */
  dueChanged(due: readonly (readonly [number, number | undefined])[]): void {
    const { pieces } = this.picker;
    const soon = this.#clock.now() + PRESSING_MS;
    this.#dueUntil = soon;
    const isPressing = due.some(([pieceIndex, at = Infinity]) =>
      at < soon && !pieces.hasDeadline(pieceIndex)
    );
    for (const [pieceIndex, at] of due) pieces.setDeadline(pieceIndex, at);
    for (const { key, connection, takesRuns } of this.#sources.values()) {
      if (!isPressing || takesRuns) continue;
      const released = this.picker.releaseUndue(key);
      for (const block of released) connection.cancel(block);
    }
    this.wantsChanged();
  }

  /** Once in a while: feeds rates to the books and looks for idle peers. */
  tick(): void {
    if (!this.active) return;
    for (const peer of this.#sources.values()) {
      this.picker.peers.setRate(peer.key, peer.connection.downloadRate);
    }
    this.refillAll();
  }

  /** Fills the windows of all peers, after the present event is done with. */
  refillAll(): void {
    if (!this.active || this.#refillQueued) return;
    this.#refillQueued = true;
    queueMicrotask(() => {
      this.#refillQueued = false;
      for (const peer of this.#sources.values()) this.refill(peer);
    });
  }

  /** Asks a peer for as much as its window has room for. */
  refill(peer: BlockSource): void {
    if (
      !this.active || this.#heldBack || !peer.inPicker ||
      this.#storage.state === "paused"
    ) return;
    if (peer.takesRuns) return this.#refillRun(peer);
    const { key, connection } = peer;
    const { state, allowedFast } = connection;
    if (state.peerChoking && allowedFast.size === 0) return;
    const now = this.#clock.now();
    const outstanding = this.picker.outstanding(key);
    const rate = connection.downloadRate;
    const hasDue = this.picker.pieces.hasDeadlines || now < this.#dueUntil;
    if (hasDue) this.picker.peers.setRate(key, rate);
    const size = Math.min(
      peer.window.size(rate, state.snubbed, hasDue ? DUE_QUEUE_MS : undefined),
      connection.requestWindow,
    );
    const room = this.#turns.isLimited
      ? this.#turns.room(
        key,
        outstanding,
        size,
        this.picker.requestedBlocks,
        now,
      )
      : RequestWindow.room(outstanding, size);
    if (room <= 0) return;
    const batch = this.#batch;
    batch.length = 0;
    this.picker.pick(key, room, now, batch);
    if (batch.length === 0) {
      if (outstanding === 0 && !state.peerChoking) {
        this.#stealFor(peer, Math.min(room, STEAL_BATCH), now);
      }
      return;
    }
    this.#request(peer, batch);
  }

  /** Asks a source for pieces that lie together, or for what others left. */
  #refillRun(source: BlockSource): void {
    const room = source.connection.requestWindow;
    if (room === 0) return;
    const now = this.#clock.now();
    const batch = this.#batch;
    batch.length = 0;
    this.picker.pickRun(source.key, room, now, batch);
    if (batch.length === 0) this.picker.pick(source.key, room, now, batch);
    if (batch.length > 0) this.#request(source, batch);
    else if (this.picker.outstanding(source.key) === 0) {
      this.#stealFor(source, STEAL_BATCH, now);
    }
  }

  /** Asks for more after a block came: peers that wait for a turn go first. */
  #goOn(peer: BlockSource): void {
    if (!this.#turns.isLimited) return this.refill(peer);
    for (const key of this.#turns.after(peer.key)) {
      const next = this.#sources.get(key);
      if (next !== undefined) this.refill(next);
    }
  }

  #request(peer: BlockSource, blocks: readonly BlockAddress[]): void {
    for (const block of peer.connection.request(blocks)) {
      this.picker.released(peer.key, block);
    }
  }

  #stealFor(peer: BlockSource, count: number, now: number): void {
    const stolen = this.picker.steal(peer.key, count, now);
    if (stolen.length === 0) return;
    const blocks: BlockAddress[] = [];
    for (const { peer: victim, block } of stolen) {
      this.#sources.get(victim)?.connection.cancel(block);
      blocks.push(block);
    }
    this.#request(peer, blocks);
  }

  #received(peer: BlockSource, event: BlockEvent): void {
    const { pieceIndex, blockOffset, data } = event;
    const now = this.#clock.now();
    const result = this.picker.received(
      peer.key,
      pieceIndex,
      blockOffset,
      now,
    );
    if (peer.window.isStarting) {
      peer.window.received(peer.connection.downloadRate, now);
    }
    this.#meter.add(data.length, now);
    if (!result.accepted) {
      this.wastedBytes += data.length;
      this.#goOn(peer);
      return;
    }
    for (const other of result.cancel) {
      this.#sources.get(other)?.connection.cancel({
        pieceIndex,
        blockOffset,
        length: data.length,
      });
    }
    const stored = this.#storage.writeBlock(
      pieceIndex,
      blockOffset,
      data,
      this.picker.pieces.hasDeadline(pieceIndex),
    );
    if (stored === "refused") {
      // Memory is full, or nothing can be written: it is asked for again.
      this.wastedBytes += data.length;
      this.picker.pieces.lostBlock(
        pieceIndex,
        Math.floor(blockOffset / BLOCK_SIZE),
      );
      this.#holdBack();
    }
    this.#goOn(peer);
  }

  /** Asks for nothing until there is memory for the answers. */
  #holdBack(): void {
    const pressure = this.#storage.pressure;
    if (this.#heldBack || pressure === undefined) return;
    this.#heldBack = true;
    void pressure.then(() => {
      this.#heldBack = false;
      this.refillAll();
    });
  }

  #pieceGood(pieceIndex: number, digests: Uint8Array | undefined): void {
    if (this.picker.pieces.state(pieceIndex) === "complete") {
      this.#judge.good(pieceIndex, digests);
    } else {
      for (const { peer, block } of this.picker.pieces.setHave(pieceIndex)) {
        this.#sources.get(peer)?.connection.cancel(block);
      }
    }
    this.#content.pieceDone(pieceIndex);
    this.#followInterest();
  }

  /** Tells those peers that came to be of interest, or ceased to be. */
  #followInterest(): void {
    for (const key of this.picker.peers.takeInterestChanges()) {
      const peer = this.#sources.get(key);
      if (peer !== undefined) this.updateInterest(peer);
    }
  }

  #pieceBad(
    pieceIndex: number,
    reason: PieceBadEvent["reason"],
    digests: Uint8Array | undefined,
  ): void {
    if (this.picker.pieces.state(pieceIndex) === "complete") {
      const evidence = reason === "hash" ? digests : undefined;
      if (evidence) this.wastedBytes += this.#layout.pieceSize(pieceIndex);
      this.#judge.bad(pieceIndex, evidence);
    } else if (reason === "lost") this.picker.pieces.lostBlock(pieceIndex);
    const { torrent } = this.#content;
    torrent.publish({ type: "piece", pieceIndex, good: false });
    if (reason === "contradiction") {
      this.wastedBytes += this.#layout.pieceSize(pieceIndex);
      torrent.fail(
        new SessionError(
          "contradiction",
          `The v1 and v2 hashes of piece ${pieceIndex} disagree: the torrent itself is wrong`,
        ),
      );
    }
    this.refillAll();
  }

  /** Blocks that are stored already, and blocks of nothing but padding. */
  #markStored(): void {
    const pieces = new Set(this.#storage.partialPieces());
    const layout = this.#layout;
    if (layout.files.some((file) => file.pad)) {
      for (let i = 0; i < layout.pieceCount; i++) {
        if (layout.payloadSize(i) < layout.pieceSize(i)) pieces.add(i);
      }
    }
    for (const pieceIndex of pieces) {
      if (this.#storage.have.has(pieceIndex)) continue;
      const blocks = this.#storage.blocksOf(pieceIndex);
      if (blocks !== undefined) {
        this.picker.pieces.markBlocks(pieceIndex, blocks);
      }
    }
  }
}
