/**
 * A queue of bytes that grows as it is needed.
 *
 * @module
 */

const FIRST_SIZE = 16_384;
/** What a header covers while it is copied along with its payload. */
const covered = new Uint8Array(32);

/** Bytes in order, addressed by how many came before them. */
export class ByteRing {
  #bytes = new Uint8Array(0);
  /** Bytes that have left. */
  start = 0;
  /** Bytes that have come. */
  end = 0;

  /** Bytes held. */
  get length(): number {
    return this.end - this.start;
  }

  /** Adds bytes. */
  push(data: Uint8Array, from: number, to: number): void {
    const count = to - from;
    this.#reserve(this.length + count);
    const bytes = this.#bytes;
    const at = this.end & (bytes.length - 1);
    const first = Math.min(count, bytes.length - at);
    if (
      to === data.length && first === count && from > 0 && from <= at &&
      from <= covered.length
    ) {
      // A view of each packet would be garbage: its header goes along, and what
      // that covers is put back.
      const start = at - from;
      for (let i = 0; i < from; i++) covered[i] = bytes[start + i]!;
      bytes.set(data, start);
      for (let i = 0; i < from; i++) bytes[start + i] = covered[i]!;
    } else {
      copy(data, from, bytes, at, first);
      copy(data, from + first, bytes, 0, count - first);
    }
    this.end += count;
  }

  /** Copies bytes that are held. */
  copy(position: number, count: number, out: Uint8Array, at: number): void {
    const bytes = this.#bytes;
    const from = position & (bytes.length - 1);
    const first = Math.min(count, bytes.length - from);
    copy(bytes, from, out, at, first);
    copy(bytes, 0, out, at + first, count - first);
  }

  /** Lets bytes go up to a position. */
  dropUntil(position: number): void {
    this.start = position;
    // What idles holds nothing.
    if (position === this.end && this.#bytes.length > FIRST_SIZE * 4) {
      this.#bytes = new Uint8Array(0);
    }
  }

  #reserve(length: number): void {
    const old = this.#bytes;
    if (length <= old.length) return;
    let size = Math.max(FIRST_SIZE, old.length);
    while (size < length) size *= 2;
    const bytes = new Uint8Array(size);
    for (let p = this.start; p < this.end;) {
      const from = p & (old.length - 1);
      const to = p & (size - 1);
      const count = Math.min(this.end - p, old.length - from, size - to);
      copy(old, from, bytes, to, count);
      p += count;
    }
    this.#bytes = bytes;
  }
}

function copy(
  from: Uint8Array,
  at: number,
  to: Uint8Array,
  offset: number,
  count: number,
): void {
  if (count <= 0) return;
  to.set(
    at === 0 && count === from.length ? from : from.subarray(at, at + count),
    offset,
  );
}
