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
}

/** The part of a {@linkcode ReadCache} that belongs to one torrent. */
export interface ReadCacheSection {
  /** Looks an extent up; its bytes are never changed. */
  get(key: number, shared: boolean): Uint8Array<ArrayBuffer> | undefined;
  /** Keeps an extent. */
  set(key: number, bytes: Uint8Array<ArrayBuffer>, shared: boolean): void;
  /** Counts bytes that are asked for; whether the rest likely will be. */
  touch(key: number, offset: number, length: number): boolean;
  /** Forgets everything of this torrent. */
  clear(): void;
}

/** Most bytes of a run that is read at once when serving. */
const EXTENT_SIZE = 262144;

/** Bytes of dropped buffers that wait to be used again. */
const MAX_SPARE_BYTES = 2 * 1024 * 1024;

/** Extents of which is known how much was asked for lately. */
const TOUCHED = 256;

/** Bytes that have to be asked for in a row until the extent is read. */
const ROW_BYTES = 32768;

/** The same for bytes anywhere in it. */
const LOOSE_BYTES = 65536;

/**
 * Keeps what was used last, up to a number of bytes, over all torrents. A
 * buffer of which a view was lent is used again only once control went back to
 * the event loop, so callers that copy or send the bytes before awaiting
 * anything get the right ones; one of which a view may be kept is never used
 * again.
 */
export class ReadCache {
  /** Bytes of a run that is read at once; 0 when there is no room for runs. */
  readonly extentSize: number;
  readonly #maxBytes: number;
  #bytes = 0;
  #spareBytes = 0;
  #spare: Uint8Array<ArrayBuffer>[] = [];
  /** Lent in the present turn of the event loop. */
  #lent: Uint8Array<ArrayBuffer>[] = [];
  #sections = 0;
  /** Of each place of the table: which extent, bytes asked for, their end. */
  #touched: Float64Array | undefined;
  /** Those used last at the end. */
  readonly #entries = new Set<Entry>();
  #newest: Entry | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.extentSize = maxBytes >= 4 * EXTENT_SIZE ? EXTENT_SIZE : 0;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Makes room for one more torrent. */
  section(): ReadCacheSection {
    const entries = new Map<number, Entry>();
    const id = this.#sections++ & 0xffff;
    return {
      get: (key, shared) => {
        const entry = entries.get(key);
        if (entry === undefined) return undefined;
        if (shared) entry.shared = true;
        if (entry !== this.#newest) {
          this.#entries.delete(entry);
          this.#append(entry);
        }
        return entry.bytes;
      },
      set: (key, bytes, shared) => {
        const old = entries.get(key);
        if (old !== undefined) this.#drop(old);
        if (bytes.length > this.#maxBytes) return;
        const entry = { owner: entries, key, bytes, shared };
        entries.set(key, entry);
        this.#append(entry);
        this.#bytes += bytes.length;
        for (const oldest of this.#entries) {
          if (this.#bytes <= this.#maxBytes) break;
          this.#drop(oldest);
        }
      },
      touch: (key, offset, length) =>
        this.#touch(key * 0x10000 + id, offset, length),
      clear: () => {
        for (const entry of [...entries.values()]) this.#drop(entry);
      },
    };
  }

  /** A buffer to read into, with any content. */
  buffer(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#spare.findLastIndex((bytes) => bytes.length === length);
    if (at < 0) return new Uint8Array(length);
    this.#spareBytes -= length;
    return this.#spare.splice(at, 1)[0]!;
  }

  /**
   * Takes back a buffer of which views may be looked at until control goes back
   * to the event loop.
   */
  giveBack(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#spareBytes + bytes.length > MAX_SPARE_BYTES) return;
    this.#spareBytes += bytes.length;
    this.#lent.push(bytes);
    if (this.#lent.length > 1) return;
    queueMicrotask(() => {
      this.#spare.push(...this.#lent);
      this.#lent = [];
    });
  }

  /** A table of fixed size: what shares a place with another is forgotten. */
  #touch(tag: number, offset: number, length: number): boolean {
    const table = this.#touched ??= new Float64Array(3 * TOUCHED).fill(-1);
    const at = 3 * ((tag ^ (tag / 0x10000)) & (TOUCHED - 1));
    if (table[at] !== tag) {
      table[at] = tag;
      table[at + 1] = 0;
      table[at + 2] = -1;
    }
    const isNext = table[at + 2] === offset;
    const bytes = table[at + 1]! + length;
    const isWorth = bytes >= (isNext ? ROW_BYTES : LOOSE_BYTES);
    // Once it is read and dropped again, the same is asked for again first.
    table[at + 1] = isWorth ? 0 : bytes;
    table[at + 2] = offset + length;
    return isWorth;
  }

  #drop(entry: Entry): void {
    this.#entries.delete(entry);
    if (entry === this.#newest) this.#newest = undefined;
    entry.owner.delete(entry.key);
    this.#bytes -= entry.bytes.length;
    if (!entry.shared) this.giveBack(entry.bytes);
  }

  #append(entry: Entry): void {
    this.#entries.add(entry);
    this.#newest = entry;
  }
}
