/**
 * Answers that are on their way, until nobody waits for them any more.
 *
 * @module
 */

/**
 * Waits for answers, and can give up on all of them at once. Racing each answer
 * with one promise of the end would keep all of them in memory.
 */
export class PendingAnswers {
  readonly #rejects = new Set<(reason: Error) => void>();
  #abandoned: Error | undefined;

  /** Answers that are waited for. */
  get size(): number {
    return this.#rejects.size;
  }

  /** Waits for an answer. */
  async wait<T>(answer: T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    Promise.resolve(answer).then(resolve, reject);
    if (this.#abandoned !== undefined) reject(this.#abandoned);
    this.#rejects.add(reject);
    try {
      return await promise;
    } finally {
      this.#rejects.delete(reject);
    }
  }

  /** Waits no longer, for any answer. */
  abandon(reason: Error): void {
    this.#abandoned = reason;
    for (const reject of this.#rejects) reject(reason);
  }
}
