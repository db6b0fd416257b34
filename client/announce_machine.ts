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
} from "../_shared/announce.ts";
import type { Machine } from "../_shared/machine.ts";
import { type RandomSource, shuffle } from "../_shared/random.ts";

/** Most trackers of one torrent that are used. */
const MAX_TRACKERS = 200;
/** Longest wait after failures, in milliseconds. */
const MAX_BACKOFF_MS = 60 * 60_000;

/** Inputs of {@linkcode AnnounceMachine}. */
export type AnnounceInput =
  | { readonly type: "start" }
  | { readonly type: "stop" }
  /** The download has just completed. */
  | { readonly type: "completed" }
  /** More peers are wanted; still no tracker is asked before it allows. */
  | { readonly type: "want-peers" }
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

/** Output of {@linkcode AnnounceMachine}: perform an announce. */
export interface AnnounceOutput {
  /** Discriminator of the union. */
  readonly type: "announce";
  /** Which tracker. */
  readonly url: string;
  /** Why. */
  readonly event: AnnounceEvent | undefined;
  /** What the tracker wants to be told again. */
  readonly trackerId: string | undefined;
}

/** What is known of one tracker. */
export interface TrackerStatus {
  /** Announce URL, which may hold a passkey. */
  readonly url: string;
  /** Index of its tier. */
  readonly tier: number;
  /** Whether an announce is under way. */
  readonly updating: boolean;
  /** Failures in a row. */
  readonly failures: number;
  /** What went wrong last, if it failed. */
  readonly error: TrackerError | undefined;
  /** When it is asked next, in milliseconds. */
  readonly nextAt: number;
  /** Its last answer. */
  readonly response: AnnounceResponse | undefined;
}

/** Options of {@linkcode AnnounceMachine}. */
export interface AnnounceMachineOptions {
  /** Announce URLs in tiers (BEP 12). */
  readonly tiers: readonly (readonly string[])[];
  /** Shuffles each tier. */
  readonly random: RandomSource;
  /**
   * Whether one tracker of every tier is used at the same time, not only one
   * of the first tier that works. @default {false}
   */
  readonly allTiers?: boolean | undefined;
}

interface Tracker {
  readonly url: string;
  readonly tier: number;
  updating: boolean;
  sentEvent: AnnounceEvent | undefined;
  started: boolean;
  completedDue: boolean;
  failures: number;
  error: TrackerError | undefined;
  nextAt: number;
  notBefore: number;
  response: AnnounceResponse | undefined;
  trackerId: string | undefined;
}

/**
 * Wait after failures in a row: about 7, 15, 27, 45, 67 and 95 seconds, then
 * longer.
 *
 * @param failures How many, at least 1.
 * @returns Milliseconds.
 */
export function announceBackoffMs(failures: number): number {
  return Math.min(MAX_BACKOFF_MS, 5_000 + 2_500 * failures * failures);
}

/** Schedules the announces of one torrent over its tracker tiers. */
export class AnnounceMachine implements Machine<AnnounceInput, AnnounceOutput> {
  readonly #tiers: Tracker[][] = [];
  readonly #byUrl = new Map<string, Tracker>();
  readonly #outputs: AnnounceOutput[] = [];
  readonly #allTiers: boolean;
  #running = false;
  #deadline: number | undefined;

