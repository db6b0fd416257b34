/**
 * Runs the discovery services of a session for one torrent.
 *
 * @module
 */
import type { CandidateSource, PeerCandidate } from "../_shared/address.ts";
import { backoffMs } from "../_shared/backoff.ts";
import type { Clock } from "../_shared/clock.ts";
import type { DiscoveryTopic, PeerDiscovery } from "./types.ts";

/** How long a service may take to end, in milliseconds. */
const STOP_TIMEOUT_MS = 3_000;
/** First wait after a service failed, in milliseconds; doubles. */
const FIRST_RETRY_MS = 5_000;
/** Longest wait, in milliseconds. */
const LONGEST_RETRY_MS = 15 * 60_000;

/** Hears of what a {@linkcode SharedDiscovery} does for one torrent. */
export interface DiscoveryListener {
  /** Takes a peer. */
  found(candidate: PeerCandidate): void;
  /** A search begins. */
  searching(): void;
  /** A search is over. */
  waiting(nextAt: number, error?: string): void;
}

/** A source of peers that has one schedule for thousands of torrents. */
export interface SharedDiscovery {
  /** Name of the source. */
  readonly source: CandidateSource;
  /** Looks for a torrent's peers from now on. */
  follow(torrent: DiscoveryTopic, listener: DiscoveryListener): () => void;
}

/** A snapshot of one source of a torrent's peers. Times by the session's clock. */
export interface DiscoveryStatus {
  /** Name of the source. */
  readonly source: string;
  /** What it does; a source that ended by itself is idle. */
  readonly state: "idle" | "searching" | "waiting" | "failed";
  /** What went wrong last, if it failed. */
  readonly message: string | undefined;
  /** Peers it told of, those that were known included. */
  readonly peers: number;
  /** When it told of one last, in milliseconds. */
  readonly lastAt: number | undefined;
  /** When it is asked next, in milliseconds, where that is known. */
  readonly nextAt: number | undefined;
}

/** What the runner needs of its torrent. */
export interface DiscoveryTarget extends DiscoveryTopic {
  /** A private torrent is never told to anybody (BEP 27). */
  isPrivate(): boolean;
  /** Takes a peer. */
  onPeer(candidate: PeerCandidate): void;
  /** Is told of a service that failed; the others go on. */
  onError(source: string, error: string): void;
  /** Clock to use, for many timers. */
  readonly clock: Clock;
}

/** One service at work for one torrent. */
class Search implements DiscoveryListener {
  readonly #service: PeerDiscovery | SharedDiscovery;
  readonly #target: DiscoveryTarget;
  #state: DiscoveryStatus["state"] = "idle";
  #message: string | undefined;
  #peers = 0;
  #lastAt: number | undefined;
  #nextAt: number | undefined;
  #failures = 0;
  #end: (() => Promise<void> | void) | undefined;

  constructor(
    service: PeerDiscovery | SharedDiscovery,
    target: DiscoveryTarget,
  ) {
    this.#service = service;
    this.#target = target;
  }

  get status(): DiscoveryStatus {
    return {
      source: this.#service.source,
      state: this.#state,
      message: this.#message,
      peers: this.#peers,
      lastAt: this.#lastAt,
      nextAt: this.#nextAt,
    };
  }

  start(): void {
    const service = this.#service;
    if ("follow" in service) {
      this.#end = service.follow(this.#target, this);
    } else this.#run(service);
  }

  /** Ends it; a promise where that takes time. */
  stop(): Promise<void> | void {
    const end = this.#end;
    this.#end = undefined;
    this.#state = "idle";
    this.#nextAt = undefined;
    return end?.();
  }

  found(candidate: PeerCandidate): void {
    const { infoHash, clock } = this.#target;
    const { source } = this.#service;
    this.#peers++;
    this.#lastAt = clock.now();
    this.#target.onPeer({ ...candidate, infoHash, source });
  }

  searching(): void {
    this.#state = "searching";
    this.#nextAt = undefined;
  }

  waiting(nextAt: number, error?: string): void {
    this.#state = error === undefined ? "waiting" : "failed";
    this.#nextAt = nextAt;
    this.#message = error;
    if (error !== undefined) this.#target.onError(this.#service.source, error);
  }

  #run(service: PeerDiscovery): void {
    const running = new AbortController();
    const task = this.#search(service, running.signal);
    this.#end = () => {
      running.abort(new DOMException("Torrent stops", "AbortError"));
      return task;
    };
  }

  async #search(service: PeerDiscovery, signal: AbortSignal): Promise<void> {
    this.searching();
    try {
      for await (const candidate of service.discover(this.#target, signal)) {
        if (signal.aborted) return;
        this.#failures = 0;
        this.found(candidate);
      }
      if (!signal.aborted) this.#state = "idle";
    } catch (error) {
      // A service that is gone is no reason to stop the torrent.
      if (signal.aborted) return;
      const { clock } = this.#target;
      const retryAt = clock.now() +
        backoffMs(++this.#failures, FIRST_RETRY_MS, LONGEST_RETRY_MS);
      this.#end = clock.schedule(retryAt, () => this.#run(service));
      this.waiting(
        retryAt,
        error instanceof Error ? error.message : String(error),
      );
    }
  }
}

/** Starts and stops the searches of one torrent together. */
export class DiscoveryRunner {
  readonly #searches: readonly Search[];
  readonly #target: DiscoveryTarget;
  #running = false;

  constructor(
    services: readonly (PeerDiscovery | SharedDiscovery)[],
    target: DiscoveryTarget,
  ) {
    this.#searches = services.map((service) => new Search(service, target));
    this.#target = target;
  }

  /** Tells what each service does. */
  statuses(): DiscoveryStatus[] {
    return this.#searches.map((search) => search.status);
  }

  /** Starts looking, unless the torrent is private. */
  start(): void {
    if (this.#running || this.#target.isPrivate()) return;
    this.#running = true;
    for (const search of this.#searches) search.start();
  }

  /** Stops looking. What a service still finds is passed over. */
  async stop(): Promise<void> {
    if (!this.#running) return;
    this.#running = false;
    const ends = this.#searches.map((search) => search.stop())
      .filter((end) => end instanceof Promise);
    if (ends.length === 0) return;
    const { clock } = this.#target;
    const patience = Promise.withResolvers<void>();
    const cancel = clock.schedule(
      clock.now() + STOP_TIMEOUT_MS,
      patience.resolve,
    );
    await Promise.race([Promise.all(ends), patience.promise]);
    cancel();
  }
}
