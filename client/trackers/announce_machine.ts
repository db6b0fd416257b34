/**
 * When to announce to which tracker (BEP 3, BEP 12, BEP 31), for HTTP and UDP
 * trackers alike. Pure: results and time come in, announces go out.
 *
 * @module
 */
import type {
  AnnounceEvent,
  AnnounceResponse,
  TrackerError,
} from "../../_shared/announce.ts";
import type { Machine } from "../../_shared/machine.ts";
import { type RandomSource, shuffle } from "../../_shared/random.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import {
  TrackerEntry,
  TrackerLimits,
  type TrackerStatus,
} from "./tracker_entry.ts";

/** A tracker that is silent so long keeps the next one waiting no more. */
const SLOW_MS = 5_000;
/** Where several in a row are silent, the next waits shorter, down to this. */
const MIN_SLOW_MS = 1_000;
/** How long all good-byes may take. */
const LEAVE_MS = 5_000;
/** How long a first answer is waited for when leaving. */
const LINGER_MS = 1_000;
/** How often it is looked whether peers are wanted, once an announce may be early. */
const LOOK_AGAIN_MS = 60_000;
/** Announces of one torrent that may follow each other at once; then one a second. */
const BURST = 5;

/** Inputs of {@linkcode AnnounceMachine}. */
export type AnnounceInput =
  | { readonly type: "start" }
  | { readonly type: "stop" }
  /** The whole torrent has just been completed. */
  | { readonly type: "completed" }
  /** A person wants it now; `url` names one tracker. */
  | { readonly type: "reannounce"; readonly url?: string | undefined }
  /** More trackers, or in place of all. */
  | {
    readonly type: "trackers";
    readonly tiers: readonly (readonly string[])[];
    readonly replace: boolean;
  }
  /** An announce that was put out goes on its way. */
  | { readonly type: "asked"; readonly url: string }
  | {
    readonly type: "result";
    readonly url: string;
    readonly response: AnnounceResponse;
  }
  | {
    readonly type: "failed";
    readonly url: string;
    readonly error: TrackerError;
  };

/** Outputs of {@linkcode AnnounceMachine}. */
export type AnnounceOutput =
  /** Announce, as soon as there is room, and tell when it is on its way. */
  | {
    readonly type: "announce";
    /** Which tracker. */
    readonly url: string;
    /** Why. */
    readonly event: AnnounceEvent | undefined;
    /** What the tracker wants to be told again. */
    readonly trackerId: string | undefined;
    /** Whether it is part of a good-bye, which waits for nothing else. */
    readonly leaving: boolean;
  }
  /** Nobody waits for the announce to this tracker any more. */
  | { readonly type: "cancel"; readonly url: string }
  /** Every tracker that is to know of the end does. */
  | { readonly type: "left" };

/** Options of {@linkcode AnnounceMachine}. */
export interface AnnounceMachineOptions {
  /** Announce URLs in tiers (BEP 12). */
  readonly tiers: readonly (readonly string[])[];
  /** Shuffles each tier. */
  readonly random: RandomSource;
  /**
   * Tells whether there are no peers and some are wanted: then one announce may
   * be early, but none comes before the tracker allows.
   */
  readonly wanted: () => boolean;
}

/** Schedules the announces of one torrent over its tracker tiers. */
export class AnnounceMachine implements Machine<AnnounceInput, AnnounceOutput> {
  #tiers: TrackerEntry[][] = [];
  /** Trackers that are being told good-bye. */
  #leavers: TrackerEntry[] = [];
  #outputs: AnnounceOutput[] = [];
  readonly #random: RandomSource;
  readonly #wanted: () => boolean;
  #pace: TokenBucket | undefined;
  #running = false;
  #stopping = false;
  /** When {@linkcode handleTimeout} wants to be called, in milliseconds. */
  deadline: number | undefined;

  constructor(options: AnnounceMachineOptions) {
    this.#random = options.random;
    this.#wanted = options.wanted;
    this.#take(options.tiers, 0, false);
  }

  /** The trackers in the order they are tried. */
  get trackers(): TrackerStatus[] {
    return this.#tiers.flat().map((tracker) => tracker.status(this.#running));
  }

