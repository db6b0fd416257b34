/**
 * What a peer may make us do: every message costs, idle time pays it back.
 *
 * @module
 */
import { BUDGET_BURST, BUDGET_PATIENCE, BUDGET_RATE } from "./_limits.ts";

/**
 * The budget of one peer, in units of about a microsecond of our time. When it
 * is overdrawn, reading pauses until it is paid back; who overdraws it again
 * and again loses our patience.
 */
export class MessageBudget {
  #balance = BUDGET_BURST;
  #patience = BUDGET_PATIENCE;
  #at: number;

  /**
   * Makes a full budget.
   *
   * @param now The time in milliseconds.
   */
  constructor(now: number) {
    this.#at = now;
  }

  /**
   * Takes from the budget.
   *
   * @param cost How much.
   */
  spend(cost: number): void {
    this.#balance -= cost;
    this.#patience -= cost;
  }

  /**
   * Settles the account, once for many messages.
   *
   * @param now The time in milliseconds.
   * @returns When reading may go on; not after `now` when nothing is owed, and
   * `Infinity` when patience is at its end.
   */
  settle(now: number): number {
    const seconds = Math.max(0, now - this.#at) / 1000;
    this.#at = now;
    this.#balance = Math.min(
      BUDGET_BURST,
      this.#balance + seconds * BUDGET_RATE,
    );
    this.#patience = Math.min(
      BUDGET_PATIENCE,
      this.#patience + seconds * BUDGET_RATE / 4,
    );
    if (this.#patience < 0) return Infinity;
    return this.#balance >= 0 ? now : now - this.#balance * 1000 / BUDGET_RATE;
  }
}
