/**
 * What a peer may make us do: every message costs, idle time pays it back.
 *
 * @module
 */
import { TokenBucket } from "../../_shared/token_bucket.ts";
import {
  BUDGET_BURST,
  BUDGET_PATIENCE,
  BUDGET_RATE,
  PATIENCE_RATE,
} from "../limits.ts";

/**
 * The budget of one peer, in units of about a microsecond of our time. When it
 * is overdrawn, reading pauses until it is paid back; who overdraws it again
 * and again loses our patience.
 */
export class MessageBudget {
  readonly #balance: TokenBucket;
  readonly #patience: TokenBucket;
  /** Costs since the last account. */
  #spent = 0;

  /** Makes a full budget, less what the peer owes from earlier. */
  constructor(now: number, debt = 0) {
    this.#balance = new TokenBucket(BUDGET_RATE, BUDGET_BURST, now);
    this.#patience = new TokenBucket(PATIENCE_RATE, BUDGET_PATIENCE, now);
    this.#spent = debt;
  }

  /** What the peer owes, in units, should it come again. */
  debt(now: number): number {
    return this.#spent + BUDGET_PATIENCE - this.#patience.level(now);
  }

  /** Takes from the budget. */
  spend(cost: number): void {
    this.#spent += cost;
  }

  /** Settles the account, once for many messages. */
  settle(now: number): number {
    if (this.#spent > 0) {
      this.#balance.spend(this.#spent, now);
      this.#patience.spend(this.#spent, now);
      this.#spent = 0;
      if (this.#patience.level(now) < 0) return Infinity;
    }
    return this.#balance.nextAt(now, 0);
  }
}
