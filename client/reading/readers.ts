/**
 * Those who read the files of one torrent while it is fetched.
 *
 * @module
 */
import type { TorrentHost } from "../content/torrent_host.ts";
import { SessionError } from "../error.ts";
import { RateMeter } from "../../_shared/rate_meter.ts";

/** What is wanted ahead, as time at the rate of the reader, in milliseconds. */
const AHEAD_MS = 10_000;
/** Bytes a second of a reader that is slow, or of whom little is known. */
const LEAST_RATE = 131_072;
/** Bytes that are wanted ahead, at most. */
const MOST_BYTES = 33_554_432;
/** A reader's rate is taken over about so long: players read in bursts. */
const RATE_MS = 8_000;

/** The place of one reader, and what it needs next. */
export class ReadAhead {
  /** Where the next byte is read, from the torrent's start. */
  position: number;
  /** Where the reader ends. */
  readonly end: number;
  readonly #pieceLength: number;
  readonly #meter = new RateMeter(RATE_MS);

  constructor(position: number, end: number, pieceLength: number) {
    this.position = position;
    this.end = end;
    this.#pieceLength = pieceLength;
  }

  /** The piece that is read next. */
  get pieceIndex(): number {
    return Math.floor(this.position / this.#pieceLength);
  }

  /** Notes that bytes were read. */
  took(bytes: number, now: number): void {
    this.position += bytes;
    this.#meter.add(bytes, now);
  }

  /**
   * Lists the pieces that are due: as many as are read in the next seconds, the
   * present one and the one behind it in any case.
   *
   * @param now The time in milliseconds.
   * @param share Which part of the most that is wanted ahead is this reader's.
   * @returns Piece indices, each with the moment of its first byte.
   */
  *due(now: number, share = 1): Iterable<[pieceIndex: number, at: number]> {
    if (this.position >= this.end) return;
    const rate = Math.max(this.#meter.rate(now), LEAST_RATE);
    const bytes = Math.min(MOST_BYTES, rate * AHEAD_MS / 1000);
    const first = this.pieceIndex;
    const least = (first + 2) * this.#pieceLength;
    const end = Math.min(
      this.end,
      Math.max(least, this.position + bytes * share),
    );
    for (let i = first; i * this.#pieceLength < end; i++) {
      const ahead = Math.max(0, i * this.#pieceLength - this.position);
      yield [i, now + ahead / rate * 1000];
    }
  }
}

/** What {@linkcode Readers} need of their torrent. */
export type ReaderHost =
  & Pick<TorrentHost, "content" | "context" | "metainfo">
  & {
    /** What stopped it. */
    readonly error: Error | undefined;
  };

/** Which part of a file is read. */
export interface FileStreamOptions {
  /** The first byte. @default {0} */
  readonly start?: number | undefined;
  /** The byte behind the last one. @default {the length of the file} */
  readonly end?: number | undefined;
  /** Ends the stream with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that are given at a time, at most. */
const CHUNK = 65_536;
/** Pieces that are due at a time, over all readers. */
const MOST_DUE = 256;

/** One who reads. */
interface Reader {
  readonly ahead: ReadAhead;
  /** Goes on if it waits. */
  wake(): void;
  /** Ends with an error. */
  fail(error: unknown): void;
}

/**
 * The readers of one torrent. What lies ahead of them gets deadlines, and what
 * they read is wanted though its file may not be, until they are done.
 */
export class Readers {
  readonly #host: ReaderHost;
  readonly #open = new Set<Reader>();

  constructor(host: ReaderHost) {
    this.#host = host;
  }

  /** Reads a part of a file, as soon as it is there. */
  open(
    fileIndex: number,
    { start = 0, end, signal }: FileStreamOptions = {},
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const { layout } = this.#host.metainfo!;
    const { offset, length } = layout.files[fileIndex]!;
    checkRange(start, end ?? length, length);
    const ahead = new ReadAhead(
      offset + start,
      offset + (end ?? length),
      layout.pieceLength,
    );
    let wake = () => {};
    let stopped = false;
    const stop = () => {
      if (stopped) return;
      stopped = true;
      signal?.removeEventListener("abort", onAbort);
      wake();
      if (this.#open.delete(reader)) this.#changed();
    };
    const onAbort = () => reader.fail(signal!.reason);
    const reader: Reader = {
      ahead,
      wake: () => wake(),
      fail: () => {},
    };
    return new ReadableStream({
      start: (controller) => {
        reader.fail = (error) => {
          controller.error(error);
          stop();
        };
        if (signal?.aborted) return controller.error(signal.reason);
        if (ahead.position === ahead.end) return controller.close();
        signal?.addEventListener("abort", onAbort, { once: true });
        this.#open.add(reader);
        this.#changed();
      },
      pull: async (controller) => {
        let bytes: Uint8Array<ArrayBuffer> | undefined;
        try {
          while (!stopped) {
            // It may come between the look and the wait.
            const woken = new Promise<void>((resolve) => wake = resolve);
            bytes = await this.#read(ahead);
            if (bytes !== undefined) break;
            await woken;
          }
        } catch (error) {
          if (!stopped) reader.fail(error);
          return;
        }
        if (stopped) return;
        const before = ahead.pieceIndex;
        ahead.took(bytes!.length, this.#host.context.clock.now());
        controller.enqueue(bytes!);
        if (ahead.position === ahead.end) {
          controller.close();
          stop();
        } else if (ahead.pieceIndex !== before) this.update();
      },
      cancel: stop,
    }, { highWaterMark: 0 });
  }

  /** Something happened that a reader may have waited for. */
  wake(): void {
    for (const reader of this.#open) reader.wake();
  }

  /** Says anew what is due. */
  update(): void {
    const { content, context: { clock } } = this.#host;
    if (content === undefined) return;
    const due = new Map<number, number>();
    const share = 1 / this.#open.size;
    const most = Math.max(1, Math.floor(MOST_DUE * share));
    for (const { ahead } of this.#open) {
      let left = most;
      for (const [pieceIndex, at] of ahead.due(clock.now(), share)) {
        if (left-- === 0) break;
        if (content.have.has(pieceIndex)) continue;
        if (at < (due.get(pieceIndex) ?? Infinity)) due.set(pieceIndex, at);
      }
    }
    content.readSoon(due);
  }

  /** The content was made, or there are other readers than before. */
  ready(): void {
    this.#changed();
    this.wake();
  }

  /** Ends all of them with an error. */
  fail(error: unknown): void {
    for (const reader of [...this.#open]) reader.fail(error);
  }

  #changed(): void {
    const { content, metainfo } = this.#host;
    if (content === undefined) return;
    const { pieceLength } = metainfo!.layout;
    content.setRead(Array.from(this.#open, ({ ahead }) => ({
      first: ahead.pieceIndex,
      end: Math.ceil(ahead.end / pieceLength),
    })));
    this.update();
  }

  /** Bytes at a reader's place, or `undefined` while they are not there. */
  async #read(ahead: ReadAhead): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { content, error } = this.#host;
    const { pieceIndex } = ahead;
    if (content?.have.has(pieceIndex)) {
      const { layout } = content;
      const offset = ahead.position - pieceIndex * layout.pieceLength;
      const length = Math.min(
        CHUNK,
        layout.pieceSize(pieceIndex) - offset,
        ahead.end - ahead.position,
      );
      try {
        const bytes = content.storage.readBlock(pieceIndex, offset, length, {
          brief: true,
        });
        // What is brief must be copied before anything else is awaited.
        return bytes instanceof Promise
          ? await bytes.then((bytes) => bytes.slice())
          : bytes.slice();
      } catch (error) {
        // A piece that is lost is fetched again.
        if (content.have.has(pieceIndex)) throw error;
        return await this.#read(ahead);
      }
    }
    if (error !== undefined) throw error;
    if (content?.isReadOnly) {
      throw new SessionError(
        "not-there",
        `Piece ${pieceIndex} is not there, and this torrent is not fetched`,
      );
    }
    return undefined;
  }
}

function checkRange(start: number, end: number, length: number): void {
  if (
    Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 &&
    start <= end && end <= length
  ) return;
  throw new RangeError(
    `Cannot read bytes ${start} to ${end}: the file has ${length}`,
  );
}
