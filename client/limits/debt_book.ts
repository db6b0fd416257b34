/**
 * What hosts owe that are gone: who has wasted our time does not begin anew by
 * connecting again.
 *
 * @module
 */
import { hostKey } from "../../_shared/address.ts";
import { remember } from "../../_shared/recent.ts";
import { BUDGET_PATIENCE, PATIENCE_RATE } from "../../peer/limits.ts";

/** Less is forgotten at once: honest peers owe a little. */
const LEAST = 600;
/** Hosts remembered; the longest unused are forgotten. */
const MAX_REMEMBERED = 1024;

/** Debts by host, paid back by staying away. */
export class DebtBook {
  readonly #debts = new Map<string, { debt: number; at: number }>();

  /** What a host owes now, in the units of message costs. */
  of(hostname: string, now: number): number {
    const noted = this.#debts.get(hostKey(hostname));
    if (noted === undefined) return 0;
    const paid = Math.max(0, now - noted.at) / 1000 * PATIENCE_RATE;
    return Math.max(0, noted.debt - paid);
  }

  /** Whether it owes so much that it is not to be let in. */
  isClosedTo(hostname: string, now: number): boolean {
    return this.of(hostname, now) >= BUDGET_PATIENCE;
  }

  /** Notes what a peer owed when its connection ended. */
  note(hostname: string, debt: number, now: number): void {
    if (debt < LEAST || debt <= this.of(hostname, now)) return;
    const key = hostKey(hostname);
    remember(this.#debts, key, { debt, at: now }, MAX_REMEMBERED);
  }
}
