/**
 * Nodes that were heard of but never answered.
 *
 * @module
 */
import type { NodeContact } from "../compact_node.ts";

interface Unverified {
  readonly contact: NodeContact;
  /** When it is worth a ping. */
  dueAt: number;
}

/** A bounded list of contacts, each with the time of its ping. */
export class UnverifiedNodes {
  readonly #limit: number;
  readonly #delayMs: number;
  readonly #entries = new Map<string, Unverified>();
  /** The earliest time of all, `undefined` when it is to be looked for. */
  #firstAt: number | undefined = Infinity;

  constructor(limit: number, delayMs: number) {
    this.#limit = limit;
    this.#delayMs = delayMs;
  }

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
    if (this.#entries.size >= this.#limit) {
      if (!isHasty) return;
      for (const oldest of this.#entries.keys()) {
        this.delete(oldest);
        break;
      }
    }
    const dueAt = isHasty ? now : now + this.#delayMs;
    this.#entries.set(key, { contact, dueAt });
    if (this.#firstAt !== undefined && dueAt < this.#firstAt) {
      this.#firstAt = dueAt;
    }
  }

  /** Takes the first contact that is due; all are in a hurry. */
  take(now: number, hurry: boolean): NodeContact | undefined {
    const at = this.nextAt(hurry);
    if (at === undefined || at > now) return undefined;
    for (const [key, entry] of this.#entries) {
      if (!hurry && entry.dueAt > now) continue;
      this.delete(key);
      return entry.contact;
    }
    return undefined;
  }

  /** When {@linkcode take} next gives one; -Infinity for at once. */
  nextAt(hurry: boolean): number | undefined {
    if (this.#entries.size === 0) return undefined;
    if (hurry) return -Infinity;
    if (this.#firstAt === undefined) {
      this.#firstAt = Infinity;
      for (const { dueAt } of this.#entries.values()) {
        if (dueAt < this.#firstAt) this.#firstAt = dueAt;
      }
    }
    return this.#firstAt;
  }
}
