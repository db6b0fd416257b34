/**
 * Announces one torrent to its trackers, as {@linkcode AnnounceMachine} says.
 *
 * @module
 */
import type { PeerCandidate } from "../_shared/address.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  TrackerError,
} from "../_shared/announce.ts";
import type { Clock } from "../_shared/clock.ts";
import { deadlineSignal } from "../_shared/clock.ts";
import { Driver } from "../_shared/drive.ts";
import type { RandomSource } from "../_shared/random.ts";
import {
  type AnnounceInput,
  AnnounceMachine,
  type AnnounceOutput,
  type TrackerStatus,
} from "./announce_machine.ts";
import type { TrackerClient } from "./types.ts";

/** How long a tracker may take, in milliseconds (UDP retries within it). */
const ANNOUNCE_TIMEOUT_MS = 60_000;
/** How long the last word may take, in milliseconds. */
const STOP_TIMEOUT_MS = 3_000;

/** What an announce tells of the torrent, read when it is sent. */
export type AnnounceFigures = Pick<
  AnnounceRequest,
  "port" | "uploaded" | "downloaded" | "left" | "numWant"
>;

/** Options of {@linkcode TrackerRunner}. */
export interface TrackerRunnerOptions {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** Our peer id. */
  readonly peerId: Uint8Array;
  /** Stable over the session. */
  readonly key: number;
  /** Announce URLs in tiers. */
  readonly tiers: readonly (readonly string[])[];
  /** Picks the client for a URL; `undefined` when there is none for its scheme. */
  readonly clientFor: (url: string) => TrackerClient | undefined;
  /** Reads the figures of the moment. */
  readonly figures: () => AnnounceFigures;
  /** Takes the peers found. */
  readonly onPeers: (candidates: readonly PeerCandidate[]) => void;
  /** Takes our address as a tracker sees it. */
  readonly onExternalIp: (ip: string) => void;
  /** Is told of every attempt; the tracker is named by scheme and host only. */
  readonly onResult: (
    tracker: string,
    result: { peers: number } | { error: TrackerError },
  ) => void;
  /** Whose time passes. */
  readonly clock: Clock;
  /** Where chance comes from. */
  readonly random: RandomSource;
}

/** Names a tracker without what may be a passkey. */
export function trackerName(url: string): string {
  try {
    const { protocol, host } = new URL(url);
    return `${protocol}//${host}`;
  } catch {
    return "(invalid URL)";
  }
}

/** Keeps a torrent's trackers informed; never throws. */
export class TrackerRunner {
  readonly #options: TrackerRunnerOptions;
  readonly #machine: AnnounceMachine;
  readonly #driver: Driver<AnnounceInput, AnnounceOutput>;
  readonly #tasks = new Set<Promise<void>>();
  /** Ends announces that the stop overtakes. */
  #running = new AbortController();

  /**
   * Makes a runner that waits for {@linkcode start}.
   *
   * @param options See {@linkcode TrackerRunnerOptions}.
   */
  constructor(options: TrackerRunnerOptions) {
    this.#options = options;
    this.#machine = new AnnounceMachine({
      tiers: options.tiers,
      random: options.random,
    });
    this.#driver = new Driver(this.#machine, {
      clock: options.clock,
      perform: (output) => this.#perform(output),
    });
  }

  /** What is known of each tracker. */
  get trackers(): readonly TrackerStatus[] {
    return this.#machine.trackers;
  }

  /** Begins to announce. */
  start(): void {
    this.#running = new AbortController();
    this.#driver.input({ type: "start" });
  }

  /** Tells that the download is complete. */
  completed(): void {
    this.#driver.input({ type: "completed" });
  }

  /** Asks for more peers as soon as the trackers allow. */
  wantPeers(): void {
    this.#driver.input({ type: "want-peers" });
  }

  /**
   * Tells the trackers that we leave, and waits for that a short while.
   *
   * @returns A promise that always resolves.
   */
  async stop(): Promise<void> {
    this.#running.abort(new DOMException("Torrent stops", "AbortError"));
    this.#driver.input({ type: "stop" });
    await Promise.all(this.#tasks);
  }

  /** Stops, for good. */
  async close(): Promise<void> {
    await this.stop();
    this.#driver.close();
  }

  #perform(output: AnnounceOutput): void {
    const task = this.#announce(output.url, output.event, output.trackerId)
      .finally(() => this.#tasks.delete(task));
    this.#tasks.add(task);
  }

  async #announce(
    url: string,
    event: AnnounceEvent | undefined,
    trackerId: string | undefined,
  ): Promise<void> {
    const { infoHash, peerId, key, clock } = this.#options;
    const name = trackerName(url);
    const stopped = event === "stopped";
    const running = this.#running.signal;
    const timeout = stopped ? STOP_TIMEOUT_MS : ANNOUNCE_TIMEOUT_MS;
    using deadline = deadlineSignal(
      clock,
      timeout,
      `Tracker ${name} did not answer within ${timeout / 1000} s`,
      stopped ? undefined : running,
    );
    try {
      const client = this.#options.clientFor(url);
      if (client === undefined) {
        throw new TrackerError(
          "unsupported",
          `Cannot announce to ${name}: the scheme is not supported`,
          { retryInMs: Infinity },
        );
      }
      const response = await orAborted(
        client.announce(url, {
          ...this.#options.figures(),
          infoHash,
          peerId,
          key,
          event,
          trackerId,
        }, { signal: deadline.signal }),
        deadline.signal,
      );
      // Nobody waits for the answer any more.
      if (stopped || running.aborted) return;
      this.#options.onResult(name, { peers: response.peers.length });
      if (response.externalIp !== undefined) {
        this.#options.onExternalIp(response.externalIp);
      }
      this.#options.onPeers(response.peers.map((address) => ({
        infoHash,
        address,
        source: "tracker",
      })));
      this.#driver.input({ type: "result", url, response });
    } catch (cause) {
      if (stopped || running.aborted) return;
      const error = cause instanceof TrackerError ? cause : new TrackerError(
        deadline.signal.aborted ? "timeout" : "unreachable",
        cause instanceof Error ? cause.message : String(cause),
        { cause },
      );
      this.#options.onResult(name, { error });
      this.#driver.input({ type: "failed", url, error });
    }
  }
}

/** Ends a wait with the signal, also where the client does not heed it. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() =>
      signal.removeEventListener("abort", onAbort)
    );
    if (signal.aborted) onAbort();
  });
}
