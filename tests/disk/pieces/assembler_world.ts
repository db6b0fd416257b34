/** A piece assembler over a store in memory. */
import { Bitfield } from "../../../_shared/bitfield.ts";
import { DiskError } from "../../../disk/error.ts";
import type { PieceRun } from "../../../disk/piece_store.ts";
import { BufferPool } from "../../../disk/pieces/buffer_pool.ts";
import {
  PieceAssembler,
  type PieceWrites,
} from "../../../disk/pieces/piece_assembler.ts";
import type {
  TorrentStorageEvent,
  WriteBlockResult,
} from "../../../disk/storage.ts";
import { DiskTimings } from "../../../disk/timings.ts";
import { BLOCK_SIZE } from "../../../metainfo/piece_layout.ts";
import { SimClock } from "../../../testing/sim_clock.ts";
import { makeTorrent, type TestTorrent } from "../support.ts";

const MIB = 1024 * 1024;

/** Three pieces of two blocks, the last of one and a half. */
export const torrent: TestTorrent = makeTorrent({
  pieceLength: 2 * BLOCK_SIZE,
  files: [2 * 2 * BLOCK_SIZE + BLOCK_SIZE + 100],
});

/** One call of the store. */
export interface Call {
  readonly name: "write" | "piece" | "read";
  readonly pieceIndex: number;
  /** How many pieces, where runs are written. */
  readonly count?: number | undefined;
  /** Offsets and lengths. */
  readonly runs: readonly (readonly [number, number])[];
}

/** Options of {@linkcode setUp}. */
export interface BenchOptions {
  readonly of?: TestTorrent;
  readonly maxBytes?: number;
  /** Whether incomplete pieces can be written. */
  readonly ranges?: boolean;
  /** Pieces that are written at once. */
  readonly runPieces?: number;
}

/** An assembler, and what happens to it. */
export interface AssemblerWorld {
  /** Makes calls fail, or take as long as it does. */
  answer?: ((call: Call) => Promise<void> | void) | undefined;
  readonly assembler: PieceAssembler;
  readonly clock: SimClock;
  readonly pool: BufferPool;
  readonly have: Bitfield;
  readonly events: TorrentStorageEvent[];
  readonly work: Promise<unknown>[];
  /** What the store has of each piece. */
  readonly bytes: readonly Uint8Array[];
  /** Gives whole pieces. */
  piece(...pieces: number[]): void;
  /** Gives a block. */
  block(pieceIndex: number, index: number, length?: number): WriteBlockResult;
  /** Types of events since it was asked last. */
  told(): string[];
  /** Calls of the store since then. */
  taken(): Call[];
  /** Which pieces were written since then, with how many at once. */
  written(): string;
}

export function setUp(options: BenchOptions = {}): AssemblerWorld {
  const { of = torrent, maxBytes = MIB, ranges = true, runPieces } = options;
  const calls: Call[] = [];
  const events: TorrentStorageEvent[] = [];
  const work: Promise<unknown>[] = [];
  const bytes = of.content.map((piece) => new Uint8Array(piece.length));
  const state: Pick<AssemblerWorld, "answer"> = {};
  const run = (call: Call, done: () => void) => {
    calls.push(call);
    const answer = state.answer?.(call);
    return answer === undefined ? done() : answer.then(done);
  };
  const put = (pieceIndex: number, { offset, bytes: part }: PieceRun) => {
    const { pieceLength } = of.layout;
    const index = pieceIndex + Math.floor(offset / pieceLength);
    bytes[index]!.set(part, offset % pieceLength);
  };
  const store: PieceWrites = {
    runPieces,
    readRange(pieceIndex, offset, into) {
      calls.push({ name: "read", pieceIndex, runs: [[offset, into.length]] });
      into.set(bytes[pieceIndex]!.subarray(offset, offset + into.length));
      return true;
    },
    writePiece: (pieceIndex, runs, count) =>
      run({
        name: "piece",
        pieceIndex,
        ...(runPieces === undefined ? {} : { count }),
        runs: runs.map(({ offset, bytes }) => [offset, bytes.length] as const),
      }, () => runs.forEach((one) => put(pieceIndex, one))),
    writeRange: ranges
      ? (pieceIndex, offset, part) =>
        run(
          { name: "write", pieceIndex, runs: [[offset, part.length]] },
          () => put(pieceIndex, { offset, bytes: part }),
        )
      : undefined,
  };
  const pool = new BufferPool(maxBytes);
  const have = new Bitfield(of.layout.pieceCount);
  const clock = new SimClock();
  const assembler = new PieceAssembler({
    torrent: of,
    store,
    pool,
    have,
    timings: new DiskTimings(clock),
    clock,
    emit: (event) => events.push(event),
    track: (one) => work.push(one),
  });
  const block = (pieceIndex: number, index: number, length = BLOCK_SIZE) => {
    const start = index * BLOCK_SIZE;
    const data = of.content[pieceIndex]!.subarray(start, start + length);
    return assembler.write(pieceIndex, start, data);
  };
  const told = () => events.splice(0).map((event) => event.type);
  const taken = () => calls.splice(0);
  const piece = (...pieces: number[]) => {
    for (const i of pieces) assembler.write(i, 0, of.content[i]!);
  };
  const written = () =>
    taken().map(({ pieceIndex, count }) => `${pieceIndex}+${count}`).join(" ");
  return Object.assign(state, {
    assembler,
    clock,
    piece,
    written,
    pool,
    have,
    events,
    work,
    block,
    told,
    taken,
    bytes,
  });
}

export const full: DiskError = new DiskError("disk-full", "No space left", {
  operation: "x",
});
