/**
 * What packets tell of times: queueing delay of what is sent, from what both
 * sides' clocks say, and round trips.
 *
 * @module
 */
import { timeDistance, toMicroseconds, type UtpPacket } from "../packet.ts";

/** Samples of which the least counts. */
const SAMPLES = 3;
/** What old uTorrents send for "not measured". */
const NOT_MEASURED = 0x7fffffff;
/** A larger fall of their least delay is no drift of clocks. */
const MAX_DRIFT_US = 10_000;

/** Longer round trips by their clock are no such thing, in ms. */
const MAX_ECHO_MS = 60_000;

/** Reads the times in the packets of one connection. */
export class DelayMeter {
  readonly #ours = new DelayHistory();
  readonly #theirs = new DelayHistory();
  readonly #samples = new Float64Array(SAMPLES).fill(Infinity);
  #count = 0;
  /** What the next packet tells the other side, in microseconds. */
  difference = 0;
  /** Round trip in ms that the last packet told of, 0 for none. */
  echo = 0;

  /** Takes the times of a packet. Returns the delay, or `undefined`. */
  measure(packet: UtpPacket, now: number): number | undefined {
    const theirs = this.#theirs;
    const difference = (toMicroseconds(now) - packet.timestamp) >>> 0;
    const before = theirs.base;
    const isFirst = !theirs.hasBase;
    theirs.add(difference, now);
    const fall = timeDistance(before, theirs.base);
    // Their clock runs faster: what we send seems to be ever later.
    if (!isFirst && fall > 0 && fall < MAX_DRIFT_US) this.#ours.raise(fall);
    this.difference = difference;
    const sample = packet.timestampDifference;
    this.echo = 0;
    if (sample === 0 || sample === NOT_MEASURED) return undefined;
    // What they say of our last packet less what we say of theirs, without the
    // time that they took to answer.
    const echo = ((difference + sample) >>> 0) / 1000;
    if (echo < MAX_ECHO_MS) this.echo = echo;
    const samples = this.#samples;
    samples[this.#count++ % SAMPLES] = this.#ours.add(sample, now);
    return Math.min(samples[0]!, samples[1]!, samples[2]!);
  }
}

/** Minutes that the least delay is remembered. */
const BUCKETS = 20;
const BUCKET_MS = 60_000;

/**
 * The least of many one-way delays. Two clocks that do not agree measure them,
 * so that only differences mean something.
 */
export class DelayHistory {
  readonly #least = new Uint32Array(BUCKETS);
  #used = 0;
  #bucket = 0;
  #since = 0;
  /** The least delay remembered, in microseconds modulo 2^32. */
  base = 0;

  /** Whether there was a sample. */
  get hasBase(): boolean {
    return this.#used > 0;
  }

  /** Takes a sample in microseconds. Returns its delay above the least one. */
  add(sample: number, now: number): number {
    if (this.#used === 0) {
      this.#used = 1;
      this.#since = now;
      this.#least[0] = this.base = sample;
      return 0;
    }
    if (now - this.#since >= BUCKET_MS) {
      this.#since = now;
      this.#bucket = (this.#bucket + 1) % BUCKETS;
      this.#used = Math.min(this.#used + 1, BUCKETS);
      this.#least[this.#bucket] = sample;
      this.#findBase();
    } else if (timeDistance(sample, this.#least[this.#bucket]!) < 0) {
      this.#least[this.#bucket] = sample;
      this.#findBase();
    }
    return Math.max(0, timeDistance(sample, this.base));
  }

  /** Raises every delay remembered, as the clocks drift apart. */
  raise(microseconds: number): void {
    for (let i = 0; i < this.#used; i++) this.#least[i]! += microseconds;
    this.base = (this.base + microseconds) >>> 0;
  }

  #findBase(): void {
    let base = this.#least[this.#bucket]!;
    for (let i = 0; i < this.#used; i++) {
      if (timeDistance(this.#least[i]!, base) < 0) base = this.#least[i]!;
    }
    this.base = base;
  }
}

/** First wait, while no round trip was measured, in ms. */
export const INITIAL_TIMEOUT_MS = 3000;
const MIN_TIMEOUT_MS = 500;
/** Round trips that hardly differ may still grow. */
const MIN_MARGIN_MS = 200;
const MAX_TIMEOUT_MS = 60_000;

/** Mean and deviation of round trips. */
export class RoundTrip {
  /** Mean, in ms; 0 before the first sample. */
  mean = 0;
  #deviation = 0;
  /** The shortest one, in ms. */
  least = Infinity;

  /** Takes a sample in ms. */
  add(sample: number): void {
    if (this.least === Infinity) {
      this.mean = sample;
      this.#deviation = sample / 2;
    } else {
      const off = sample - this.mean;
      this.mean += off / 8;
      this.#deviation += (Math.abs(off) - this.#deviation) / 4;
    }
    this.least = Math.min(this.least, sample);
  }

  /** How long to wait for an ack after so many waits in vain, in ms. */
  timeout(failures: number): number {
    const wait = this.least === Infinity ? INITIAL_TIMEOUT_MS : Math.max(
      MIN_TIMEOUT_MS,
      this.mean + Math.max(MIN_MARGIN_MS, 4 * this.#deviation),
    );
    const extra = failures === 0 ? 0 : 1000 * 2 ** (failures - 1);
    return Math.min(MAX_TIMEOUT_MS, wait + extra);
  }
}
