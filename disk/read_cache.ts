/**
 * Bytes of verified pieces that were read before.
 *
 * @module
 */

interface Entry {
  readonly owner: Map<number, Entry>;
  readonly key: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** The part of a {@linkcode ReadCache} that belongs to one torrent. */
export interface ReadCacheSection {
  /**
   * Looks an extent up.
   *
   * @param key Which one.
   * @returns Its bytes, never to be changed, or `undefined`.
   */
  get(key: number): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Keeps an extent.
   *
   * @param key Which one.
   * @param bytes Its bytes, never changed from now on.
   */
  set(key: number, bytes: Uint8Array<ArrayBuffer>): void;
  /** Forgets everything of this torrent. */
  clear(): void;
}

/**
 * Keeps what was used last, up to a number of bytes, over all torrents.
 * Buffers are never used again for something else: whoever still sends one
 * after it was dropped sends the right bytes.
 */
export class ReadCache {
  readonly #maxBytes: number;
  #bytes = 0;
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  /**
   * Makes an empty cache.
   *
   * @param maxBytes Most bytes to keep; 0 keeps nothing.
   */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Makes room for one more torrent.
   *
   * @returns Its section.
   */
  section(): ReadCacheSection {
    const entries = new Map<number, Entry>();
    return {
      get: (key) => {
        const entry = entries.get(key);
        if (entry === undefined) return undefined;
        if (entry !== this.#newest) {
          this.#unlink(entry);
          this.#link(entry);
        }
        return entry.bytes;
      },
      set: (key, bytes) => {
        const old = entries.get(key);
        if (old !== undefined) this.#drop(old);
        if (bytes.length > this.#maxBytes) return;
        const entry: Entry = {
          owner: entries,
          key,
          bytes,
          older: undefined,
          newer: undefined,
        };
        entries.set(key, entry);
        this.#link(entry);
        this.#bytes += bytes.length;
        while (this.#bytes > this.#maxBytes) this.#drop(this.#oldest!);
      },
      clear: () => {
        for (const entry of [...entries.values()]) this.#drop(entry);
      },
    };
  }

  #drop(entry: Entry): void {
    this.#unlink(entry);
    entry.owner.delete(entry.key);
    this.#bytes -= entry.bytes.length;
  }

  #link(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: Entry): void {
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
