/**
 * What UDP and HTTP trackers do with an announce before and after the store:
 * access lists, intervals, how many peers, figures.
 *
 * @module
 */
import type { ScrapeEntry } from "../_shared/announce.ts";
import { tryFromHex } from "../_shared/bytes.ts";
import { SwarmIndex } from "./table/swarm_index.ts";
import { SwarmPeerIds } from "./table/swarm_peer_ids.ts";
import type {
  SwarmAnnounce,
  SwarmAnswer,
  SwarmStats,
  SwarmStore,
} from "./swarm_store.ts";

/** Peers in an answer when the client names no number. */
export const DEFAULT_NUM_WANT = 50;
/** Most peers in an answer. */
export const MAX_NUM_WANT = 200;

/** A list of info-hashes is wrong. */
export class InfoHashListError extends SyntaxError {
  /** Always `"invalid-info-hash"`. */
  readonly code = "invalid-info-hash";
  /** Line of the text, from 1. */
  readonly line: number;

  /**
   * Makes the error.
   *
   * @param line Line of the text, from 1.
   */
  constructor(line: number) {
    super(`Cannot read line ${line}: expected 40 hex digits`);
    this.name = "InfoHashListError";
    this.line = line;
  }
}

/** A set of info-hashes. */
export class InfoHashList {
  readonly #index: SwarmIndex;

  /**
   * Makes a set.
   *
   * @param infoHashes 20 bytes each; longer ones count by their first 20.
   * @param seed A secret number, where strangers can choose the hashes.
   */
  constructor(infoHashes: Iterable<Uint8Array>, seed = 0) {
    this.#index = new SwarmIndex(seed);
    for (const infoHash of infoHashes) {
      if (this.#index.find(infoHash, 0) < 0) this.#index.add(infoHash, 0);
    }
  }

  /**
   * Parses a list: an info-hash of 40 hex digits a line, and whatever follows
   * it after a blank; empty lines and those that begin with `#` do not count.
   *
   * @param text The list.
   * @returns The set.
   * @throws {InfoHashListError} If a line is something else.
   */
  static parse(text: string): InfoHashList {
    const infoHashes: Uint8Array[] = [];
    let line = 0;
    for (const content of text.split(/\r\n|\n|\r/)) {
      line++;
      const word = /^\s*(\S*)/.exec(content)![1]!;
      if (word === "" || word.startsWith("#")) continue;
      const infoHash = word.length === 40 ? tryFromHex(word) : undefined;
      if (infoHash === undefined) throw new InfoHashListError(line);
      infoHashes.push(infoHash);
    }
    return new InfoHashList(infoHashes);
  }

  /** How many there are. */
  get size(): number {
    return this.#index.size;
  }

  /**
   * Looks an info-hash up.
   *
   * @param bytes Where it is.
   * @param offset Of its 20 bytes. @default {0}
   * @returns Whether it is in the set.
   */
  has(bytes: Uint8Array, offset = 0): boolean {
    return this.#index.find(bytes, offset) >= 0;
  }
}

/** Options of {@linkcode SwarmService}. */
export interface SwarmServiceOptions {
  /** Who is in which swarm; closed with the service. */
  readonly store: SwarmStore;
  /**
   * When clients shall announce again, in milliseconds.
   *
   * @default {1_800_000}
   */
  readonly intervalMs?: number | undefined;
  /**
   * Only these torrents are served.
   *
   * @default {all}
   */
  readonly allow?: InfoHashList | undefined;
  /**
   * These torrents are not served, even if they are allowed.
   *
   * @default {none}
   */
  readonly deny?: InfoHashList | undefined;
}

/** Figures of a {@linkcode SwarmService}. */
export interface SwarmServiceStats {
  /** Of the store. */
  readonly swarms: SwarmStats;
  /** Announces taken. */
  readonly announces: number;
  /** Torrents looked up by scrapes. */
  readonly scrapes: number;
  /** Announces refused because of the lists. */
  readonly denied: number;
  /** Times that the store failed. */
  readonly failures: number;
}

/** The swarm service behind trackers of any protocol. */
export class SwarmService {
  /** Who is in which swarm. */
  readonly store: SwarmStore;
  /** When clients shall announce again, in seconds. */
  readonly interval: number;
  /** Only these torrents are served; all when absent. May be changed. */
  allow: InfoHashList | undefined;
  /** These torrents are not served. May be changed. */
  deny: InfoHashList | undefined;
  readonly #peerIds = new SwarmPeerIds();
  #announces = 0;
  #scrapes = 0;
  #denied = 0;
  #failures = 0;

