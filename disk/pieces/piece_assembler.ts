/**
 * From blocks to verified pieces in files.
 *
 * @module
 */
import type { Bitfield } from "../../_shared/bitfield.ts";
import type { Clock } from "../../_shared/clock.ts";
import { nodeCrypto } from "../../metainfo/node.ts";
import { BLOCK_SIZE, type PieceLayout } from "../../metainfo/piece_layout.ts";
import { attempt, type Awaitable, chain, eachInOrder } from "../awaitable.ts";
import type { PieceHolder } from "./buffer_pool.ts";
import { type DiskError, toDiskError } from "../error.ts";
import { padsOf, PieceBuffer } from "./piece_buffer.ts";
import type { TorrentStorageEvent, WriteBlockResult } from "../storage.ts";
import type { PieceRun, PieceStore } from "../piece_store.ts";
import {
  type JudgedPiece,
  PieceJudge,
  type PieceJudgeContext,
} from "./piece_judge.ts";
import type { PieceVerdict } from "./piece_verifier.ts";
import { RunGatherer } from "./run_gatherer.ts";

/** Where a {@linkcode PieceAssembler} puts pieces. */
export interface PieceWrites
  extends Pick<PieceStore, "readRange" | "writePiece" | "writeRange"> {
  /** How many pieces are best written at once. @default {1} */
  readonly runPieces?: number | undefined;
}

/** What a {@linkcode PieceAssembler} works with. */
export interface PieceAssemblerContext extends PieceJudgeContext {
  /** Where pieces go. */
  readonly store: PieceWrites;
  /** Its bits are set when a piece is written. */
  readonly have: Bitfield;
  /** Takes events. */
  readonly emit: (event: TorrentStorageEvent) => void;
  /** Takes note of work that goes on. */
  readonly track: (work: Promise<unknown>) => void;
  /** Clock of waits. */
  readonly clock: Clock;
}

/** A piece between its first block and its bit. */
interface Assembly extends JudgedPiece {
  /**
   * `filling`: blocks come in. `whole`: waits to be hashed or written. `busy`:
   * is being hashed or written. `waiting`: for pieces to be written with.
   */
  state: "filling" | "whole" | "busy" | "waiting";
  /** Whether the hash was right. */
  isVerified: boolean;
  /** Whether it does not wait for others. */
  isDue: boolean;
  /** Runs on their way to the files before the piece is whole. */
  spilling: Promise<void> | undefined;
}

/**
 * Assembles pieces, hashes and writes them. After an error nothing is written
 * until resumed; what is there stays there.
 */
export class PieceAssembler implements PieceHolder {
  readonly #context: PieceAssemblerContext;
  readonly #layout: PieceLayout;
  readonly #chunkSize: number;
  readonly #judge: PieceJudge;
  readonly #pieces = new Map<number, Assembly>();
  /** Pieces that were bad before. */
  readonly #failed = new Set<number>();
  /** Where pieces are written more than one at a time. */
  readonly #runs: RunGatherer<Assembly> | undefined;
  #error: DiskError | undefined;
  #held = false;
  #badPieces = 0;

