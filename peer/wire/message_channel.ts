/**
 * Messages over a byte connection: one read at a time into a buffer that
 * adapts, one write at a time of everything that waits.
 *
 * @module
 */
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import { PeerProtocolError } from "../error.ts";
import { JUNK_BYTES, MAX_STANDARD_EXTENDED_LENGTH } from "../limits.ts";
import type { PeerMessage } from "../message.ts";
import { PeerMessageDecoder } from "./message_decoder.ts";

const QUIET_READS = 32;
const FIRST_READ = 512;
/** Bytes at least while blocks are awaited, at most while none are. */
const BLOCK_READ = 16_384;

/**
 * Small for peers that bring no payload; while blocks are awaited it grows as
 * reads fill it, and shrinks when they no longer do.
 */
export class ReadBuffer {
  readonly #least: number;
  readonly #most: number;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #size: number;
  #quiet = 0;

  /** Makes an empty buffer. */
  constructor(most: number) {
    this.#least = Math.min(FIRST_READ, most);
    this.#most = most;
    this.#size = this.#least;
  }

  /** Chooses the size of the next read. */
  size(awaited: boolean): number {
    const most = this.#most;
    return this.#size = awaited
      ? Math.max(this.#size, Math.min(BLOCK_READ, most))
      : Math.min(this.#size, Math.max(this.#least, BLOCK_READ));
  }

  /** The buffer for a read of that size. */
  get bytes(): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length !== this.#size) {
      this.#bytes = new Uint8Array(this.#size);
    }
    return this.#bytes;
  }

  /** Learns how much a read gave. */
  used(length: number): void {
    const size = this.#size;
    if (length === size) {
      this.#quiet = 0;
      this.#size = Math.min(size * 2, this.#most);
    } else if (length * 4 >= size || size === this.#least) this.#quiet = 0;
    else if (size <= BLOCK_READ || ++this.#quiet >= QUIET_READS) {
      this.#quiet = 0;
      this.#size = Math.max(size >>> 1, this.#least);
    }
  }
}

/** Options of {@linkcode MessageChannel}; those of a connection fit. */
export interface MessageChannelOptions<Peer> {
  /** Where bytes come from and go to. */
  readonly connection: ByteConnection;
  /** How many pieces there are, when known. */
  readonly pieceCount?: number | undefined;
  /** Extensions of a user, whose messages may be long. */
  readonly extensions?: readonly unknown[] | undefined;
  /** Bytes that a read buffer may grow to. */
  readonly maxReadBuffer?: number | undefined;
  /** Asked before each read of so many bytes; tells how many may be read. */
  readonly beforeRead?:
    | ((wanted: number, peer: Peer) => number | Promise<number>)
    | undefined;
}

/** What a channel asks and tells of its peer. */
export interface ChannelHost<Peer> {
  /** Whether blocks are awaited, so that reads should be large. */
  awaitsBlocks(peer: Peer): boolean;
  /** Reading waits for `beforeRead`, or goes on. */
  onPause(peer: Peer, paused: boolean): void;
  /** A chunk came; its messages follow. */
  onChunk(peer: Peer): void;
  /** A message came. */
  onMessage(peer: Peer, message: PeerMessage): void;
  /**
   * All messages of a chunk were given out, or the peer broke the rules. The
   * next read waits for the promise.
   */
  onChunkEnd(
    peer: Peer,
    length: number,
    error: PeerProtocolError | undefined,
  ): Promise<void> | undefined;
  /** Bytes that wait to be sent. */
  waiting(peer: Peer): number;
  /** Takes what waits to be sent. */
  take(peer: Peer): Uint8Array<ArrayBuffer>;
  /** What was taken is sent. */
  recycle(peer: Peer, bytes: Uint8Array<ArrayBuffer>): void;
  /** The connection took bytes; so many are under way. */
  onSent(peer: Peer, underWay: number): void;
  /** The peer closed the connection. */
  onEnd(peer: Peer): void;
  /** Reading, writing or one of these functions failed. */
  onError(peer: Peer, error: unknown): void;
}

/** The two loops of one connection. */
export class MessageChannel<Peer> {
  readonly #connection: ByteConnection;
  readonly #beforeRead: MessageChannelOptions<Peer>["beforeRead"];
  readonly #host: ChannelHost<Peer>;
  readonly #peer: Peer;
  readonly #decoder: PeerMessageDecoder;
  readonly #buffer: ReadBuffer;
  #flushing = false;
  #writing = false;
  #closed = false;
  #unfinished = 0;

