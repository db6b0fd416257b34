/**
 * The DHT (BEP 5) as a source of peers for torrents: one schedule of lookups
 * for all of a session.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import type { Clock } from "../../_shared/clock.ts";
import { type Deadline, DeadlineHeap } from "../../_shared/deadline_heap.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import type {
  DiscoveryListener,
  SharedDiscovery,
} from "../discovery_runner.ts";
import type { DiscoveryTopic } from "../types.ts";

/** Between two lookups of a torrent that found peers, in milliseconds. */
const AGAIN_MS = 15 * 60_000;
/** Between two lookups of a seed, which only announces: nodes keep it longer. */
const SEED_AGAIN_MS = 25 * 60_000;
/** After a lookup that found nobody, in milliseconds; trebles up to the above. */
const EMPTY_MS = 10_000;
/** Lookups at once. */
const AT_ONCE = 40;
/** No lookup is begun while the node waits for more answers. */
const MAX_OUTSTANDING = 200;
/** How soon it is looked again whether the node waits for less. */
const BUSY_MS = 250;
/** How soon it is looked again whether the node knows anybody. */
const ALONE_MS = 1_000;
/** Lookups a second, and at once; more where there are very many torrents. */
const PER_SECOND = 2;
const BURST = 10;
/** Nodes that torrents and peers tell of, a second and at once. */
const NODES_PER_SECOND = 1;
const NODES_BURST = 50;
/** All torrents have their turn within that time, in seconds. */
const ROUND_SECONDS = 600;

/** What is needed of a DHT node. */
export interface PeerLookup {
  /** Looks for peers and announces us at the end. */
  getPeers(
    infoHash: Uint8Array,
    options: {
      readonly announcePort?: number | undefined;
      readonly seed?: boolean | undefined;
      readonly noSeed?: boolean | undefined;
      readonly signal?: AbortSignal | undefined;
    },
  ): AsyncIterable<PeerCandidate>;
  /** Tells the node of another one, which is pinged before it is believed. */
  addNode(endpoint: Endpoint): void;
  /** Tells what goes on. */
  stats(): { readonly goodNodes: number; readonly outstanding: number };
}

/** A torrent that is looked up again and again. */
interface Entry {
  readonly torrent: DiscoveryTopic;
  readonly listener: DiscoveryListener;
  waitMs: number;
  due: Deadline<Entry> | undefined;
  running: AbortController | undefined;
}

/** Looks peers up for every torrent of a session, a few at a time. */
export class DhtPeers implements SharedDiscovery, AsyncDisposable {
  /** Name of the source. */
  readonly source = "dht";
  readonly #dht: PeerLookup;
  readonly #clock: Clock;
  readonly #due = new DeadlineHeap<Entry>();
  readonly #bucket: TokenBucket;
  readonly #nodes: TokenBucket;
  readonly #tasks = new Set<Promise<void>>();
  readonly #running = new Set<Entry>();
  #torrents = 0;
  #cancelTimer = () => {};

  constructor(dht: PeerLookup, clock: Clock) {
    this.#dht = dht;
    this.#clock = clock;
    const now = clock.now();
    this.#bucket = new TokenBucket(PER_SECOND, BURST, now);
    this.#nodes = new TokenBucket(NODES_PER_SECOND, NODES_BURST, now);
  }

  /** Looks for a torrent's peers from now on; announces us with each lookup. */
  follow(torrent: DiscoveryTopic, listener: DiscoveryListener): () => void {
    const entry: Entry = {
      torrent,
      listener,
      waitMs: EMPTY_MS,
      due: undefined,
      running: undefined,
    };
    this.#torrents++;
    this.#plan(entry, this.#clock.now());
    this.#pump();
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.#torrents--;
      this.#due.cancel(entry.due);
      entry.running?.abort(new DOMException("Torrent stops", "AbortError"));
    };
  }

  /**
   * Tells the DHT of a node that a torrent or a peer names; many are passed
   * over.
   */
  addNode(node: Endpoint): void {
    if (this.#nodes.take(this.#clock.now())) this.#dht.addNode(node);
  }

  /** Ends every lookup, for good. */
  async close(): Promise<void> {
    while (this.#due.takeDue(Infinity) !== undefined);
    for (const { running } of this.#running) running?.abort();
    this.#cancelTimer();
    await Promise.all(this.#tasks);
  }

  /** Same as {@linkcode DhtPeers.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #plan(entry: Entry, at: number): void {
    entry.due = this.#due.add(at, entry);
  }

  /** Begins lookups while there are some due and there is room for them. */
  #pump(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const now = this.#clock.now();
    const perSecond = Math.max(PER_SECOND, this.#torrents / ROUND_SECONDS);
    this.#bucket.setRate(perSecond, now);
    let at: number | undefined;
    // A lookup that ends begins the next.
    while (this.#running.size < AT_ONCE) {
      const dueAt = this.#due.earliest;
      if (dueAt === undefined) return;
      const { goodNodes, outstanding } = this.#dht.stats();
      at = Math.max(
        dueAt,
        this.#bucket.nextAt(now),
        goodNodes === 0
          ? now + ALONE_MS
          : outstanding > MAX_OUTSTANDING
          ? now + BUSY_MS
          : now,
      );
      if (at > now) break;
      this.#bucket.take(now);
      const task = this.#look(this.#due.takeDue(now)!)
        .finally(() => this.#tasks.delete(task));
      this.#tasks.add(task);
      at = undefined;
    }
    if (at !== undefined) {
      this.#cancelTimer = this.#clock.schedule(at, () => this.#pump());
    }
  }

  async #look(entry: Entry): Promise<void> {
    const { torrent, listener } = entry;
    const { infoHash, port } = torrent;
    const { signal } = entry.running = new AbortController();
    const seed = torrent.isSeed();
    let found = 0;
    let error: string | undefined;
    this.#running.add(entry);
    listener.searching();
    try {
      const lookup = this.#dht.getPeers(infoHash, {
        ...(port > 0 ? { announcePort: port } : {}),
        seed,
        noSeed: seed,
        signal,
      });
      for await (const candidate of lookup) {
        if (signal.aborted) break;
        found++;
        listener.found(candidate);
      }
    } catch (cause) {
      error = cause instanceof Error ? cause.message : String(cause);
    }
    this.#running.delete(entry);
    entry.running = undefined;
    if (!signal.aborted) {
      const wait = seed && error === undefined
        ? SEED_AGAIN_MS
        : found > 0
        ? AGAIN_MS
        : entry.waitMs;
      entry.waitMs = found > 0 ? EMPTY_MS : Math.min(AGAIN_MS, 3 * wait);
      const nextAt = this.#clock.now() + wait;
      this.#plan(entry, nextAt);
      listener.waiting(nextAt, error);
    }
    this.#pump();
  }
}