  /**
   * Makes a stopped machine.
   *
   * @param options See {@linkcode AnnounceMachineOptions}.
   */
  constructor(options: AnnounceMachineOptions) {
    this.#allTiers = options.allTiers ?? false;
    for (const urls of options.tiers) {
      const tier: Tracker[] = [];
      for (const url of shuffle(options.random, [...urls])) {
        if (this.#byUrl.has(url) || this.#byUrl.size >= MAX_TRACKERS) continue;
        const tracker: Tracker = {
          url,
          tier: this.#tiers.length,
          updating: false,
          sentEvent: undefined,
          started: false,
          completedDue: false,
          failures: 0,
          error: undefined,
          nextAt: 0,
          notBefore: 0,
          response: undefined,
          trackerId: undefined,
        };
        this.#byUrl.set(url, tracker);
        tier.push(tracker);
      }
      if (tier.length > 0) this.#tiers.push(tier);
    }
  }

  /** When {@linkcode handleTimeout} wants to be called, in milliseconds. */
  get deadline(): number | undefined {
    return this.#deadline;
  }

  /** The trackers in the order they are tried. */
  get trackers(): readonly TrackerStatus[] {
    return this.#tiers.flat();
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in milliseconds.
   */
  handle(input: AnnounceInput, now: number): void {
    switch (input.type) {
      case "start":
        if (this.#running) return;
        this.#running = true;
        for (const tracker of this.#byUrl.values()) {
          tracker.nextAt = now;
          tracker.failures = 0;
        }
        break;
      case "stop":
        this.#stop();
        return;
      case "completed":
        for (const tracker of this.#byUrl.values()) {
          if (!tracker.started && !tracker.updating) continue;
          tracker.completedDue = true;
          if (tracker.failures === 0) tracker.nextAt = now;
        }
        break;
      case "want-peers":
        for (const tracker of this.#byUrl.values()) {
          if (tracker.failures === 0) {
            tracker.nextAt = Math.min(
              tracker.nextAt,
              Math.max(now, tracker.notBefore),
            );
          }
        }
        break;
      case "result":
        this.#succeeded(input.url, input.response, now);
        break;
      case "failed":
        this.#failed(input.url, input.error, now);
        break;
    }
    this.#schedule(now);
  }

  /**
   * Takes the next output.
   *
   * @returns An announce to perform, or `undefined` when nothing is left.
   */
  poll(): AnnounceOutput | undefined {
    return this.#outputs.shift();
  }

  /**
   * Announces to every tracker that is due.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void {
    this.#schedule(now);
  }

  #succeeded(url: string, response: AnnounceResponse, now: number): void {
    const tracker = this.#byUrl.get(url);
    if (tracker === undefined || !tracker.updating) return;
    tracker.updating = false;
    tracker.failures = 0;
    tracker.error = undefined;
    tracker.response = response;
    tracker.trackerId = response.trackerId ?? tracker.trackerId;
    tracker.started = true;
    if (tracker.sentEvent === "completed") tracker.completedDue = false;
    tracker.notBefore = now +
      (response.minIntervalMs ?? Math.min(response.intervalMs, 60_000));
    tracker.nextAt = tracker.completedDue ? now : now + response.intervalMs;
    // BEP 12: the one that works comes first in its tier.
    const tier = this.#tiers[tracker.tier]!;
    tier.splice(tier.indexOf(tracker), 1);
    tier.unshift(tracker);
  }

  #failed(url: string, error: TrackerError, now: number): void {
    const tracker = this.#byUrl.get(url);
    if (tracker === undefined || !tracker.updating) return;
    tracker.updating = false;
    tracker.failures++;
    tracker.error = error;
    tracker.nextAt = now +
      Math.max(announceBackoffMs(tracker.failures), error.retryInMs ?? 0);
  }

  #stop(): void {
    if (!this.#running) return;
    this.#running = false;
    this.#deadline = undefined;
    this.#outputs.length = 0;
    for (const tracker of this.#byUrl.values()) {
      // One that is being told "started" right now must hear of the end too.
      if (tracker.started || tracker.updating) {
        this.#outputs.push({
          type: "announce",
          url: tracker.url,
          event: "stopped",
          trackerId: tracker.trackerId,
        });
      }
      tracker.started = false;
      tracker.updating = false;
      tracker.completedDue = false;
    }
  }

  #schedule(now: number): void {
    this.#deadline = undefined;
    if (!this.#running) return;
    let wake = Infinity;
    for (const tier of this.#tiers) {
      let served = false;
      for (const tracker of tier) {
        if (tracker.updating) {
          served = true;
          break;
        }
        if (tracker.nextAt <= now) {
          this.#announce(tracker);
          served = true;
          break;
        }
        wake = Math.min(wake, tracker.nextAt);
        if (tracker.failures === 0) {
          served = true;
          break;
        }
      }
      if (served && !this.#allTiers) break;
    }
    if (wake !== Infinity) this.#deadline = wake;
  }

  #announce(tracker: Tracker): void {
    const event = !tracker.started
      ? "started"
      : tracker.completedDue
      ? "completed"
      : undefined;
    tracker.updating = true;
    tracker.sentEvent = event;
    this.#outputs.push({
      type: "announce",
      url: tracker.url,
      event,
      trackerId: tracker.trackerId,
    });
  }
}
