/**
 * Announces one torrent to its trackers, as {@linkcode AnnounceMachine} says.
 *
 * @module
 */
import { orAborted } from "../../_shared/abort.ts";
import type { PeerCandidate } from "../../_shared/address.ts";
import {
  type AnnounceEvent,
  type AnnounceRequest,
  type AnnounceResponse,
  TrackerError,
  type TrackerErrorCode,
} from "../../_shared/announce.ts";
import { type Clock, deadlineSignal } from "../../_shared/clock.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { Driver } from "../../_shared/drive.ts";
import type { Handshaker } from "../../handshake/handshaker.ts";
import type { TrackerClient } from "../types.ts";
import {
  type AnnounceInput,
  AnnounceMachine,
  type AnnounceOutput,
} from "./announce_machine.ts";
import type {
  AnnounceOutcome,
  AnnounceScheduler,
  AnnounceTurn,
} from "./announce_scheduler.ts";
import { trackerName, type TrackerStatus } from "./tracker_entry.ts";

/** How long a tracker may take, in milliseconds (UDP retries within it). */
const ANNOUNCE_TIMEOUT_MS = 40_000;
/** How long each of the last words may take, in milliseconds. */
const GOODBYE_TIMEOUT_MS = 3_000;
/** Peers looked at of one answer; the list of candidates takes its share of them. */
const MAX_PEERS = 3000;

/** What an announce tells of the torrent, read when it is sent. */
export interface AnnounceFigures extends
  Pick<
    AnnounceRequest,
    "port" | "uploaded" | "downloaded" | "left" | "numWant"
  > {
  /** Whether nothing more is wanted, though the torrent is not complete (BEP 21). */
  readonly isPartialSeed: boolean;
}

/** What is needed of the session. */
export interface TrackerContext {
  /** Clock to use, for many long waits. */
  readonly timers: Clock;
  /** Randomness. */
  readonly random: RandomSource;
  /** Says when which tracker is asked. */
  readonly announces: AnnounceScheduler;
  /** Stable number that trackers know us by. */
  readonly trackerKey: number;
  /** Has our peer id. */
  readonly handshaker: Pick<Handshaker, "peerId">;
  /** The client for a tracker's scheme. */
  trackerFor(url: string): TrackerClient | undefined;
}

/** What is needed of the torrent. */
export interface TrackerHost {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** What the torrents of the session share. */
  readonly context: TrackerContext;
  /** Reads the figures of the moment; bytes since the torrent was added. */
  figures(): AnnounceFigures;
  /** Whether there are no peers and some are wanted. */
  wantsPeers(): boolean;
  /** Takes the peers found. */
  addCandidates(candidates: readonly PeerCandidate[]): void;
  /** Takes our address, where trackers of several hosts agree. */
  externalIp(hostname: string): void;
  /** Is told of every attempt; the tracker is named by scheme and host only. */
  tracked(
    tracker: string,
    result: { readonly peers: number } | { readonly error: TrackerError },
  ): void;
}

/** An announce that waits for its turn or is under way. */
interface Flight {
  readonly url: string;
  turn?: AnnounceTurn;
  controller?: AbortController;
}

/** A tracker's host without brackets; `localhost` is what it says it is. */
function tellerOf(url: string): string {
  const { hostname } = new URL(url);
  return hostname === "localhost"
    ? "127.0.0.1"
    : hostname.replace(/^\[|\]$/g, "");
}

/** Failures that say something about a tracker's host. */
const HOSTS_FAULTS: ReadonlySet<TrackerErrorCode> = new Set([
  "unreachable",
  "timeout",
  "malformed",
  "too-large",
  "http-status",
]);

/** Keeps a torrent's trackers informed; never throws. */
export class TrackerRunner {
  readonly #host: TrackerHost;
  readonly #machine: AnnounceMachine;
  readonly #driver: Driver<AnnounceInput, AnnounceOutput>;
  #flights: Flight[] = [];
  /** Bytes before the trackers were told `started` (BEP 3). */
  #uploadedBefore = 0;
  #downloadedBefore = 0;
  #left: PromiseWithResolvers<void> | undefined;
  /** Trackers that do not know `paused` (BEP 21). */
  #strict: Set<string> | undefined;

