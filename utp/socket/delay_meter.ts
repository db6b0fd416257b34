/**
 * Queueing delay of what is sent, from what both sides' clocks say.
 *
 * @module
 */
import type { UtpPacket } from "../packet.ts";
import { DelayHistory } from "./delay_history.ts";
import { timeDistance, toMicroseconds } from "./sequence.ts";

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