  /** Takes one input. */
  handle(input: AnnounceInput, now: number): void {
    switch (input.type) {
      case "start":
        this.#start(now);
        break;
      case "stop":
        this.#stop(now);
        break;
      case "completed":
        for (const tracker of this.#tiers.flat()) {
          if (!tracker.started && tracker.phase === "idle") continue;
          tracker.completedDue = true;
          if (tracker.failures === 0) tracker.nextAt = now;
        }
        break;
      case "reannounce":
        for (const tracker of this.#tiers.flat()) {
          if (input.url === undefined || input.url === tracker.url) {
            tracker.hurry(now, input.url !== undefined);
          }
        }
        break;
      case "trackers":
        this.#take(input.tiers, now, input.replace);
        break;
      case "asked": {
        const tracker = this.#find(input.url);
        if (tracker?.phase === "queued") {
          tracker.phase = "asking";
          tracker.askedAt = now;
        }
        break;
      }
      case "result":
        this.#succeeded(input.url, input.response, now);
        break;
      case "failed":
        this.#failed(input.url, input.error, now);
        break;
    }
    this.#schedule(now);
  }

  /** Takes the next output. */
  poll(): AnnounceOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Announces to every tracker that is due, and gives up good-byes that take
   * too long.
   */
  handleTimeout(now: number): void {
    for (const tracker of [...this.#leavers]) {
      if (tracker.leaveBy <= now) this.#gone(tracker);
    }
    this.#schedule(now);
  }

  #find(url: string): TrackerEntry | undefined {
    return this.#inTiers(url) ??
      this.#leavers.find((tracker) => tracker.url === url);
  }