  constructor(
    options: MessageChannelOptions<Peer>,
    host: ChannelHost<Peer>,
    peer: Peer,
  ) {
    this.#connection = options.connection;
    this.#beforeRead = options.beforeRead;
    this.#host = host;
    this.#peer = peer;
    const isStandard = (options.extensions?.length ?? 0) === 0;
    this.#decoder = new PeerMessageDecoder(
      options.pieceCount,
      isStandard ? MAX_STANDARD_EXTENDED_LENGTH : undefined,
    );
    this.#buffer = new ReadBuffer(options.maxReadBuffer ?? 524_288);
  }

  /** What a message costs that the connection ended in: its bytes came for nothing. */
  get unfinishedCost(): number {
    return this.#unfinished / JUNK_BYTES;
  }

  /** Tells the number of pieces once it is known. */
  setPieceCount(pieceCount: number): void {
    if (!this.#closed) this.#decoder.setPieceCount(pieceCount);
  }

  /** Begins to read, a moment later. */
  start(): void {
    queueMicrotask(() => void this.#read());
  }

  /** Sends what waits once the caller is done. */
  flush(): void {
    if (this.#flushing || this.#writing) return;
    if (this.#host.waiting(this.#peer) === 0) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      void this.#write();
    });
  }

  /** Closes the connection; nothing is called after this. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#unfinished = this.#decoder.bufferedBytes;
    this.#decoder.stop();
    this.#connection.close();
  }

  async #read(): Promise<void> {
    const host = this.#host;
    const peer = this.#peer;
    const buffer = this.#buffer;
    try {
      while (!this.#closed) {
        const wanted = buffer.size(host.awaitsBlocks(peer));
        let granted = this.#beforeRead?.(wanted, peer) ?? wanted;
        if (typeof granted !== "number") {
          host.onPause(peer, true);
          granted = await granted;
          if (this.#closed) return;
          host.onPause(peer, false);
        }
        const { bytes } = buffer;
        const length = await this.#connection.read(
          granted < wanted ? bytes.subarray(0, granted) : bytes,
        );
        if (this.#closed) return;
        if (length === null) return host.onEnd(peer);
        const wait = this.#receive(bytes.subarray(0, length));
        buffer.used(length);
        if (wait === undefined) continue;
        host.onPause(peer, true);
        await wait;
        if (this.#closed) return;
        host.onPause(peer, false);
      }
    } catch (error) {
      if (!this.#closed) host.onError(peer, error);
    }
  }

  #receive(chunk: Uint8Array): Promise<void> | undefined {
    let violation: PeerProtocolError | undefined;
    const host = this.#host;
    const peer = this.#peer;
    host.onChunk(peer);
    try {
      this.#decoder.push(chunk, (message) => host.onMessage(peer, message));
    } catch (error) {
      if (!(error instanceof PeerProtocolError)) throw error;
      violation = error;
    }
    if (this.#closed) return undefined;
    return host.onChunkEnd(peer, chunk.length, violation);
  }

  /** What is queued during one write makes up the next one. */
  async #write(): Promise<void> {
    const host = this.#host;
    const peer = this.#peer;
    this.#writing = true;
    try {
      while (!this.#closed && host.waiting(peer) > 0) {
        const bytes = host.take(peer);
        let offset = 0;
        while (offset < bytes.length) {
          const taken = await this.#connection.write(
            offset === 0 ? bytes : bytes.subarray(offset),
          );
          if (this.#closed) return;
          offset += taken;
          host.onSent(peer, bytes.length - offset);
        }
        host.recycle(peer, bytes);
      }
    } catch (error) {
      if (!this.#closed) host.onError(peer, error);
    } finally {
      this.#writing = false;
    }
  }
}
