/**
 * Limits on what strangers may ask of a node.
 *
 * @module
 */
import { ipScope, siteKey, tryParseIp } from "../../_shared/address.ts";
import { toByteString } from "../../_shared/bytes.ts";
import { remember } from "../../_shared/recent.ts";
import { FairBucket } from "../../_shared/token_bucket.ts";
import { checkPositive } from "../check_options.ts";
import type { RateGuardOptions } from "../node_options.ts";

/** Packets are counted for so long, in ms. */
const WINDOW_MS = 10_000;
/** How long a ban lasts, in ms. */
const BAN_MS = 300_000;
/** Time whose answers may be sent at once, in seconds. */
const BURST_S = 3;
/** Part of the answers' bytes that one site may have when few are left. */
const SHARE = 1 / 32;
/** Addresses that are counted, and banned ones that are remembered. */
const MAX_TRACKED = 4_096;

interface Counter {
  startedAt: number;
  packets: number;
}

/**
 * Counts packets by address, bans floods, and meters answers. The addresses of
 * an IPv6 /64 are one.
 */
export class RateGuard {
  readonly #maxPackets: number;
  readonly #bytesPerSecond: number;
  readonly #limitLoopback: boolean;
  readonly #counters = new Map<string, Counter>();
  /** When bans end. */
  readonly #bans = new Map<string, number>();
  #budget: FairBucket | undefined;
  #lastHost = "";
  #lastSix = "";
  #lastSubnet = "";
  #lastCounter: Counter | undefined;

  /**
   * Makes a guard with a full budget.
   *
   * @param options See {@linkcode RateGuardOptions}.
   * @throws {RangeError} If a limit is not above 0.
   */
  constructor(options: RateGuardOptions = {}) {
    const {
      maxPackets = 50,
      replyBytesPerSecond = 8_000,
      limitLoopback = true,
    } = options;
    checkPositive({ maxPackets, replyBytesPerSecond });
    this.#maxPackets = maxPackets;
    this.#bytesPerSecond = replyBytesPerSecond;
    this.#limitLoopback = limitLoopback;
  }

  /**
   * Counts a packet.
   *
   * @param hostname IP address it came from, always written the same way.
   * @param now The time in milliseconds.
   * @returns Whether to look at it.
   */
  admit(hostname: string, now: number): boolean {
    hostname = this.#keyOf(hostname);
    if (this.#bans.size > 0) {
      const until = this.#bans.get(hostname);
      if (until !== undefined) {
        if (now < until) return false;
        this.#bans.delete(hostname);
      }
    }
    if (this.#maxPackets === Infinity) return true;
    let counter = hostname === this.#lastHost ? this.#lastCounter : undefined;
    if (counter === undefined) {
      if (!this.#limitLoopback && isLoopback(hostname)) return true;
      counter = this.#counter(hostname, now);
      this.#lastHost = hostname;
      this.#lastCounter = counter;
    }
    if (now - counter.startedAt >= WINDOW_MS) {
      counter.startedAt = now;
      counter.packets = 0;
    }
    if (++counter.packets <= this.#maxPackets) return true;
    this.#counters.delete(hostname);
    this.#lastCounter = undefined;
    remember(this.#bans, hostname, now + BAN_MS, MAX_TRACKED);
    return false;
  }

  /**
   * Takes back what was counted last, as it was an answer that we asked for:
   * many answers are no flood.
   *
   * @param hostname IP address, written as for {@linkcode RateGuard.admit}.
   */
  excuse(hostname: string): void {
    hostname = this.#keyOf(hostname);
    const counter = hostname === this.#lastHost
      ? this.#lastCounter
      : this.#counters.get(hostname);
    if (counter !== undefined && counter.packets > 0) counter.packets--;
  }

  /**
   * Takes the bytes of an answer from the budget.
   *
   * @param hostname IP address that it is for, its site has a share.
   * @param bytes Length of the answer.
   * @param now The time in milliseconds.
   * @param isKnown Whether the address is no forged one: a quarter of the burst is
   * for those. @default {false}
   * @returns Whether it may be sent; when not, nothing was taken.
   */
  takeReply(
    hostname: string,
    bytes: number,
    now: number,
    isKnown?: () => boolean,
  ): boolean {
    const perSecond = this.#bytesPerSecond;
    if (perSecond === Infinity) return true;
    const [burst, each] = [BURST_S * perSecond, SHARE * perSecond];
    const reserve = burst / 4;
    this.#budget ??= new FairBucket({ perSecond, burst, each, reserve }, now);
    return this.#budget.take(siteKey(hostname), now, bytes, isKnown);
  }

  /** What is counted together: an IPv4 address, the /64 of a global IPv6 address. */
  #keyOf(hostname: string): string {
    if (!hostname.includes(":")) return hostname;
    if (hostname === this.#lastSix) return this.#lastSubnet;
    const ip = tryParseIp(hostname);
    if (ip === undefined || ipScope(ip) !== "global") return hostname;
    this.#lastSix = hostname;
    return this.#lastSubnet = toByteString(ip.subarray(0, 8));
  }

  #counter(hostname: string, now: number): Counter {
    let counter = this.#counters.get(hostname);
    if (counter === undefined) {
      counter = { startedAt: now, packets: 0 };
      remember(this.#counters, hostname, counter, MAX_TRACKED);
    }
    return counter;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}
