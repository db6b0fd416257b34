/**
 * Nodes that were heard of but never answered.
 *
 * @module
 */
import type { NodeContact } from "../compact_node.ts";

/** How many are remembered. */
const MAX_NODES = 256;
/** How long a node that only asked us waits for its ping, in ms. */
const DELAY_MS = 90_000;

interface Unverified {
  readonly contact: NodeContact;
  /** When it is worth a ping. */
  dueAt: number;
}

/** A bounded list of contacts, each with the time of its ping. */
export class UnverifiedNodes {
  readonly #entries = new Map<string, Unverified>();
  /** The earliest time of all, `undefined` when it is to be looked for. */
  #firstAt: number | undefined = Infinity;

  get size(): number {
    return this.#entries.size;
  }

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  delete(key: string): void {
    if (this.#entries.delete(key)) this.#firstAt = undefined;
  }

  /** Makes a contact due at once. */
  hasten(key: string, now: number): void {
    const entry = this.#entries.get(key)!;
    entry.dueAt = Math.min(entry.dueAt, now);
    this.#firstAt = undefined;
  }

  /** Remembers a contact. When full, only a hasty one displaces the oldest. */
  add(key: string, contact: NodeContact, now: number, isHasty: boolean): void {
    if (this.#entries.size >= MAX_NODES) {
      if (!isHasty) return;
      for (const oldest of this.#entries.keys()) {
        this.delete(oldest);
        break;
      }
    }
    const dueAt = isHasty ? now : now + DELAY_MS;
    this.#entries.set(key, { contact, dueAt });
    if (this.#firstAt !== undefined && dueAt < this.#firstAt) {
      this.#firstAt = dueAt;
    }
  }

  /** Takes the first contact that is due; all are in a hurry. */
  take(now: number, hurry: boolean): NodeContact | undefined {
    if (!hurry && this.#soonest() > now) return undefined;
    for (const [key, entry] of this.#entries) {
      if (!hurry && entry.dueAt > now) continue;
      this.delete(key);
      return entry.contact;
    }
    return undefined;
  }

  #soonest(): number {
    if (this.#firstAt === undefined) {
      this.#firstAt = Infinity;
      for (const { dueAt } of this.#entries.values()) {
        if (dueAt < this.#firstAt) this.#firstAt = dueAt;
      }
    }
    return this.#firstAt;
  }
}
