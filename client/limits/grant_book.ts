/**
 * Who was granted pieces of late (BEP 6).
 *
 * @module
 */
import { hostKey } from "../../_shared/address.ts";
import { remember } from "../../_shared/recent.ts";

/** Between two grants of pieces to one host, in milliseconds. */
const GRANT_MS = 30 * 60_000;
/** Hosts that are remembered. */
const MAX_GRANTED = 500;

/** Grants by host: a host that connects again and again gets one once in a while. */
export class GrantBook {
  readonly #granted = new Map<string, number>();

  /** Whether a host may be granted pieces; it is, then. */
  take(hostname: string, now: number): boolean {
    const host = hostKey(hostname);
    const at = this.#granted.get(host);
    if (at !== undefined && now - at < GRANT_MS) return false;
    remember(this.#granted, host, now, MAX_GRANTED);
    return true;
  }
}
