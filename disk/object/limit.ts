/**
 * How much goes on at a time.
 *
 * @module
 */

/** Lets so many callers in at a time, with so much in their hands. */
export class Limit {
  readonly #most: number;
  readonly #mostBytes: number;
  #running = 0;
  #bytes = 0;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];

  constructor(most: number, mostBytes = Infinity) {
    this.#most = most;
    this.#mostBytes = mostBytes;
  }

  /**
   * Runs something when there is room; the largest has room when alone.
   */
  async run<T>(
    work: () => Promise<T>,
    bytes = 0,
    signal?: AbortSignal,
  ): Promise<T> {
    if (!this.#hasRoom(bytes) || this.#waiting.length > 0) {
      await this.#turn(bytes, signal);
    } else this.#enter(bytes);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#bytes -= bytes;
      this.#next();
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#running === 0 ||
      this.#running < this.#most && this.#bytes + bytes <= this.#mostBytes;
  }

  #enter(bytes: number): void {
    this.#running++;
    this.#bytes += bytes;
  }

  #turn(bytes: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1);
        reject(signal!.reason);
        this.#next();
      };
      const entry = {
        bytes,
        go: () => {
          signal?.removeEventListener("abort", onAbort);
          resolve();
        },
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", onAbort);
      this.#waiting.push(entry);
    });
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#hasRoom(this.#waiting[0]!.bytes)) {
      const { bytes, go } = this.#waiting.shift()!;
      this.#enter(bytes);
      go();
    }
  }
}
