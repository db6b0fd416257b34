/**
 * Another thread that hashes pieces, while they come so fast that it pays.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import type { HashThread } from "../../metainfo/hash_thread.ts";
import type { StorageTorrent } from "../storage.ts";
import type { PieceBuffer } from "./piece_buffer.ts";
import { hashingOf, judge, type PieceVerdict } from "./piece_verifier.ts";

/** Bytes after which it is looked at how fast they came. */
const WINDOW_BYTES = 64 * 1024 * 1024;
/** So long at most, in milliseconds: hashing keeps a thread busy for a tenth. */
const FAST_MS = 500;
/** So long, and the thread is not worth its memory any more. */
const SLOW_MS = 10_000;
/**
 * Bytes that may be with the thread, or one piece. When it has no core of its
 * own it falls behind, and other pieces are hashed here.
 */
const MAX_LENT_BYTES = 8 * 1024 * 1024;

/** Starts the thread; `undefined` where there can be none. */
export type StartHashThread = () => Promise<
  Pick<HashThread, "hash" | "close"> | undefined
>;

/** What a thread does is loaded with it. */
const startThread: StartHashThread = async () =>
  (await import("../../metainfo/hash_thread.ts")).HashThread.start();

/** Has a thread hash, from when it pays to when it does not. */
export class HashHelper {
  readonly #clock: Clock;
  readonly #start: StartHashThread;
  #thread: Awaited<ReturnType<StartHashThread>>;
  /** Whether it is being started, or cannot be. */
  #isTried = false;
  #users = 0;
  #lentBytes = 0;
  #bytes = 0;
  #since: number;
  #cancelLook = () => {};

  constructor(clock: Clock, start: StartHashThread = startThread) {
    this.#clock = clock;
    this.#start = start;
    this.#since = clock.now();
  }

  /** Whether a piece would be hashed elsewhere. */
  get isFree(): boolean {
    return this.#thread !== undefined && this.#lentBytes < MAX_LENT_BYTES;
  }

  /** Counts one more manager that may use it. */
  use(): void {
    this.#users++;
  }

  /** Counts one less; the last one ends the thread. */
  release(): void {
    if (--this.#users === 0) this.#end();
  }

  /** Hashes a whole piece; `undefined` if that is to be done here. */
  judge(
    torrent: StorageTorrent,
    buffer: PieceBuffer,
    pool: { leavingBytes: number },
  ): Promise<PieceVerdict | "lost"> | undefined {
    const buffers = this.isFree ? buffer.lend() : undefined;
    if (buffers === undefined) return undefined;
    const { memoryBytes } = buffer;
    pool.leavingBytes += memoryBytes;
    return this.#hash(torrent, buffer, buffers)
      .finally(() => pool.leavingBytes -= memoryBytes);
  }

  async #hash(
    torrent: StorageTorrent,
    buffer: PieceBuffer,
    buffers: readonly ArrayBuffer[],
  ): Promise<PieceVerdict | "lost"> {
    const { pieceIndex, size } = buffer;
    const wanted = hashingOf(torrent, pieceIndex);
    this.#lentBytes += size;
    const hashed = await this.#thread!.hash(wanted, size, buffers);
    this.#lentBytes -= size;
    buffer.takeBack(hashed?.buffers);
    if (hashed !== undefined) return judge(torrent, pieceIndex, hashed);
    // It has failed, and is not started again.
    this.#thread = undefined;
    return "lost";
  }

  /** Takes note of a whole piece: how fast they come decides. */
  note(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes < WINDOW_BYTES) return;
    const now = this.#clock.now();
    const isFast = now - this.#since <= FAST_MS;
    this.#bytes = 0;
    this.#since = now;
    if (isFast && !this.#isTried) void this.#begin();
  }

  async #begin(): Promise<void> {
    this.#isTried = true;
    // Where it may not be loaded things go on as they are.
    const thread = await this.#start().catch(() => undefined);
    if (thread === undefined) return;
    this.#thread = thread;
    if (this.#users === 0) this.#end();
    else this.#lookLater();
  }

  #lookLater(): void {
    this.#cancelLook = this.#clock.schedule(this.#clock.now() + SLOW_MS, () => {
      if (this.#clock.now() - this.#since < SLOW_MS) this.#lookLater();
      else if (this.#lentBytes > 0) this.#lookLater();
      else this.#end();
    });
  }

  #end(): void {
    this.#cancelLook();
    this.#thread?.close();
    // One that failed is not tried again.
    if (this.#thread !== undefined) this.#isTried = false;
    this.#thread = undefined;
  }
}
