/**
 * Runs a hashing task on several threads: workers, and slices of the calling
 * thread. Threads claim runs of pieces from shared memory, open the files
 * themselves and write digests to shared memory: no payload is passed around.
 *
 * @module
 */
import { onAborted } from "../../_shared/abort.ts";
import { checkThreads, type HashThreadOptions } from "../hash_options.ts";
import { nextTurn } from "../node.ts";
import type { PieceLayout } from "../piece_layout.ts";
import { HashReader, HashReadError } from "./reader.ts";
import {
  CONTROL_STOP,
  type HashFailure,
  type HashMemory,
  hashMemory,
  type HashTask,
  type HashWorkerMessage,
  type HashWorkerStart,
  PIECE_PENDING,
  sendableTask,
} from "./task.ts";

/**
 * Starting a worker costs about what hashing this many bytes does: fewer bytes
 * are not worth one.
 */
const BYTES_PER_WORKER = 64 * 1024 * 1024;

/**
 * Files this short or shorter on average are hashed by the calling thread
 * alone: opening them is most of the work, and a worker needs to be told of
 * each.
 */
export const SMALL_FILE: number = 64 * 1024;

/** The calling thread hashes at most about this long before others may run. */
const SLICE_MS = 8;

/** Options of {@linkcode runHashTask}. */
export interface RunHashTaskOptions extends HashThreadOptions {
  /** Called with runs of pieces as they are done, in no particular order. */
  readonly onPieces?: ((first: number, end: number) => void) | undefined;
  /** Stops the work; the promise rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

const WORKER_URL = new URL("./worker.ts", import.meta.url);

/** Never called: what walks the imports (install, compile) takes it along. */
const _worker = () => import("./worker.ts");

/** Whether a worker has a chance: a refused one writes to stderr. */
export function mayStartWorkers(): boolean {
  if (typeof Worker === "undefined") return false;
  if (WORKER_URL.protocol !== "file:") return true;
  const path = new URL("../", WORKER_URL);
  const { state } = Deno.permissions.querySync({ name: "read", path });
  return state === "granted";
}

/** Starts a worker; `undefined` where that fails. */
export function startWorker(): Worker | undefined {
  try {
    return new Worker(WORKER_URL, { type: "module", name: "bip-hash" });
  } catch {
    return undefined;
  }
}

/** A running job: its workers, and what they have said. */
class HashJob {
  readonly #start: HashWorkerStart;
  readonly #workers = new Set<Worker>();
  readonly #onPieces: (first: number, end: number) => void;
  #failure: HashFailure | undefined;
  #wake: (() => void) | undefined;

  constructor(
    start: HashWorkerStart,
    onPieces: (first: number, end: number) => void,
  ) {
    this.#start = start;
    this.#onPieces = onPieces;
  }

  get running(): number {
    return this.#workers.size;
  }

  /** Throws what a worker failed with. */
  check(): void {
    if (this.#failure !== undefined) throw new HashReadError(this.#failure);
  }

  /** Starts a worker; where that fails, the others take its share. */
  startWorker(): boolean {
    const worker = startWorker();
    if (worker === undefined) return false;
    this.#workers.add(worker);
    worker.onmessage = (event: MessageEvent<HashWorkerMessage>) => {
      if (!this.#workers.has(worker)) return;
      const message = event.data;
      if (message.type === "pieces") {
        this.#onPieces(message.first, message.end);
      } else if (message.type === "failed") {
        this.#failure ??= message.failure;
        this.#end(worker);
      } else this.#end(worker);
      this.wake();
    };
    worker.onmessageerror = () => this.#end(worker);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(worker);
      this.wake();
    };
    worker.postMessage(this.#start);
    return true;
  }

  #end(worker: Worker): void {
    this.#workers.delete(worker);
    worker.terminate();
  }

  /** Resolves when a worker says something, or when woken. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  stop(): void {
    Atomics.store(this.#start.memory.control, CONTROL_STOP, 1);
    for (const worker of [...this.#workers]) this.#end(worker);
  }
}

async function hashInSlices(
  reader: HashReader,
  first: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let sliceEnd = performance.now() + SLICE_MS;
  for (let i = first; i < end; i++) {
    reader.hashPiece(i);
    if (performance.now() >= sliceEnd) {
      await nextTurn();
      signal?.throwIfAborted();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
}

/**
 * Hashes the pieces of files on disk. Returns the memory, every piece of it
 * hashed, unreadable or skipped.
 */
export async function runHashTask(
  task: HashTask,
  layout: PieceLayout,
  options: RunHashTaskOptions = {},
  memory: HashMemory = hashMemory(task, layout.pieceCount),
): Promise<HashMemory> {
  const { signal, useCallingThread = true, onPieces = () => {} } = options;
  signal?.throwIfAborted();
  let wanted = checkThreads(options.threads) - (useCallingThread ? 1 : 0);
  const worth = layout.totalLength / BYTES_PER_WORKER;
  const isSmall = layout.totalLength <= SMALL_FILE * layout.fileCount;
  if (useCallingThread && isSmall) wanted = 0;
  wanted = Math.min(wanted, Math.floor(worth) - (useCallingThread ? 1 : 0));
  if (wanted > 0 && !mayStartWorkers()) wanted = 0;

  const start = { task: wanted > 0 ? sendableTask(task) : task, memory };
  const job = new HashJob(start, onPieces);
  const forget = onAborted(signal, () => {
    job.stop();
    job.wake();
  });
  using reader = new HashReader(task, memory, layout);
  try {
    let started = 0;
    while (true) {
      signal?.throwIfAborted();
      job.check();
      if (started < wanted) {
        started = job.startWorker() ? started + 1 : wanted;
      }
      if (job.running > 0 && !useCallingThread) {
        if (started >= wanted) await job.next();
        else await nextTurn();
        continue;
      }
      const run = reader.claim();
      if (run === undefined) break;
      await hashInSlices(reader, run.first, run.end, signal);
      onPieces(run.first, run.end);
      await nextTurn();
    }
    while (job.running > 0) {
      await job.next();
      signal?.throwIfAborted();
      job.check();
    }
    signal?.throwIfAborted();
    job.check();
    await hashLeftovers(memory, layout, reader, onPieces, signal);
    return memory;
  } finally {
    forget();
    job.stop();
  }
}

/** Hashes what a failed worker had claimed. */
async function hashLeftovers(
  memory: HashMemory,
  layout: PieceLayout,
  reader: HashReader,
  onPieces: (first: number, end: number) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { pieces } = memory;
  for (
    let i = pieces.indexOf(PIECE_PENDING);
    i >= 0 && i < layout.pieceCount;
    i = pieces.indexOf(PIECE_PENDING, i + 1)
  ) {
    reader.expect(i + 1);
    await hashInSlices(reader, i, i + 1, signal);
    onPieces(i, i + 1);
  }
}
