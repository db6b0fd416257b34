/**
 * Fetches the piece layers of a v2 torrent that came as a magnet link: the
 * info dictionary has only the roots (BEP 52). Pure: peers, answers and time
 * come in, requests go out. Every answer is proved against its root, so a liar
 * is known at once.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import type { Machine } from "../../_shared/machine.ts";
import {
  MERKLE_HASH_LENGTH,
  merkleHeight,
  merklePieceLayer,
} from "../../metainfo/merkle.ts";
import {
  isProvedMerkleRange,
  MAX_MERKLE_RANGE_LENGTH,
} from "../../metainfo/merkle_range.ts";
import { BLOCK_SIZE } from "../../metainfo/piece_layout.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { HashRange } from "../../peer/mod.ts";

/** Requests a peer may owe us. */
const MAX_OUTSTANDING = 4;
/** After this time another peer is asked as well. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A peer that refused is asked again after this time. */
const REJECT_BACKOFF_MS = 30_000;

/** Inputs of {@linkcode PieceLayerMachine}. */
export type PieceLayerInput =
  | { readonly type: "peer" | "gone"; readonly peer: number }
  | {
    readonly type: "hashes";
    readonly peer: number;
    readonly range: HashRange;
    /** Copied by the machine. */
    readonly hashes: Uint8Array;
  }
  | {
    readonly type: "reject";
    readonly peer: number;
    readonly range: HashRange;
  };

/** Outputs of {@linkcode PieceLayerMachine}. */
export type PieceLayerOutput =
  | {
    readonly type: "request";
    readonly peer: number;
    readonly range: HashRange;
  }
  | { readonly type: "drop"; readonly peer: number; readonly reason: string }
  | {
    readonly type: "done";
    /** Hashes back to back, by the root in hex. */
    readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
  };

interface Run {
  readonly key: string;
  readonly range: HashRange;
  readonly fileLength: number;
  readonly layer: Uint8Array;
  /** Hashes of the run that are no padding. */
  readonly count: number;
  /** Whom it was asked of, and when. */
  askedOf: number | undefined;
  askedAt: number;
}

function keyOf(range: HashRange): string {
  return `${toHex(range.piecesRoot)}/${range.index}/${range.length}`;
}

/** Gathers all piece layers that a torrent lacks. */
export class PieceLayerMachine
  implements Machine<PieceLayerInput, PieceLayerOutput> {
  readonly #layers = new Map<string, Uint8Array>();
  /** Runs that are not here yet. */
  readonly #open = new Map<string, Run>();
  /** Peers, and until when each is left alone. */
  readonly #peers = new Map<number, number>();
  readonly #outputs: PieceLayerOutput[] = [];
  #deadline: number | undefined;

  constructor(metainfo: Metainfo) {
    const { pieceLength } = metainfo;
    const baseLayer = merklePieceLayer(pieceLength);
    for (const { piecesRoot, length: fileLength } of metainfo.files) {
      if (piecesRoot === undefined || fileLength <= pieceLength) continue;
      const root = toHex(piecesRoot);
      if (this.#layers.has(root)) continue;
      const total = Math.ceil(fileLength / pieceLength);
      const layer = new Uint8Array(total * MERKLE_HASH_LENGTH);
      this.#layers.set(root, layer);
      const height = merkleHeight(Math.ceil(fileLength / BLOCK_SIZE));
      const width = 2 ** (height - baseLayer);
      const length = Math.min(width, MAX_MERKLE_RANGE_LENGTH);
      for (let index = 0; index < total; index += length) {
        const range = {
          piecesRoot,
          baseLayer,
          index,
          length,
          proofLayers: height - baseLayer - 1,
        };
        this.#open.set(keyOf(range), {
          key: keyOf(range),
          range,
          fileLength,
          layer,
          count: Math.min(length, total - index),
          askedOf: undefined,
          askedAt: 0,
        });
      }
    }
    if (this.done) this.#finish();
  }

  /** Whether everything is here. */
  get done(): boolean {
    return this.#open.size === 0;
  }

  /** When {@linkcode handleTimeout} wants to be called. */
  get deadline(): number | undefined {
    return this.done ? undefined : this.#deadline;
  }

  /** Takes one input. */
  handle(input: PieceLayerInput, now: number): void {
    if (this.done) return;
    switch (input.type) {
      case "peer":
        if (!this.#peers.has(input.peer)) this.#peers.set(input.peer, 0);
        break;
      case "gone":
        this.#forget(input.peer);
        break;
      case "reject": {
        const run = this.#open.get(keyOf(input.range));
        if (run?.askedOf !== input.peer) break;
        run.askedOf = undefined;
        this.#peers.set(input.peer, now + REJECT_BACKOFF_MS);
        break;
      }
      case "hashes":
        this.#take(input.peer, input.range, input.hashes);
        break;
    }
    this.#ask(now);
  }

  /** Takes the next output. */
  poll(): PieceLayerOutput | undefined {
    return this.#outputs.shift();
  }

  /** Asks others for what peers owe for too long. */
  handleTimeout(now: number): void {
    if (this.done) return;
    for (const run of this.#open.values()) {
      if (run.askedOf === undefined) continue;
      if (now < run.askedAt + REQUEST_TIMEOUT_MS) continue;
      this.#peers.set(run.askedOf, now + REJECT_BACKOFF_MS);
      run.askedOf = undefined;
    }
    this.#ask(now);
  }

  #take(peer: number, range: HashRange, hashes: Uint8Array): void {
    const run = this.#open.get(keyOf(range));
    if (run === undefined || !this.#peers.has(peer)) return;
    if (
      !isProvedMerkleRange(hashes, run.range, range.piecesRoot, run.fileLength)
    ) {
      this.#forget(peer);
      this.#outputs.push({
        type: "drop",
        peer,
        reason: "Peer sent hashes that do not lead to the file's root",
      });
      return;
    }
    run.layer.set(
      hashes.subarray(0, run.count * MERKLE_HASH_LENGTH),
      run.range.index * MERKLE_HASH_LENGTH,
    );
    this.#open.delete(run.key);
    if (this.done) this.#finish();
  }

  #finish(): void {
    this.#outputs.push({ type: "done", pieceLayers: this.#layers });
  }

  #forget(peer: number): void {
    this.#peers.delete(peer);
    for (const run of this.#open.values()) {
      if (run.askedOf === peer) run.askedOf = undefined;
    }
  }

  #ask(now: number): void {
    let wake = Infinity;
    const owed = new Map<number, number>();
    for (const { askedOf, askedAt } of this.#open.values()) {
      if (askedOf === undefined) continue;
      owed.set(askedOf, (owed.get(askedOf) ?? 0) + 1);
      wake = Math.min(wake, askedAt + REQUEST_TIMEOUT_MS);
    }
    const free = [...this.#open.values()].filter((run) =>
      run.askedOf === undefined
    );
    for (const [peer, notBefore] of this.#peers) {
      if (notBefore > now) {
        wake = Math.min(wake, notBefore);
        continue;
      }
      for (let n = owed.get(peer) ?? 0; n < MAX_OUTSTANDING; n++) {
        const run = free.shift();
        if (run === undefined) break;
        run.askedOf = peer;
        run.askedAt = now;
        this.#outputs.push({ type: "request", peer, range: run.range });
        wake = Math.min(wake, now + REQUEST_TIMEOUT_MS);
      }
    }
    this.#deadline = wake === Infinity ? undefined : wake;
  }
}
