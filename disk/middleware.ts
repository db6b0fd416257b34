/**
 * Wrappers around any file system or store of pieces: to measure it, or to make
 * it fail.
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import { type Awaitable, chain } from "./awaitable.ts";
import { DiskError } from "./error.ts";
import type { FileHandle, FilePath, FileSystem } from "./file_system.ts";
import type { PieceRun, PieceStorage, PieceStore } from "./piece_store.ts";

/** What a call on a file system, a handle or a store of pieces does. */
export type FileOperation =
  | "open"
  | "stat"
  | "remove"
  | "removeEmptyFolder"
  | "rename"
  | "read"
  | "write"
  | "size"
  | "truncate"
  | "sync"
  | "find"
  | "finish"
  | "close";

/** One call, as a layer sees it. */
export interface FileCall {
  /** What is to be done. */
  readonly operation: FileOperation;
  /** On which file; of a store of pieces: the number of the piece or file. */
  readonly path: FilePath;
  /** Where in the file or piece, for reads and writes. */
  readonly offset: number;
  /** How many bytes, for reads and writes. */
  readonly length: number;
}

/** Wraps calls on a file system or on stores of pieces. */
export interface FileInterceptor {
  /**
   * Wraps one call.
   *
   * @typeParam T What the call returns.
   * @param call What is to be done.
   * @param run Performs the call. Reads and writes can be limited to fewer
   * bytes.
   * @returns What the caller gets.
   */
  intercept<T>(
    call: FileCall,
    run: (length?: number) => Awaitable<T>,
  ): Awaitable<T>;
}

/**
 * Makes a file system whose calls all pass through an interceptor. Layers can
 * be stacked.
 *
 * @param inner The file system that does the work.
 * @param interceptor What wraps its calls.
 * @returns The layered file system.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { interceptFileSystem, MemoryFileSystem } from "@bip/bip/disk";
 *
 * const seen: string[] = [];
 * const files = interceptFileSystem(new MemoryFileSystem(), {
 *   intercept(call, run) {
 *     seen.push(call.operation);
 *     return run();
 *   },
 * });
 * await files.stat(["a"]);
 * assertEquals(seen, ["stat"]);
 * ```
 */
export function interceptFileSystem(
  inner: FileSystem,
  interceptor: FileInterceptor,
): FileSystem {
  const call = <T>(
    operation: FileOperation,
    path: FilePath,
    run: () => Awaitable<T>,
  ): Awaitable<T> =>
    interceptor.intercept({ operation, path, offset: 0, length: 0 }, run);
  return {
    open: (path, options) =>
      call("open", path, () =>
        chain(
          inner.open(path, options),
          (handle) => interceptHandle(handle, path, interceptor),
        )),
    stat: (path) => call("stat", path, () => inner.stat(path)),
    remove: (path) => call("remove", path, () => inner.remove(path)),
    removeEmptyFolder: (path) =>
      call("removeEmptyFolder", path, () => inner.removeEmptyFolder(path)),
    rename: (from, to, options) =>
      call("rename", from, () => inner.rename(from, to, options)),
    close: () => inner.close(),
    own: inner.own?.bind(inner),
    realPath: inner.realPath?.bind(inner),
    foldsNames: inner.foldsNames,
  };
}

function interceptHandle(
  handle: FileHandle,
  path: FilePath,
  interceptor: FileInterceptor,
): FileHandle {
  const call = <T>(
    operation: FileOperation,
    offset: number,
    length: number,
    run: (length?: number) => Awaitable<T>,
  ): Awaitable<T> =>
    interceptor.intercept({ operation, path, offset, length }, run);
  return {
    read: (into, offset) =>
      call(
        "read",
        offset,
        into.length,
        (length = into.length) => handle.read(into.subarray(0, length), offset),
      ),
    write: (from, offset) =>
      call(
        "write",
        offset,
        from.length,
        (length = from.length) =>
          handle.write(from.subarray(0, length), offset),
      ),
    size: () => call("size", 0, 0, () => handle.size()),
    stat: handle.stat && (() => call("size", 0, 0, () => handle.stat!())),
    truncate: (size) => call("truncate", size, 0, () => handle.truncate(size)),
    sync: () => call("sync", 0, 0, () => handle.sync()),
    close: () => call("close", 0, 0, () => handle.close()),
  };
}