  /**
   * Makes a service.
   *
   * @param options See {@linkcode SwarmServiceOptions}.
   * @throws {RangeError} If the interval is not from a second to a day.
   */
  constructor(options: SwarmServiceOptions) {
    const { intervalMs = 1_800_000 } = options;
    if (!(intervalMs >= 1000 && intervalMs <= 86_400_000)) {
      throw new RangeError(
        `Cannot use intervalMs ${intervalMs}: expected 1000 to 86400000`,
      );
    }
    this.store = options.store;
    this.interval = Math.round(intervalMs / 1000);
    this.allow = options.allow;
    this.deny = options.deny;
  }

  /**
   * Whether a torrent is served.
   *
   * @param bytes Where its info-hash is.
   * @param offset Of the 20 bytes.
   * @returns False if the lists are against it.
   */
  isAllowed(bytes: Uint8Array, offset: number): boolean {
    return (this.allow === undefined || this.allow.has(bytes, offset)) &&
      (this.deny === undefined || !this.deny.has(bytes, offset));
  }

  /**
   * Takes an announce.
   *
   * @param request What the client said; a number of peers that is negative
   * means the default.
   * @param now The time in milliseconds.
   * @param peerId Bytes that hold the client's id.
   * @param peerIdOffset Where in them the 20 bytes begin. @default {0}
   * @returns The answer, valid until the next call, or `undefined` when the
   * torrent is not served.
   */
  announce(
    request: SwarmAnnounce,
    now: number,
    peerId?: Uint8Array,
    peerIdOffset = 0,
  ): SwarmAnswer | Promise<SwarmAnswer> | undefined {
    if (!this.isAllowed(request.infoHash, request.infoHashOffset)) {
      this.#denied++;
      return undefined;
    }
    this.#announces++;
    request.numWant = request.numWant < 0
      ? DEFAULT_NUM_WANT
      : Math.min(request.numWant, MAX_NUM_WANT);
    if (peerId !== undefined) {
      this.#peerIds.note(request, peerId, peerIdOffset);
    }
    return this.store.announce(request, now);
  }

  /**
   * Looks up the id of a peer that announced here, as far as it is remembered.
   *
   * @param infoHash 20 bytes.
   * @param compact Its address and port, 6 or 18 bytes.
   * @returns 20 bytes.
   */
  peerIdOf(
    infoHash: Uint8Array,
    compact: Uint8Array,
  ): Uint8Array | undefined {
    return this.#peerIds.find(infoHash, compact);
  }

  /**
   * Looks up the figures of a torrent.
   *
   * @param bytes Where its info-hash is.
   * @param offset Of the 20 bytes.
   * @param now The time in milliseconds.
   * @returns The figures, valid until the next call; zeros for a torrent that
   * is unknown or not served.
   */
  scrape(
    bytes: Uint8Array,
    offset: number,
    now: number,
  ): ScrapeEntry | Promise<ScrapeEntry> {
    this.#scrapes++;
    return this.isAllowed(bytes, offset)
      ? this.store.scrape(bytes, offset, now)
      : { seeders: 0, leechers: 0, downloads: 0 };
  }

  /**
   * Lets the store forget peers that are gone; failures are counted.
   *
   * @param now The time in milliseconds.
   * @returns A promise that never rejects.
   */
  async expire(now: number): Promise<void> {
    try {
      await this.store.expire(now);
    } catch {
      this.#failures++;
    }
  }

  /** Notes that the store failed, for the figures. */
  failed(): void {
    this.#failures++;
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  async stats(): Promise<SwarmServiceStats> {
    return {
      swarms: await this.store.stats(),
      announces: this.#announces,
      scrapes: this.#scrapes,
      denied: this.#denied,
      failures: this.#failures,
    };
  }
}
