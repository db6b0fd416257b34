/**
 * How often torrents were completed: a counter each, which lives as long as
 * the torrent has peers.
 *
 * @module
 */
import { compareBytes } from "../../_shared/bytes.ts";
import type { KvSwarmLayout } from "./kv_swarm_layout.ts";
import type { SwarmKv, SwarmKvEntry } from "../swarm_kv.ts";

/** Counters removed in one operation. */
const REMOVAL_BATCH = 50;

/** Reads a counter. */
export async function readDownloads(
  kv: SwarmKv,
  layout: KvSwarmLayout,
  torrent: Uint8Array,
): Promise<number> {
  return counterOf((await kv.get(layout.downloadsKey(torrent))).value);
}

/** Reads what `sum` wrote. */
export function counterOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const { value: number } = value as { readonly value?: unknown };
  return typeof number === "bigint" ? Number(number) : 0;
}

/**
 * Removes the counters of torrents without peers: goes through all counters
 * beside a walk through all torrents, which are in the same order.
 */
export class DownloadsSweep {
  readonly #kv: SwarmKv;
  readonly #counters: AsyncIterator<SwarmKvEntry>;
  #next: SwarmKvEntry | undefined;
  #orphans: SwarmKvEntry[] = [];
  #started = false;

  /** Begins before the first torrent. */
  constructor(kv: SwarmKv, layout: KvSwarmLayout) {
    this.#kv = kv;
    const list = kv.list({ prefix: layout.downloads }, { batchSize: 500 });
    this.#counters = list[Symbol.asyncIterator]();
  }

  /** Goes on to a torrent. */
  async reach(torrent: Uint8Array | undefined): Promise<void> {
    if (!this.#started) await this.#advance();
    this.#started = true;
    for (let next = this.#next; next !== undefined; next = this.#next) {
      const key = next.key[2];
      const order = torrent === undefined || !(key instanceof Uint8Array)
        ? -1
        : compareBytes(key, torrent);
      if (order > 0) break;
      if (order < 0) this.#orphans.push(next);
      await this.#advance();
    }
    if (torrent === undefined || this.#orphans.length >= REMOVAL_BATCH) {
      await this.#remove();
    }
  }

  /** Ends before the last torrent. */
  async stop(): Promise<void> {
    await this.#counters.return?.();
  }

  async #advance(): Promise<void> {
    const { done, value } = await this.#counters.next();
    this.#next = done === true ? undefined : value;
  }

  async #remove(): Promise<void> {
    const orphans = this.#orphans.splice(0);
    for (let at = 0; at < orphans.length; at += REMOVAL_BATCH) {
      const operation = this.#kv.atomic();
      for (const entry of orphans.slice(at, at + REMOVAL_BATCH)) {
        const key = [...entry.key] as Parameters<typeof operation.delete>[0];
        operation.check({ key, versionstamp: entry.versionstamp }).delete(key);
      }
      // Where one has been counted up meanwhile, all wait for the next time.
      await operation.commit();
    }
  }
}
