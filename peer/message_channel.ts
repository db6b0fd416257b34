/**
 * Messages over a byte connection: one read at a time into a buffer that
 * adapts, one write at a time of everything that waits.
 *
 * @module
 */
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { PeerProtocolError } from "./error.ts";
import type { PeerMessage } from "./message.ts";
import { PeerMessageDecoder } from "./message_decoder.ts";
import { ReadBuffer } from "./read_buffer.ts";

/** Options of {@linkcode MessageChannel}. */
export interface MessageChannelOptions {
  /** Where bytes come from and go to. */
  readonly connection: ByteConnection;
  /** Bytes that were read before. */
  readonly initialBytes: Uint8Array | undefined;
  /** How many pieces there are, when known. */
  readonly pieceCount: number | undefined;
  /** Longest block accepted in bytes. */
  readonly maxBlockLength: number | undefined;
  /** Bytes of the first read buffer. */
  readonly minReadBuffer: number | undefined;
  /** Bytes that a read buffer may grow to. */
  readonly maxReadBuffer: number | undefined;
  /** Whether blocks are awaited, so that reads should be large. */
  awaitsBlocks(): boolean;
  /** Asked before each read of so many bytes; tells how many may be read. */
  beforeRead(wanted: number): number | Promise<number>;
  /** Reading waits for `beforeRead`, or goes on. */
  onPause(paused: boolean): void;
  /** A chunk came; its messages follow. */
  onChunk(): void;
  /** A message came. */
  onMessage(message: PeerMessage): void;
  /**
   * All messages of a chunk were given out, or the peer broke the rules. The
   * next read waits for the promise.
   */
  onChunkEnd(
    length: number,
    error: PeerProtocolError | undefined,
  ): Promise<void> | undefined;
  /** Bytes that wait to be sent. */
  waiting(): number;
  /** Takes what waits to be sent. */
  take(): Uint8Array<ArrayBuffer>;
  /** What was taken is sent. */
  recycle(bytes: Uint8Array<ArrayBuffer>): void;
  /** Asked before each write. */
  beforeWrite(bytes: number): Promise<void> | undefined;
  /** The connection took bytes; so many are under way. */
  onSent(underWay: number): void;
  /** The peer closed the connection. */
  onEnd(): void;
  /** Reading, writing or one of these functions failed. */
  onError(error: unknown): void;
}

/** The two loops of one connection. */
export class MessageChannel {
  readonly #options: MessageChannelOptions;
  readonly #connection: ByteConnection;
  readonly #decoder: PeerMessageDecoder;
  readonly #onMessage: (message: PeerMessage) => void;
  #flushing = false;
  #writing = false;
  #closed = false;

  constructor(options: MessageChannelOptions) {
    this.#options = options;
    this.#connection = options.connection;
    this.#decoder = new PeerMessageDecoder({
      pieceCount: options.pieceCount,
      maxBlockLength: options.maxBlockLength,
    });
    this.#onMessage = (message) => options.onMessage(message);
  }

  /** Tells the number of pieces once it is known. */
  setPieceCount(pieceCount: number): void {
    if (!this.#closed) this.#decoder.setPieceCount(pieceCount);
  }

  /** Begins to read, a moment later. */
  start(): void {
    queueMicrotask(() => void this.#run());
  }

  /** Sends what waits once the caller is through. */
  flush(): void {
    if (this.#flushing || this.#writing || this.#closed) return;
    if (this.#options.waiting() === 0) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      if (!this.#writing && !this.#closed) void this.#write();
    });
  }

  /** Closes the connection; nothing is called after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#decoder.stop();
    this.#connection.close();
  }

  async #run(): Promise<void> {
    try {
      const { initialBytes } = this.#options;
      if (this.#closed) return;
      if (initialBytes !== undefined && initialBytes.length > 0) {
        await this.#receive(initialBytes);
      }
      await this.#read();
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    }
  }

  async #read(): Promise<void> {
    const options = this.#options;
    const buffer = new ReadBuffer(
      options.minReadBuffer ?? 1024,
      options.maxReadBuffer ?? 524_288,
    );
    while (!this.#closed) {
      let size = buffer.size(options.awaitsBlocks());
      const grant = options.beforeRead(size);
      let granted = 0;
      if (typeof grant === "number") granted = grant;
      else {
        options.onPause(true);
        granted = await grant;
        if (this.#closed) return;
        options.onPause(false);
      }
      size = Math.min(size, granted);
      const { bytes } = buffer;
      const length = await this.#connection.read(
        size < bytes.length ? bytes.subarray(0, size) : bytes,
      );
      if (this.#closed) return;
      if (length === null) return options.onEnd();
      const wait = this.#receive(bytes.subarray(0, length));
      buffer.used(length);
      if (wait === undefined || this.#closed) continue;
      options.onPause(true);
      await wait;
      if (this.#closed) return;
      options.onPause(false);
    }
  }

  #receive(chunk: Uint8Array): Promise<void> | undefined {
    let violation: PeerProtocolError | undefined;
    this.#options.onChunk();
    try {
      this.#decoder.push(chunk, this.#onMessage);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      violation = error;
    }
    if (this.#closed) return undefined;
    return this.#options.onChunkEnd(chunk.length, violation);
  }

  /** What is queued during one write makes up the next one. */
  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#options.waiting() > 0 && !this.#closed) {
        const wait = this.#options.beforeWrite(this.#options.waiting());
        if (wait !== undefined) {
          await wait;
          if (this.#closed) return;
        }
        const bytes = this.#options.take();
        let offset = 0;
        while (offset < bytes.length) {
          const taken = await this.#connection.write(
            offset === 0 ? bytes : bytes.subarray(offset),
          );
          if (this.#closed) return;
          offset += taken;
          this.#options.onSent(bytes.length - offset);
        }
        this.#options.recycle(bytes);
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    } finally {
      this.#writing = false;
    }
  }
}
