/**
 * Messages over a byte connection: one read at a time into a buffer that
 * adapts, one write at a time of everything that waits.
 *
 * @module
 */
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { PeerProtocolError } from "./error.ts";
import { DEFAULT_BLOCK_LENGTH } from "./_limits.ts";
import type { PeerMessage } from "./message.ts";
import { PeerMessageDecoder } from "./message_decoder.ts";
import { PeerMessageBuffer } from "./message_encode.ts";
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
  /** Asked before each read. */
  beforeRead(): Promise<void> | undefined;
  /** Reading waits for `beforeRead`, or goes on. */
  onPause(paused: boolean): void;
  /** A chunk came; its messages follow. */
  onChunk(): void;
  /** A message came. */
  onMessage(message: PeerMessage): void;
  /** All messages of a chunk were given out, or the peer broke the rules. */
  onChunkEnd(length: number, error: PeerProtocolError | undefined): void;
  /** Asked before each write. */
  beforeWrite(bytes: number): Promise<void> | undefined;
  /** The connection took bytes. */
  onSent(): void;
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
  readonly #buffer = new PeerMessageBuffer();
  readonly #onMessage: (message: PeerMessage) => void;
  #inFlight = 0;
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

  /** Bytes waiting to be sent. */
  get bufferedBytes(): number {
    return this.#buffer.length + this.#inFlight;
  }

  /** Tells the number of pieces once it is known. */
  setPieceCount(pieceCount: number): void {
    if (!this.#closed) this.#decoder.setPieceCount(pieceCount);
  }

  /** Begins to read, a moment later. */
  start(): void {
    queueMicrotask(() => void this.#run());
  }

  /** Puts a message behind those that wait. */
  append(message: PeerMessage): void {
    this.#buffer.append(message);
  }

  /** Sends what waits once the caller is through. */
  flush(): void {
    if (this.#flushing || this.#writing || this.#buffer.length === 0) return;
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
    this.#buffer.clear();
    this.#inFlight = 0;
    this.#connection.close();
  }

  async #run(): Promise<void> {
    try {
      const { initialBytes } = this.#options;
      if (this.#closed) return;
      if (initialBytes !== undefined && initialBytes.length > 0) {
        this.#receive(initialBytes);
      }
      await this.#read();
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    }
  }

  async #read(): Promise<void> {
    const buffer = new ReadBuffer(
      this.#options.minReadBuffer ?? DEFAULT_BLOCK_LENGTH,
      this.#options.maxReadBuffer ?? 524_288,
    );
    while (!this.#closed) {
      const wait = this.#options.beforeRead();
      if (wait !== undefined) {
        this.#options.onPause(true);
        await wait;
        if (this.#closed) return;
        this.#options.onPause(false);
      }
      const { bytes } = buffer;
      const length = await this.#connection.read(bytes);
      if (this.#closed) return;
      if (length === null) return this.#options.onEnd();
      this.#receive(bytes.subarray(0, length));
      buffer.used(length);
    }
  }

  #receive(chunk: Uint8Array): void {
    let violation: PeerProtocolError | undefined;
    this.#options.onChunk();
    try {
      this.#decoder.push(chunk, this.#onMessage);
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      violation = error;
    }
    if (!this.#closed) this.#options.onChunkEnd(chunk.length, violation);
  }

  /** What is queued during one write makes up the next one. */
  async #write(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#buffer.length > 0 && !this.#closed) {
        const wait = this.#options.beforeWrite(this.#buffer.length);
        if (wait !== undefined) {
          await wait;
          if (this.#closed) return;
        }
        const bytes = this.#buffer.take();
        this.#inFlight = bytes.length;
        let offset = 0;
        while (offset < bytes.length) {
          const taken = await this.#connection.write(
            offset === 0 ? bytes : bytes.subarray(offset),
          );
          if (this.#closed) return;
          offset += taken;
          this.#inFlight = bytes.length - offset;
          this.#options.onSent();
        }
        this.#buffer.recycle(bytes);
      }
    } catch (error) {
      if (!this.#closed) this.#options.onError(error);
    } finally {
      this.#writing = false;
    }
  }
}
