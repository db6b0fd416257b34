/**
 * Promises of a torrent.
 *
 * @module
 */

/** A promise that is made when somebody asks for it, and may be rejected unseen. */
export class Settlement<T> {
  #made: PromiseWithResolvers<T> | undefined;
  #settle: ((made: PromiseWithResolvers<T>) => void) | undefined;

  /** Settled as the first call of the others says. */
  get promise(): Promise<T> {
    if (this.#made === undefined) {
      this.#made = Promise.withResolvers<T>();
      this.#made.promise.catch(() => {});
      this.#settle?.(this.#made);
    }
    return this.#made.promise;
  }

  /** Fulfils it, unless it is settled. */
  resolve(value: T): void {
    this.#as((made) => made.resolve(value));
  }

  /** Rejects it, unless it is settled. */
  reject(reason: unknown): void {
    this.#as((made) => made.reject(reason));
  }

  #as(settle: (made: PromiseWithResolvers<T>) => void): void {
    if (this.#settle !== undefined) return;
    this.#settle = settle;
    if (this.#made !== undefined) settle(this.#made);
  }
}
