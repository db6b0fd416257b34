/**
 * How far ahead of a reader pieces are wanted, and when.
 *
 * @module
 */
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