/**
 * Makes a storage of pieces whose calls all pass through an interceptor, as
 * {@linkcode interceptFileSystem} does for files: the same interceptors serve
 * both.
 *
 * @param inner The storage that does the work.
 * @param interceptor What wraps its calls.
 * @returns The layered storage.
 *
 * @example
 * ```ts
 * import { FileTimings, interceptStorage, MemoryStorage } from "@bip/bip/disk";
 * import { systemClock } from "@bip/bip/disk";
 *
 * const timings = new FileTimings(systemClock);
 * const storage = interceptStorage(new MemoryStorage(), timings);
 * ```
 */
export function interceptStorage(
  inner: PieceStorage,
  interceptor: FileInterceptor,
): PieceStorage {
  return {
    runPieces: inner.runPieces?.bind(inner),
    open: (torrent, options) =>
      interceptor.intercept<PieceStore>(
        { operation: "open", path: [], offset: 0, length: 0 },
        () =>
          chain(
            inner.open(torrent, options),
            (store) => interceptStore(store, interceptor),
          ),
      ),
  };
}

function interceptStore(
  store: PieceStore,
  interceptor: FileInterceptor,
): PieceStore {
  const call = <T>(
    operation: FileOperation,
    index: number | undefined,
    run: (length?: number) => Awaitable<T>,
    offset = 0,
    length = 0,
  ): Awaitable<T> => {
    const path = index === undefined ? [] : [`${index}`];
    return interceptor.intercept({ operation, path, offset, length }, run);
  };
  const { writeRange } = store;
  return {
    find: (signal) => call("find", undefined, () => store.find(signal)),
    writePiece(pieceIndex, runs, count) {
      const size = runs.reduce((sum, { bytes }) => sum + bytes.length, 0);
      return call(
        "write",
        pieceIndex,
        (length = size) =>
          store.writePiece(pieceIndex, cut(runs, length), count),
        0,
        size,
      );
    },
    writeRange: writeRange && ((pieceIndex, offset, bytes) =>
      call(
        "write",
        pieceIndex,
        (length = bytes.length) =>
          writeRange.call(store, pieceIndex, offset, bytes.subarray(0, length)),
        offset,
        bytes.length,
      )),
    readRange: (pieceIndex, offset, into) =>
      call(
        "read",
        pieceIndex,
        (length = into.length) =>
          chain(
            store.readRange(pieceIndex, offset, into.subarray(0, length)),
            (isThere) => isThere && length === into.length,
          ),
        offset,
        into.length,
      ),
    finish: (fileIndex, signal) =>
      call("finish", fileIndex, () => store.finish?.(fileIndex, signal)),
    remove: () => call("remove", undefined, () => store.remove()),
    close: () => call("close", undefined, () => store.close?.()),
  };
}

/** The first bytes of runs. */
function cut(runs: readonly PieceRun[], length: number): PieceRun[] {
  const first: PieceRun[] = [];
  for (const { offset, bytes } of runs) {
    if (length <= 0) break;
    first.push({ offset, bytes: bytes.subarray(0, length) });
    length -= bytes.length;
  }
  return first;
}

/** What one kind of call took. */
export interface FileTiming {
  /** How many calls ended. */
  readonly count: number;
  /** How many of them failed. */
  readonly failures: number;
  /** Bytes that were asked for. */
  readonly bytes: number;
  /** All their time, in milliseconds. */
  readonly totalMs: number;
  /** The longest, in milliseconds. */
  readonly maxMs: number;
}

