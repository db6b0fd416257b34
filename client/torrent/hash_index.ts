/**
 * Torrents by the hashes that peers may call them by.
 *
 * @module
 */
import { toHex } from "../../_shared/bytes.ts";
import { hashesOf, type Topic } from "./add_source.ts";

/** Things found by info-hash; who was first keeps a hash. */
export class HashIndex<T> {
  readonly #byHash = new Map<string, T>();

  /** Whether something has one of a topic's hashes. */
  has(topic: Topic): boolean {
    return hashesOf(topic).some((hash) => this.#byHash.has(hash));
  }

  /** Finds by a hash; of a v2 hash 20 bytes do. */
  get(infoHash: Uint8Array): T | undefined {
    return this.#byHash.get(toHex(infoHash.subarray(0, 20)));
  }

  /** Files something under the hashes of a topic that are free. */
  add(topic: Topic, thing: T): void {
    for (const hash of hashesOf(topic)) {
      if (!this.#byHash.has(hash)) this.#byHash.set(hash, thing);
    }
  }

  /** Forgets something under the hashes of a topic. */
  delete(topic: Topic, thing: T): void {
    for (const hash of hashesOf(topic)) {
      if (this.#byHash.get(hash) === thing) this.#byHash.delete(hash);
    }
  }
}
