/**
 * Writes changes of swarms to a database: what waits goes in one operation, as
 * an operation costs much and what is in it little.
 *
 * @module
 */
import { toByteString } from "../../_shared/bytes.ts";
import type { KvSwarmCensus } from "./kv_swarm_census.ts";
import type { KvPeer, KvPlace } from "./kv_swarm_layout.ts";
import type { KvChange } from "./kv_swarm_mirror.ts";

/** Changes in one operation; a database allows 100 checks. */
const BATCH = 80;
/** How often a change is tried that meets those of others. */
const MAX_ATTEMPTS = 8;

interface Waiting {
  readonly change: KvChange;
  readonly name: string;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Writes changes, in the order in which each peer's came. */
export class KvSwarmWriter {
  readonly #place: KvPlace;
  readonly #census: KvSwarmCensus;
  #queue: Waiting[] = [];
  #isWriting = false;

  /** Takes the database, and who counts what comes and goes. */
  constructor(place: KvPlace, census: KvSwarmCensus) {
    this.#place = place;
    this.#census = census;
  }

  /** Writes a change. */
  write(change: KvChange): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { torrent, compact } = change;
    const name = toByteString(torrent) + toByteString(compact);
    this.#queue.push({ change, name, resolve, reject });
    if (!this.#isWriting) void this.#writeAll();
    return promise;
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      const batch = this.#take();
      try {
        const changes = batch.map(({ change }) => change);
        if (!await this.#commit(changes)) {
          for (const change of changes) await this.#commitAlone(change);
        }
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isWriting = false;
  }

  /** Takes changes of different peers. */
  #take(): Waiting[] {
    const batch: Waiting[] = [];
    const names = new Set<string>();
    const rest: Waiting[] = [];
    for (const waiting of this.#queue) {
      if (batch.length < BATCH && !names.has(waiting.name)) batch.push(waiting);
      else rest.push(waiting);
      names.add(waiting.name);
    }
    this.#queue = rest;
    return batch;
  }

  async #commitAlone(change: KvChange): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (await this.#commit([change])) return;
    }
    throw new Error("Too many changes of one peer at the same time");
  }

  /** Writes changes together, unless others changed the same peers. */
  async #commit(changes: readonly KvChange[]): Promise<boolean> {
    const { kv, layout, wallClock, limits } = this.#place;
    const { peerLifeMs } = limits;
    const census = this.#census;
    const rows = await Promise.all(changes.map(async (change) => {
      const key = layout.peerKey(change.torrent, change.compact);
      const { value, versionstamp } = await kv.get(key);
      const current: KvPeer | undefined = versionstamp === null
        ? undefined
        : layout.peerOf({ key, value, versionstamp });
      return { change, key, versionstamp, current };
    }));
    const oldest = (wallClock() - peerLifeMs) / 1000;
    const operation = kv.atomic();
    const notes: (() => void)[] = [];
    let [added, removed, newTorrents, goneTorrents] = [0, 0, 0, 0];
    for (const { change, key, versionstamp, current } of rows) {
      const { torrent, compact, entry, completed, isOnly } = change;
      const isKnown = current !== undefined && current.heard >= oldest;
      const torrents = isOnly ? 1 : 0;
      if (entry === undefined) {
        if (versionstamp === null) continue;
        operation.check({ key, versionstamp }).delete(key);
        if (isOnly) operation.delete(layout.downloadsKey(torrent));
        if (!isKnown) continue;
        removed++;
        goneTorrents += torrents;
        notes.push(() => census.note(compact, -1, -torrents));
        continue;
      }
      operation.check({ key, versionstamp })
        .set(key, [entry.seed, entry.heard], { expireIn: peerLifeMs });
      if (completed && !(isKnown && current.seed)) {
        operation.sum(layout.downloadsKey(torrent), 1n);
      }
      if (isKnown) continue;
      added++;
      newTorrents += torrents;
      notes.push(() => census.note(compact, 1, torrents));
    }
    census.countIn(operation, added, newTorrents);
    census.countOut(operation, removed, goneTorrents);
    const { ok } = await operation.commit();
    if (ok) { for (const note of notes) note(); }
    return ok;
  }
}