  #inTiers(url: string): TrackerEntry | undefined {
    for (const tier of this.#tiers) {
      for (const tracker of tier) if (tracker.url === url) return tracker;
    }
    return undefined;
  }

  /** Takes trackers behind those there are, or in their place. */
  #take(
    tiers: readonly (readonly string[])[],
    now: number,
    replace: boolean,
  ): void {
    const old = new Map(
      replace ? this.#tiers.flat().map((one) => [one.url, one]) : [],
    );
    const limits = new TrackerLimits();
    // Without the room that arrays keep for more: machines are many.
    const list = replace ? [] : this.#tiers.slice();
    for (const { url } of list.flat()) limits.admit(url);
    this.#tiers = list;
    for (const urls of tiers) {
      const unique = [...new Set(urls)];
      const tier: TrackerEntry[] = [];
      for (const url of replace ? unique : shuffle(this.#random, unique)) {
        if (this.#inTiers(url) !== undefined || !limits.admit(url)) continue;
        const leaver = this.#leavers.find((one) => one.url === url);
        const tracker = old.get(url) ??
          new TrackerEntry(url, list.length, now);
        // One that comes back is asked anew, whether it heard the good-bye or not.
        if (leaver !== undefined && leaver !== tracker) this.#gone(leaver);
        old.delete(url);
        tracker.tier = list.length;
        tier.push(tracker);
      }
      if (tier.length > 0) list.push(tier.slice());
    }
    this.#tiers = list.slice();
    for (const tracker of old.values()) this.#leave(tracker, now);
  }

  #start(now: number): void {
    if (this.#running) return;
    this.#running = true;
    this.#pace ??= new TokenBucket(1, BURST, now);
    for (const tracker of this.#tiers.flat()) {
      // A tracker that has not heard that we leave need not hear that we are back.
      if (tracker.phase === "queued") this.#cancel(tracker);
      tracker.leaveBy = Infinity;
      if (tracker.failures === 0 && !tracker.started) tracker.nextAt = now;
    }
    this.#leavers = this.#leavers.filter(({ leaveBy }) => leaveBy < Infinity);
    this.#endStop();
  }

  #stop(now: number): void {
    if (!this.#running) {
      if (!this.#stopping) this.#outputs.push({ type: "left" });
      return;
    }
    this.#running = false;
    for (const tracker of this.#tiers.flat()) this.#leave(tracker, now);
    this.#stopping = true;
    this.#endStop();
  }

  /** Begins the good-bye to a tracker, if it has heard of us at all. */
  #leave(tracker: TrackerEntry, now: number): void {
    if (tracker.leaveBy < Infinity) return;
    const { phase, started, sentEvent } = tracker;
    const isYoung = phase === "asking" && now - tracker.askedAt < SLOW_MS;
    tracker.leaveBy = now + (started ? LEAVE_MS : LINGER_MS);
    this.#leavers.push(tracker);
    // What is under way and matters may end; anything else is overtaken.
    if (isYoung && (!started || sentEvent === "completed")) return;
    const isDead = tracker.failures > 0 || (phase === "asking" && !isYoung);
    this.#cancel(tracker);
    if (started && !isDead) this.#farewell(tracker);
    else this.#gone(tracker);
  }

  /** The next of the last words: completed, where that is due, then stopped. */
  #farewell(tracker: TrackerEntry): void {
    this.#announce(tracker, tracker.completedDue ? "completed" : "stopped");
  }

  #gone(tracker: TrackerEntry): void {
    this.#cancel(tracker);
    tracker.started = false;
    tracker.completedDue = false;
    tracker.leaveBy = Infinity;
    this.#leavers.splice(this.#leavers.indexOf(tracker), 1);
    this.#endStop();
  }

  #endStop(): void {
    if (!this.#stopping || (this.#leavers.length > 0 && !this.#running)) return;
    this.#stopping = false;
    this.#outputs.push({ type: "left" });
  }

  #cancel(tracker: TrackerEntry): void {
    if (tracker.phase === "idle") return;
    tracker.phase = "idle";
    this.#outputs.push({ type: "cancel", url: tracker.url });
  }

  #succeeded(url: string, response: AnnounceResponse, now: number): void {
    const tracker = this.#find(url);
    if (tracker === undefined || tracker.phase !== "asking") return;
    const { sentEvent } = tracker;
    tracker.succeeded(response, now, this.#wanted());
    const tier = this.#tiers[tracker.tier];
    const at = tier?.indexOf(tracker) ?? -1;
    if (tier !== undefined && at > 0) {
      // BEP 12: the one that works comes first in its tier.
      tier.splice(at, 1);
      tier.unshift(tracker);
    }
    if (tracker.leaveBy === Infinity) return;
    if (sentEvent === "stopped") this.#gone(tracker);
    else {
      tracker.leaveBy = Math.max(tracker.leaveBy, now + LEAVE_MS - LINGER_MS);
      this.#farewell(tracker);
    }
  }

  #failed(url: string, error: TrackerError, now: number): void {
    const tracker = this.#find(url);
    if (tracker === undefined || tracker.phase === "idle") return;
    tracker.failed(error, now);
    if (tracker.leaveBy < Infinity) this.#gone(tracker);
  }

  #schedule(now: number): void {
    this.deadline = undefined;
    let wake = Infinity;
    for (const { leaveBy } of this.#leavers) wake = Math.min(wake, leaveBy);
    if (this.#running) {
      for (const tier of this.#tiers) {
        for (const tracker of tier) {
          if (!tracker.forced || tracker.phase !== "idle") continue;
          if (tracker.nextAt > now) wake = Math.min(wake, tracker.nextAt);
          else this.#announce(tracker);
        }
      }
      wake = Math.min(wake, this.#serve(now));
    }
    if (wake !== Infinity) this.deadline = wake;
  }

  /** Serves the tiers in their order; tells when to look again. */
  #serve(now: number): number {
    let wake = Infinity;
    let patience = SLOW_MS;
    for (const tier of this.#tiers) {
      let served = false;
      for (const tracker of tier) {
        if (tracker.phase === "queued") served = true;
        else if (tracker.phase === "asking") {
          const slowAt = tracker.askedAt + patience;
          served = now < slowAt;
          if (served) wake = Math.min(wake, slowAt);
          else patience = Math.max(MIN_SLOW_MS, patience / 2);
        } else {
          const dueAt = this.#dueAt(tracker, now);
          const at = dueAt > now || tracker.completedDue
            ? dueAt
            : this.#pace!.nextAt(now);
          served = dueAt <= now || tracker.failures === 0;
          if (at > now) wake = Math.min(wake, at);
          else {
            this.#pace!.take(now);
            this.#announce(tracker);
          }
        }
        if (served) break;
      }
      if (served) break;
    }
    return wake;
  }

  /** When a tracker is asked next, or looked at again. */
  #dueAt({ nextAt, earlyAt }: TrackerEntry, now: number): number {
    if (earlyAt >= nextAt) return nextAt;
    if (earlyAt > now || this.#wanted()) return earlyAt;
    return Math.min(nextAt, now + LOOK_AGAIN_MS);
  }

  #announce(tracker: TrackerEntry, lastWord?: AnnounceEvent): void {
    const event = lastWord ??
      (!tracker.started
        ? "started"
        : tracker.completedDue
        ? "completed"
        : undefined);
    tracker.forced = false;
    tracker.phase = "queued";
    tracker.sentEvent = event;
    this.#outputs.push({
      type: "announce",
      url: tracker.url,
      event,
      trackerId: tracker.trackerId,
      leaving: lastWord !== undefined,
    });
  }
}
