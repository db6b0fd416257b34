/**
 * What came of earlier dials of each address.
 *
 * @module
 */
import { remember } from "../../_shared/recent.ts";
import type { DialAttempt } from "./dial_plan.ts";

/** Addresses that are remembered; the longest unused are forgotten. */
const MAX_REMEMBERED = 4096;

/** What came of earlier dials of one address. */
export interface PastDial {
  /** Name of the transport that worked last. */
  readonly worked?: string | undefined;
  /** Names of those that made no connection since. */
  readonly failed: ReadonlySet<string>;
  /** Whether to dial encrypted, if that is known. */
  readonly encrypted?: boolean | undefined;
}

const NONE: ReadonlySet<string> = new Set();

/** Remembers how addresses can be dialled. */
export class PastDials {
  /** The oldest first. */
  readonly #entries = new Map<string, PastDial>();

  /** What is known of an address. */
  of(address: string): PastDial | undefined {
    return this.#entries.get(address);
  }

  /** Notes that hands were shaken. */
  worked(address: string, { transport, encrypted }: DialAttempt): void {
    const failed = new Set(this.#entries.get(address)?.failed);
    failed.delete(transport.name);
    this.#put(address, { worked: transport.name, failed, encrypted });
  }

  /** Notes that no connection could be made by a transport. */
  failed(address: string, transport: string): void {
    const past = this.#entries.get(address);
    this.#put(address, {
      worked: past?.worked === transport ? undefined : past?.worked,
      failed: new Set(past?.failed).add(transport),
      encrypted: past?.encrypted,
    });
  }

  /** Notes which kind of encryption to try the next time. */
  guess(address: string, encrypted: boolean): void {
    const { worked, failed = NONE } = this.#entries.get(address) ?? {};
    this.#put(address, { worked, failed, encrypted });
  }

  #put(address: string, past: PastDial): void {
    remember(this.#entries, address, past, MAX_REMEMBERED);
  }
}
