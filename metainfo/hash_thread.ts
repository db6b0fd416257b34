/**
 * A thread that hashes pieces which are in memory.
 *
 * @module
 */
import { mayStartWorkers, startWorker } from "./hash/pool.ts";
import type { HashedPiece, HashPiece } from "./hash/task.ts";
import type { PieceDigests, PieceHashing } from "./piece_digest.ts";

/** What becomes of a piece that another thread hashed. */
export interface HashedBuffers extends PieceDigests {
  /** The buffers that were sent. */
  readonly buffers: readonly ArrayBuffer[];
}

/**
 * Hashes pieces in a worker. Buffers go there and come back, nothing is copied;
 * who sent them cannot use them meanwhile.
 */
export class HashThread {
  readonly #worker: Worker;
  readonly #waiting: ((hashed: HashedBuffers | undefined) => void)[] = [];
  #isOver = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<HashedPiece>) =>
      this.#waiting.shift()?.(data);
    worker.onmessageerror = () => this.close();
    worker.onerror = (event) => {
      event.preventDefault();
      this.close();
    };
  }

  /** Starts a thread; `undefined` on one core, and where that is not permitted. */
  static start(): HashThread | undefined {
    const isPossible = navigator.hardwareConcurrency > 1 && mayStartWorkers();
    const worker = isPossible ? startWorker() : undefined;
    return worker && new HashThread(worker);
  }

  /** Hashes a piece; `undefined` if the thread ends, and the buffers with it. */
  hash(
    wanted: PieceHashing,
    size: number,
    buffers: readonly ArrayBuffer[],
  ): Promise<HashedBuffers | undefined> {
    if (this.#isOver) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<
      HashedBuffers | undefined
    >();
    this.#waiting.push(resolve);
    const piece: HashPiece = { type: "piece", wanted, size, buffers };
    this.#worker.postMessage(piece, [...buffers]);
    return promise;
  }

  /** Ends it. Idempotent. */
  close(): void {
    this.#isOver = true;
    this.#worker.terminate();
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