  constructor(context: PieceAssemblerContext) {
    this.#context = context;
    this.#layout = context.torrent.layout;
    this.#judge = new PieceJudge(context);
    this.#chunkSize = Math.min(
      context.pool.chunkSize,
      this.#layout.pieceLength,
    );
    const { store, pool, have, clock } = context;
    const { runPieces = 1 } = store;
    if (runPieces > 1 && store.writeRange === undefined) {
      this.#runs = new RunGatherer({
        layout: this.#layout,
        runPieces,
        maxBytes: pool.maxBytes / 4,
        clock,
        isApart: (i) => {
          const piece = this.#pieces.get(i);
          return have.has(i) || piece?.state === "busy" && piece.isVerified;
        },
        isQuiet: () => !this.#isMaking,
        release: (pieces) => {
          for (const piece of pieces) this.#storeAlone(piece);
        },
      });
    }
    // It takes ten milliseconds: now that the first block comes, and not when
    // more do than a socket keeps for so long.
    nodeCrypto();
  }

  /** Why nothing is written. */
  get error(): DiskError | undefined {
    return this.#error;
  }

  /** Pieces that turned out bad. */
  get badPieces(): number {
    return this.#badPieces;
  }

  /** Pieces in the making. */
  get partialCount(): number {
    return this.#pieces.size;
  }

  /** Bytes of their buffers. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const { buffer } of this.#pieces.values()) bytes += buffer.memoryBytes;
    return bytes;
  }

  /** Takes a block of a piece that is not verified; bounds are checked. */
  write(
    pieceIndex: number,
    blockOffset: number,
    data: Uint8Array,
    isDue = false,
  ): WriteBlockResult {
    let assembly = this.#pieces.get(pieceIndex);
    if (assembly === undefined) {
      assembly = this.#begin(pieceIndex);
      this.#hold(assembly);
    }
    if (assembly.state !== "filling") return "duplicate";
    const { buffer } = assembly;
    buffer.lastUse = this.#context.pool.tick();
    if (!buffer.write(blockOffset, data)) return "duplicate";
    assembly.isDue ||= isDue;
    if (buffer.isWhole) {
      assembly.state = "whole";
      this.#finish(assembly);
    } else this.#judge.hashAhead(assembly);
    return "accepted";
  }

  blocksOf(pieceIndex: number): Bitfield | undefined {
    const assembly = this.#pieces.get(pieceIndex);
    if (assembly !== undefined) return assembly.buffer.blocks();
    const size = this.#layout.pieceSize(pieceIndex);
    if (this.#layout.payloadSize(pieceIndex) === size) return undefined;
    const blocks = this.#begin(pieceIndex).buffer.blocks();
    return blocks.isEmpty ? undefined : blocks;
  }

  partialPieces(): number[] {
    return [...this.#pieces.keys()];
  }

  /** Blocks of incomplete pieces that are in the files. */
  *storedBlocks(): Generator<[number, Bitfield], void, undefined> {
    for (const [pieceIndex, { buffer, spilling }] of this.#pieces) {
      if (spilling !== undefined) continue;
      const blocks = buffer.blocks(true);
      if (!blocks.isEmpty) yield [pieceIndex, blocks];
    }
  }

  /** Whether a piece is in the making. */
  has(pieceIndex: number): boolean {
    return this.#pieces.has(pieceIndex);
  }

  /** Counts blocks as there that are in the files. */
  adopt(pieceIndex: number, blocks: Bitfield): void {
    if (this.#context.have.has(pieceIndex)) return;
    const assembly = this.#pieces.get(pieceIndex) ?? this.#begin(pieceIndex);
    const { buffer } = assembly;
    for (const block of blocks) {
      const start = block * BLOCK_SIZE;
      buffer.markStored(start, Math.min(buffer.size, start + BLOCK_SIZE));
    }
    this.#hold(assembly);
    if (buffer.isWhole && assembly.state === "filling") {
      assembly.state = "whole";
      this.#finish(assembly);
    }
  }

  /** Starts no new work on files from now on. */
  hold(): void {
    this.#runs?.release();
    this.#held = true;
  }

  /** Catches up on what was held, but for pieces found good meanwhile. */
  unhold(): void {
    this.#held = false;
    for (const { buffer } of [...this.#pieces.values()]) {
      if (this.#context.have.has(buffer.pieceIndex)) this.#release(buffer);
    }
    this.#retry();
  }

  /** Forgets the error and tries again. */
  resume(): void {
    if (this.#error === undefined) return;
    this.#error = undefined;
    this.#retry();
  }

  /** Forgets every piece in the making. Only while no work goes on. */
  discard(): void {
    this.#runs?.drop();
    for (const { buffer } of this.#pieces.values()) buffer.release();
    this.#pieces.clear();
    this.#context.pool.holders.delete(this);
  }

  /** Pieces whose buffers could be written out now, or dropped. */
  spillable(): PieceBuffer[] {
    if (this.#held || this.#error !== undefined) return [];
    const keepsFullest = this.#context.store.writeRange === undefined;
    let fullest: PieceBuffer | undefined;
    const list: PieceBuffer[] = [];
    for (const { buffer, state, spilling } of this.#pieces.values()) {
      if (state === "waiting") list.push(buffer);
      if (
        state !== "filling" || spilling !== undefined ||
        buffer.memoryBytes === 0
      ) continue;
      list.push(buffer);
      if (buffer.memoryBytes > (fullest?.memoryBytes ?? 0)) fullest = buffer;
    }
    // Where pieces are dropped, one at least gets whole.
    return keepsFullest ? list.filter((buffer) => buffer !== fullest) : list;
  }

  /**
   * Writes out what there is of a piece and frees its memory; drops it where
   * nothing unverified is kept.
   */
  spill(buffer: PieceBuffer): void {
    const { pieceIndex } = buffer;
    const assembly = this.#pieces.get(pieceIndex);
    if (assembly?.buffer !== buffer) return;
    if (assembly.state === "waiting") return this.#runs!.release(pieceIndex);
    if (assembly.state !== "filling") return;
    const { store, pool } = this.#context;
    if (store.writeRange === undefined) {
      this.#release(buffer);
      this.#context.emit({ type: "piece-bad", pieceIndex, reason: "lost" });
      return;
    }
    const detached = buffer.detach();
    const leaving = detached.chunks.length * this.#chunkSize;
    pool.leavingBytes += leaving;
    const result = attempt(
      () =>
        chain(
          eachInOrder(
            detached.runs,
            (run) => store.writeRange!(pieceIndex, run.offset, run.bytes),
          ),
          () => {
            // Before the buffers come back: that wakes who waits for room.
            pool.leavingBytes -= leaving;
            for (const chunk of detached.chunks) pool.give(chunk);
          },
        ),
      (error) => {
        pool.leavingBytes -= leaving;
        buffer.reattach(detached);
        this.#pause(error);
      },
    );
    if (result instanceof Promise) this.#trackSpill(buffer, result);
  }

  /** Writes out everything. */
  spillAll(): void {
    this.#runs?.release();
    if (this.#context.store.writeRange === undefined) return;
    for (const buffer of this.spillable()) {
      this.spill(buffer);
      if (this.#error !== undefined) break;
    }
  }

  /** Writes out what is only in memory so far; it stays there. */
  writeAhead(): void {
    const { store } = this.#context;
    if (store.writeRange === undefined) return;
    for (const buffer of this.spillable()) {
      const runs = buffer.dirtyRuns();
      const result = attempt(
        () =>
          chain(
            eachInOrder(
              runs,
              (run) =>
                store.writeRange!(buffer.pieceIndex, run.offset, run.bytes),
            ),
            () => buffer.markWritten(runs),
          ),
        (error) => this.#pause(error),
      );
      if (result instanceof Promise) this.#trackSpill(buffer, result);
      if (this.#error !== undefined) return;
    }
  }

  #trackSpill(buffer: PieceBuffer, written: Promise<void>): void {
    const assembly = this.#pieces.get(buffer.pieceIndex)!;
    const { pool } = this.#context;
    const work = written.then(() => {
      assembly.spilling = undefined;
      if (pool.isOver) pool.makeRoom();
    });
    assembly.spilling = work;
    this.#context.track(work);
  }

  #hold(assembly: Assembly): void {
    this.#pieces.set(assembly.buffer.pieceIndex, assembly);
    this.#context.pool.holders.add(this);
  }

  #release(buffer: PieceBuffer): void {
    this.#pieces.delete(buffer.pieceIndex);
    if (this.#pieces.size === 0) this.#context.pool.holders.delete(this);
    buffer.release();
  }

  #begin(pieceIndex: number): Assembly {
    return {
      buffer: new PieceBuffer(
        pieceIndex,
        this.#layout.pieceSize(pieceIndex),
        this.#chunkSize,
        this.#context.pool,
        padsOf(this.#layout, pieceIndex),
      ),
      digest: undefined,
      state: "filling",
      isVerified: false,
      isDue: false,
      spilling: undefined,
    };
  }

  #retry(): void {
    for (const assembly of [...this.#pieces.values()]) this.#finish(assembly);
    // Nothing of this torrent could be written meanwhile.
    if (this.#context.pool.isOver) this.#context.pool.makeRoom();
  }

  /** Whether pieces are on the way to being verified. */
  get #isMaking(): boolean {
    for (const { state, isVerified } of this.#pieces.values()) {
      if (!isVerified && state !== "whole") return true;
    }
    return false;
  }

  /** Goes on with a whole piece as far as it can. */
  #finish(assembly: Assembly): void {
    if (assembly.state !== "whole") return;
    if (this.#held || this.#error !== undefined) return;
    assembly.state = "busy";
    const work = attempt<void>(
      () => {
        if (assembly.isVerified) return this.#gather(assembly);
        const judged = assembly.spilling === undefined
          ? this.#judge.judge(assembly)
          : assembly.spilling.then(() => this.#judge.judge(assembly));
        return chain(judged, (verdict) => {
          if (verdict !== "good") return this.#drop(assembly, verdict);
          assembly.isVerified = true;
          return this.#gather(assembly);
        });
      },
      (error) => this.#keep([assembly], error),
    );
    if (work instanceof Promise) this.#context.track(work);
  }

  /** Stores a verified piece, with those beside it if they are best written so. */
  #gather(assembly: Assembly): Awaitable<void> {
    const { isDue, buffer: { pieceIndex } } = assembly;
    if (isDue) this.#runs?.release(pieceIndex);
    if (this.#runs === undefined || this.#held || isDue) {
      return this.#store([assembly]);
    }
    const run = this.#runs.take(pieceIndex, assembly);
    if (run.length > 0) return this.#store(run);
    assembly.state = "waiting";
    // Goes before what would be dropped when memory is short.
    assembly.buffer.lastUse = 0;
  }

  /** Stores a piece that waits no longer. */
  #storeAlone(assembly: Assembly): void {
    assembly.state = "whole";
    if (this.#error !== undefined) return;
    assembly.state = "busy";
    const work = this.#store([assembly]);
    if (work instanceof Promise) this.#context.track(work);
  }
  /** Stores verified pieces that lie beside each other. */
  #store(run: readonly Assembly[]): Awaitable<void> {
    const { store, pool } = this.#context;
    const { pieceIndex } = run[0]!.buffer;
    const runs: PieceRun[] = [];
    let leaving = 0;
    run.forEach(({ buffer }, i) => {
      leaving += buffer.memoryBytes;
      const start = i * this.#layout.pieceLength;
      for (const { offset, bytes } of buffer.dirtyRuns()) {
        runs.push({ offset: start + offset, bytes });
      }
    });
    pool.leavingBytes += leaving;
    return attempt(
      () =>
        chain(store.writePiece(pieceIndex, runs, run.length), () => {
          pool.leavingBytes -= leaving;
          leaving = 0;
          return eachInOrder(run, (assembly) => this.#stored(assembly));
        }),
      (error) => {
        pool.leavingBytes -= leaving;
        this.#keep(run, error);
      },
    );
  }

  #stored({ buffer }: Assembly): Awaitable<void> {
    const { pieceIndex } = buffer;
    const done = (blockDigests?: Uint8Array) => {
      this.#failed.delete(pieceIndex);
      this.#release(buffer);
      this.#context.have.set(pieceIndex);
      this.#context.emit({ type: "piece-good", pieceIndex, blockDigests });
    };
    return this.#failed.has(pieceIndex)
      ? chain(this.#judge.blockDigests(buffer), done)
      : done();
  }

  /** Keeps pieces for another attempt. */
  #keep(pieces: readonly Assembly[], error: unknown): void {
    for (const assembly of pieces) {
      assembly.state = "whole";
      // Part of it may have been hashed: start over.
      if (!assembly.isVerified) assembly.digest = undefined;
    }
    this.#pause(error);
  }

  #drop(
    assembly: Assembly,
    reason: Exclude<PieceVerdict, "good"> | "lost",
  ): Awaitable<void> {
    const { buffer } = assembly;
    const { pieceIndex } = buffer;
    this.#badPieces++;
    const digests = reason === "hash"
      ? this.#judge.blockDigests(buffer)
      : undefined;
    return chain(digests, (blockDigests) => {
      if (reason === "hash") this.#failed.add(pieceIndex);
      this.#release(buffer);
      this.#context.emit({
        type: "piece-bad",
        pieceIndex,
        reason,
        blockDigests,
      });
    });
  }

  #pause(cause: unknown): void {
    const error = toDiskError(cause, { operation: "write piece" });
    const isFirst = this.#error === undefined;
    this.#error ??= error;
    for (const piece of this.#runs?.drop() ?? []) piece.state = "whole";
    if (isFirst) this.#context.emit({ type: "error", error, paused: true });
  }
}
