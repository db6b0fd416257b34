/**
 * Bytes of verified pieces that were read before.
 *
 * @module
 */

interface Entry {
  readonly owner: Map<number, Entry>;
  readonly key: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether somebody may keep a view: the buffer is then left alone. */
  shared: boolean;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** The part of a {@linkcode ReadCache} that belongs to one torrent. */
export interface ReadCacheSection {
  /**
   * Looks an extent up.
   *
   * @param key Which one.
   * @param shared Whether a view may be kept beyond the present call.
   * @returns Its bytes, never to be changed, or `undefined`.
   */
  get(key: number, shared: boolean): Uint8Array<ArrayBuffer> | undefined;
  /**
   * Keeps an extent.
   *
   * @param key Which one.
   * @param bytes Its bytes, never changed while they are here.
   * @param shared Whether a view may be kept beyond the present call.
   */
  set(key: number, bytes: Uint8Array<ArrayBuffer>, shared: boolean): void;
  /**
   * A buffer to read an extent into: one that was dropped, if nobody can hold
   * a view of it.
   *
   * @param length How many bytes.
   * @returns The buffer, with any content.
   */
  buffer(length: number): Uint8Array<ArrayBuffer>;
  /** Forgets everything of this torrent. */
  clear(): void;
}

/** Dropped buffers that wait to be used again. */
const MAX_SPARE = 8;

/**
 * Keeps what was used last, up to a number of bytes, over all torrents. A
 * buffer of which a view may have been kept is never used again for something
 * else: whoever still sends it after it was dropped sends the right bytes.
 */
export class ReadCache {
  readonly #maxBytes: number;
  #bytes = 0;
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
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
      get: (key, shared) => {
        const entry = entries.get(key);
        if (entry === undefined) return undefined;
        if (shared) entry.shared = true;
        if (entry !== this.#newest) {
          this.#unlink(entry);
          this.#link(entry);
        }
        return entry.bytes;
      },
      set: (key, bytes, shared) => {
        const old = entries.get(key);
        if (old !== undefined) this.#drop(old);
        if (bytes.length > this.#maxBytes) return;
        const entry: Entry = {
          owner: entries,
          key,
          bytes,
          shared,
          older: undefined,
          newer: undefined,
        };
        entries.set(key, entry);
        this.#link(entry);
        this.#bytes += bytes.length;
        while (this.#bytes > this.#maxBytes) this.#drop(this.#oldest!);
      },
      buffer: (length) => {
        const at = this.#spare.findIndex((bytes) => bytes.length === length);
        return at < 0 ? new Uint8Array(length) : this.#spare.splice(at, 1)[0]!;
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
    if (!entry.shared && this.#spare.length < MAX_SPARE) {
      this.#spare.push(entry.bytes);
    }
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
