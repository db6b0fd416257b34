/**
 * How fast passwords may be guessed. A wrong one is answered late, holds a place
 * until then, and places are few: who finds none is turned away unheard, as being
 * heard would be a guess more. Strangers cannot take the places of addresses that
 * knew the password before.
 *
 * @module
 */

import { remember } from "../../_shared/recent.ts";

/** Most that are heard at a time: of one address, and of all. */
export const PLACES_PER_ADDRESS = 8;
export const PLACES = 64;
/** The delay after the first wrong password, and the longest. */
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** When wrong passwords are forgotten, in milliseconds. */
const FORGOTTEN_MS = 900_000;
/** Addresses that are remembered. */
const MAX_ADDRESSES = 1_024;
/** Addresses that knew the password, of those remembered. */
const MAX_KNOWN = 64;

interface Guesser {
  taken: number;
  wrong: number;
  at: number;
}

/** Gives places to those who say a password, and delays to who says a wrong one. */
export class LoginGate {
  /** By address, the one that was wrong longest ago first. */
  readonly #guessers = new Map<string, Guesser>();
  /** Addresses that knew the password, the one that said it last at the end. */
  readonly #known = new Map<string, true>();
  #taken = 0;

  /** Whether somebody of this address would be turned away. */
  isFull(address: string): boolean {
    return (this.#taken >= PLACES && !this.#known.has(address)) ||
      (this.#guessers.get(address)?.taken ?? 0) >= PLACES_PER_ADDRESS;
  }

  /** Takes a place, where there is one. */
  enter(address: string, now: number): void {
    let guesser = this.#guessers.get(address);
    if (guesser === undefined) {
      if (this.#guessers.size >= MAX_ADDRESSES) this.#forgetOne();
      guesser = { taken: 0, wrong: 0, at: now };
      this.#guessers.set(address, guesser);
    }
    guesser.taken++;
    this.#taken++;
  }

  /** Notes that an address knew the password. */
  right(address: string): void {
    remember(this.#known, address, true, MAX_KNOWN);
  }

  /** Counts a wrong password; gives how long its answer waits. */
  wrong(address: string, now: number): number {
    const guesser = this.#guessers.get(address)!;
    this.#guessers.delete(address);
    this.#guessers.set(address, guesser);
    if (now - guesser.at >= FORGOTTEN_MS) guesser.wrong = 0;
    guesser.at = now;
    const exponent = Math.min(guesser.wrong++, 10);
    return Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** exponent);
  }

  /** Gives the place back. */
  leave(address: string): void {
    const guesser = this.#guessers.get(address)!;
    this.#taken--;
    if (--guesser.taken === 0 && guesser.wrong === 0) {
      this.#guessers.delete(address);
    }
  }

  #forgetOne(): void {
    for (const [address, { taken }] of this.#guessers) {
      if (taken === 0) return void this.#guessers.delete(address);
    }
  }
}