  constructor(host: TrackerHost, tiers: readonly (readonly string[])[]) {
    const { random, timers: clock } = host.context;
    const wanted = () => host.wantsPeers();
    this.#host = host;
    this.#machine = new AnnounceMachine({ tiers, random, wanted });
    this.#driver = new Driver(this.#machine, {
      clock,
      perform: (output) => this.#perform(output),
    });
  }

  /** Tells what is known of each tracker. */
  statuses(): TrackerStatus[] {
    return this.#machine.trackers;
  }

  /** Begins to announce. */
  start(): void {
    // Who goes on before the trackers know of the end has not begun anew.
    if (this.#left === undefined) {
      const { uploaded, downloaded } = this.#host.figures();
      this.#uploadedBefore = uploaded;
      this.#downloadedBefore = downloaded;
    }
    this.#driver.input({ type: "start" });
  }

  /** Tells that the whole torrent has just been completed. */
  completed(): void {
    this.#driver.input({ type: "completed" });
  }

  /** Announces as soon as the trackers allow. */
  reannounce(url?: string): void {
    this.#driver.input({ type: "reannounce", url });
  }

  /** Takes trackers behind those there are, or uses these only. */
  setTrackers(tiers: readonly (readonly string[])[], replace: boolean): void {
    this.#driver.input({ type: "trackers", tiers, replace });
  }

  /**
   * Tells the trackers that we leave, and waits for that a short while; not at
   * all for trackers that do not answer.
   */
  stop(): Promise<void> {
    this.#left ??= Promise.withResolvers<void>();
    const { promise } = this.#left;
    this.#driver.input({ type: "stop" });
    return promise;
  }

  /** Stops, for good. */
  async close(): Promise<void> {
    await this.stop();
    this.#driver.close();
    for (const { url } of [...this.#flights]) this.#cancel(url);
  }

  #perform(output: AnnounceOutput): void {
    switch (output.type) {
      case "announce":
        return this.#queue(output);
      case "cancel":
        return this.#cancel(output.url);
      case "left":
        this.#left?.resolve();
        this.#left = undefined;
    }
  }

  #queue(output: AnnounceOutput & { readonly type: "announce" }): void {
    const { url, event, leaving } = output;
    const flight: Flight = { url };
    this.#flights.push(flight);
    const { left, isPartialSeed } = this.#host.figures();
    const kind = leaving
      ? "goodbye"
      : event === "completed" || (left > 0 && !isPartialSeed)
      ? "download"
      : "seed";
    const turn = this.#host.context.announces.request(url, kind, {
      granted: () => {
        this.#driver.input({ type: "asked", url });
        void this.#announce(flight, output);
      },
      refused: (retryInMs) => {
        this.#forget(flight);
        const error = new TrackerError(
          "unreachable",
          `Tracker ${
            trackerName(url)
          } failed too often and is not asked any more`,
          { retryInMs },
        );
        this.#driver.input({ type: "failed", url, error });
      },
    });
    flight.turn = turn;
  }

  #cancel(url: string): void {
    const flight = this.#flights.find((one) => one.url === url);
    if (flight === undefined) return;
    this.#forget(flight);
    flight.turn?.end();
    flight.controller?.abort(
      new DOMException("The announce is no longer needed", "AbortError"),
    );
  }

  /** Whether somebody still waited for it. */
  #forget(flight: Flight): boolean {
    const before = this.#flights.length;
    this.#flights = this.#flights.filter((one) => one !== flight);
    return this.#flights.length < before;
  }

  async #announce(
    flight: Flight,
    output: AnnounceOutput & { readonly type: "announce" },
  ): Promise<void> {
    const { url } = output;
    const name = trackerName(url);
    const timeout = output.leaving ? GOODBYE_TIMEOUT_MS : ANNOUNCE_TIMEOUT_MS;
    flight.controller = new AbortController();
    using deadline = deadlineSignal(
      this.#host.context.timers,
      timeout,
      `Tracker ${name} did not answer within ${timeout / 1000} s`,
      flight.controller.signal,
    );
    let outcome: AnnounceOutcome = "failed";
    try {
      const response = await this.#ask(output, deadline.signal);
      outcome = "answered";
      if (this.#forget(flight)) this.#answered(output, response);
    } catch (cause) {
      const error = cause instanceof TrackerError ? cause : new TrackerError(
        deadline.signal.aborted ? "timeout" : "unreachable",
        cause instanceof Error ? cause.message : String(cause),
        { cause },
      );
      if (flight.controller.signal.aborted) outcome = "cancelled";
      else if (!HOSTS_FAULTS.has(error.code)) outcome = "answered";
      if (!this.#forget(flight)) return;
      if (!output.leaving) this.#host.tracked(name, { error });
      this.#driver.input({ type: "failed", url, error });
    } finally {
      flight.turn?.end(outcome);
    }
  }

  async #ask(
    output: AnnounceOutput & { readonly type: "announce" },
    signal: AbortSignal,
  ): Promise<AnnounceResponse> {
    const { url, trackerId } = output;
    const { infoHash, context } = this.#host;
    const { trackerKey: key, handshaker: { peerId } } = context;
    const client = context.trackerFor(url);
    if (client === undefined) {
      throw new TrackerError(
        "unsupported",
        `Cannot announce to ${trackerName(url)}: the scheme is not supported`,
        { retryInMs: Infinity },
      );
    }
    const { isPartialSeed, ...figures } = this.#host.figures();
    const announce = (event: AnnounceEvent | undefined) =>
      orAborted(
        client.announce(url, {
          ...figures,
          uploaded: figures.uploaded - this.#uploadedBefore,
          downloaded: figures.downloaded - this.#downloadedBefore,
          infoHash,
          peerId,
          key,
          event,
          trackerId,
        }, { signal }),
        signal,
      );
    if (
      output.event !== undefined || !isPartialSeed || !/^https?:/i.test(url) ||
      this.#strict?.has(url)
    ) return await announce(output.event);
    try {
      return await announce("paused");
    } catch (error) {
      if (!(error instanceof TrackerError && error.code === "refused")) {
        throw error;
      }
      // It may know only the events of BEP 3.
      (this.#strict ??= new Set()).add(url);
      return await announce(undefined);
    }
  }

  #answered(
    { url, leaving }: AnnounceOutput & { readonly type: "announce" },
    response: AnnounceResponse,
  ): void {
    const host = this.#host;
    const { infoHash } = host;
    if (!leaving) {
      const peers = response.peers.slice(0, MAX_PEERS);
      const { externalIp } = response;
      const agreed = externalIp && host.context.announces.vote(url, externalIp);
      if (agreed) host.externalIp(agreed);
      host.tracked(trackerName(url), { peers: peers.length });
      const teller = response.from ?? tellerOf(url);
      const source = "tracker";
      host.addCandidates(
        peers.map((address) => ({ infoHash, address, source, teller })),
      );
    }
    this.#driver.input({ type: "result", url, response });
  }
}
