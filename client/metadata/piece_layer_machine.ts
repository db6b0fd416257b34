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
import { Asker, askJointly } from "./asker.ts";

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
  readonly range: HashRange;
  readonly fileLength: number;
  readonly layer: Uint8Array;
  /** Hashes of the run that are no padding. */
  readonly count: number;
}

function keyOf(range: HashRange): string {
  return `${toHex(range.piecesRoot)}/${range.index}/${range.length}`;
}

/** Gathers all piece layers that a torrent lacks. */
export class PieceLayerMachine
  implements Machine<PieceLayerInput, PieceLayerOutput> {
  readonly #layers = new Map<string, Uint8Array>();
  readonly #runs: Run[] = [];
  /** Index of each run, by its range. */
  readonly #indices = new Map<string, number>();
  /** Runs that are not here yet, by index. */
  readonly #open = new Set<number>();
  readonly #peers = new Map<number, Asker>();
  #answers = 0;
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
        const run = this.#runs.length;
        this.#indices.set(keyOf(range), run);
        this.#open.add(run);
        const count = Math.min(length, total - index);
        this.#runs.push({ range, fileLength, layer, count });
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
        if (!this.#peers.has(input.peer)) {
          this.#peers.set(input.peer, new Asker(input.peer));
        }
        break;
      case "gone":
        this.#peers.delete(input.peer);
        break;
      // What was never asked for is passed over.
      case "reject": {
        const run = this.#indices.get(keyOf(input.range)) ?? -1;
        if (this.#peers.get(input.peer)?.reject(run, now) !== true) return;
        break;
      }
      case "hashes":
        if (!this.#take(input.peer, input.range, input.hashes)) return;
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
    for (const asker of this.#peers.values()) asker.giveUpLate(now);
    this.#ask(now);
  }

  /** Whether they were asked for. */
  #take(peer: number, range: HashRange, hashes: Uint8Array): boolean {
    const index = this.#indices.get(keyOf(range));
    const asker = this.#peers.get(peer);
    if (index === undefined || asker?.answer(index) !== true) return false;
    const run = this.#runs[index]!;
    if (
      !isProvedMerkleRange(hashes, run.range, range.piecesRoot, run.fileLength)
    ) {
      this.#peers.delete(peer);
      this.#outputs.push({
        type: "drop",
        peer,
        reason: "Peer sent hashes that do not lead to the file's root",
      });
      return true;
    }
    asker.approve(this.#answers++);
    run.layer.set(
      hashes.subarray(0, run.count * MERKLE_HASH_LENGTH),
      run.range.index * MERKLE_HASH_LENGTH,
    );
    this.#open.delete(index);
    if (this.done) this.#finish();
    return true;
  }

  #finish(): void {
    this.#outputs.push({ type: "done", pieceLayers: this.#layers });
  }

  #ask(now: number): void {
    const askers = [...this.#peers.values()].sort(Asker.compare);
    askJointly(this.#open, askers, now, (asker, run) => {
      asker.ask(run, now);
      const { range } = this.#runs[run]!;
      this.#outputs.push({ type: "request", peer: asker.peer, range });
    });
    const wake = Math.min(...askers.map((asker) => asker.wakeAt(now, true)));
    this.#deadline = wake === Infinity ? undefined : wake;
  }
}