/**
 * Measures calls. Give it to {@linkcode interceptFileSystem} or
 * {@linkcode interceptStorage}.
 */
export class FileTimings implements FileInterceptor {
  readonly #clock: Clock;
  readonly #timings = new Map<FileOperation, FileTiming>();

  /**
   * Starts with nothing measured.
   *
   * @param clock Clock to use.
   */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * What was measured so far.
   *
   * @returns A snapshot by operation.
   */
  stats(): ReadonlyMap<FileOperation, FileTiming> {
    return new Map(this.#timings);
  }

  /**
   * Measures one call.
   *
   * @typeParam T What the call returns.
   * @param call What is to be done.
   * @param run Does it.
   * @returns Its result.
   */
  intercept<T>(
    call: FileCall,
    run: (length?: number) => Awaitable<T>,
  ): Awaitable<T> {
    const start = this.#clock.now();
    let result: Awaitable<T>;
    try {
      result = run();
    } catch (error) {
      this.#note(call, start, true);
      throw error;
    }
    if (!(result instanceof Promise)) {
      this.#note(call, start, false);
      return result;
    }
    return result.then((value) => {
      this.#note(call, start, false);
      return value;
    }, (error) => {
      this.#note(call, start, true);
      throw error;
    });
  }

  #note(call: FileCall, start: number, failed: boolean): void {
    const took = this.#clock.now() - start;
    const old = this.#timings.get(call.operation);
    this.#timings.set(call.operation, {
      count: (old?.count ?? 0) + 1,
      failures: (old?.failures ?? 0) + (failed ? 1 : 0),
      bytes: (old?.bytes ?? 0) + call.length,
      totalMs: (old?.totalMs ?? 0) + took,
      maxMs: Math.max(old?.maxMs ?? 0, took),
    });
  }
}

/** What goes wrong with a call. */
export interface FileFault {
  /** Makes the call take until this settles; it may then fail or not. */
  readonly after?: Promise<unknown> | undefined;
  /** Makes a read end early, or a write stop early before its error. */
  readonly length?: number | undefined;
  /** Makes the call fail. A write cut short without it is `disk-full`. */
  readonly error?: Error | undefined;
}

/**
 * Makes calls fail, for tests. Give it to {@linkcode interceptFileSystem} or
 * {@linkcode interceptStorage}.
 *
 * @param decide Looks at a call and its number (from 0) and says what goes
 * wrong, if anything.
 * @returns The interceptor.
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import {
 *   DiskError,
 *   injectFaults,
 *   interceptFileSystem,
 *   MemoryFileSystem,
 * } from "@bip/bip/disk";
 *
 * const error = new DiskError("io", "Broken", { operation: "open" });
 * const files = interceptFileSystem(
 *   new MemoryFileSystem(),
 *   injectFaults((call) => call.operation === "open" ? { error } : undefined),
 * );
 * assertThrows(() => files.open(["a"]), DiskError, "Broken");
 * ```
 */
export function injectFaults(
  decide: (call: FileCall, index: number) => FileFault | undefined,
): FileInterceptor {
  let index = 0;
  return {
    intercept<T>(
      call: FileCall,
      run: (length?: number) => Awaitable<T>,
    ): Awaitable<T> {
      const fault = decide(call, index++);
      if (fault === undefined) return run();
      const go = (): Awaitable<T> => {
        const { length, error } = fault;
        if (length === undefined) {
          if (error !== undefined) throw error;
          return run();
        }
        const cut = run(Math.min(length, call.length));
        if (call.operation === "read" && error === undefined) return cut;
        return chain(cut, () => {
          throw error ?? new DiskError("disk-full", "No space left", {
            operation: call.operation,
            path: call.path,
            offset: call.offset + length,
          });
        });
      };
      return fault.after === undefined ? go() : fault.after.then(go);
    },
  };
}
