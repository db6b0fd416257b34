/**
 * Limits on what strangers may ask of a node.
 *
 * @module
 */
import { ipScope, tryParseIp } from "../../_shared/address.ts";
import { toByteString } from "../../_shared/bytes.ts";

/** Options of {@linkcode RateGuard}. */
export interface RateGuardOptions {
  /**
   * Packets of one address in a window before it is banned; Infinity lifts the
   * limit.
   *
   * @default {50}
   */
  readonly maxPackets?: number | undefined;
  /**
   * Length of the window, in milliseconds.
   *
   * @default {10_000}
   */
  readonly windowMs?: number | undefined;
  /**
   * How long a ban lasts, in milliseconds.
   *
   * @default {300_000}
   */
  readonly banMs?: number | undefined;
  /**
   * Bytes of answers in a second, to all; Infinity lifts the limit.
   *
   * @default {8_000}
   */
  readonly replyBytesPerSecond?: number | undefined;
  /**
   * How long answers may be sent at once what was saved before, in
   * milliseconds of `replyBytesPerSecond`.
   *
   * @default {3_000}
   */
  readonly replyBurstMs?: number | undefined;
  /**
   * Addresses that are counted, and banned ones that are remembered; the
   * oldest are forgotten.
   *
   * @default {4_096}
   */
  readonly maxTracked?: number | undefined;
  /**
   * Whether loopback addresses are limited, too.
   *
   * @default {true}
   */
  readonly limitLoopback?: boolean | undefined;
}

/** What to do with a packet. */
export type RateVerdict = "accept" | "ban" | "banned";

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
  readonly #windowMs: number;
  readonly #banMs: number;
  readonly #bytesPerMs: number;
  readonly #maxTracked: number;
  readonly #burst: number;
  readonly #limitLoopback: boolean;
  readonly #counters = new Map<string, Counter>();
  /** When bans end. */
  readonly #bans = new Map<string, number>();
  #budget: number;
  #budgetAt: number | undefined;
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
      windowMs = 10_000,
      banMs = 300_000,
      replyBytesPerSecond = 8_000,
      replyBurstMs = 3_000,
      maxTracked = 4_096,
      limitLoopback = true,
    } = options;
    for (
      const [name, value] of Object.entries({
        maxPackets,
        windowMs,
        banMs,
        replyBytesPerSecond,
        replyBurstMs,
        maxTracked,
      })
    ) {
      if (!(value > 0)) {
        throw new RangeError(
          `Option ${name} must be above 0: current value is ${value}`,
        );
      }
    }
    this.#maxPackets = maxPackets;
    this.#windowMs = windowMs;
    this.#banMs = banMs;
    this.#bytesPerMs = replyBytesPerSecond / 1000;
    this.#burst = this.#bytesPerMs * replyBurstMs;
    this.#budget = this.#burst;
    this.#maxTracked = maxTracked;
    this.#limitLoopback = limitLoopback;
  }

  /** How many addresses are banned, those whose ban just ended included. */
  get banCount(): number {
    return this.#bans.size;
  }

  /** How many addresses are counted. */
  get trackedCount(): number {
    return this.#counters.size;
  }

  /**
   * Counts a packet.
   *
   * @param hostname IP address it came from, always written the same way.
   * @param now The time in milliseconds.
   * @returns `"accept"`; `"ban"` for the packet that leads to a ban, to report
   * it once; `"banned"` for those after it. The last two are to be ignored.
   */
  admit(hostname: string, now: number): RateVerdict {
    hostname = this.#keyOf(hostname);
    if (this.#bans.size > 0) {
      const until = this.#bans.get(hostname);
      if (until !== undefined) {
        if (now < until) return "banned";
        this.#bans.delete(hostname);
      }
    }
    if (this.#maxPackets === Infinity) return "accept";
    let counter = hostname === this.#lastHost ? this.#lastCounter : undefined;
    if (counter === undefined) {
      if (!this.#limitLoopback && isLoopback(hostname)) return "accept";
      counter = this.#counter(hostname, now);
      this.#lastHost = hostname;
      this.#lastCounter = counter;
    }
    if (now - counter.startedAt >= this.#windowMs) {
      counter.startedAt = now;
      counter.packets = 0;
    }
    if (++counter.packets <= this.#maxPackets) return "accept";
    this.#ban(hostname, now);
    return "ban";
  }

  /**
   * Takes back what was counted last, as it was an answer that we asked for:
   * whoever answers a lot is no flood.
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
   * Bans an address, or begins its ban anew.
   *
   * @param hostname IP address, written as for {@linkcode RateGuard.admit}.
   * @param now The time in milliseconds.
   */
  ban(hostname: string, now: number): void {
    this.#ban(this.#keyOf(hostname), now);
  }

  #ban(hostname: string, now: number): void {
    this.#counters.delete(hostname);
    if (hostname === this.#lastHost) this.#lastCounter = undefined;
    this.#bans.delete(hostname);
    if (this.#bans.size >= this.#maxTracked) dropOldest(this.#bans);
    this.#bans.set(hostname, now + this.#banMs);
  }

  /**
   * Asks whether an address is banned, without counting.
   *
   * @param hostname IP address, written as for {@linkcode RateGuard.admit}.
   * @param now The time in milliseconds.
   * @returns Whether its packets are to be ignored.
   */
  isBanned(hostname: string, now: number): boolean {
    const until = this.#bans.get(this.#keyOf(hostname));
    return until !== undefined && now < until;
  }

  /**
   * Takes the bytes of an answer from the budget.
   *
   * @param bytes Length of the answer.
   * @param now The time in milliseconds.
   * @returns Whether it may be sent; when not, nothing was taken.
   */
  takeReply(bytes: number, now: number): boolean {
    if (this.#bytesPerMs === Infinity) return true;
    const since = this.#budgetAt ?? now;
    const elapsed = Math.max(0, now - since);
    this.#budget = Math.min(
      this.#burst,
      this.#budget + elapsed * this.#bytesPerMs,
    );
    this.#budgetAt = Math.max(now, since);
    if (this.#budget < bytes) return false;
    this.#budget -= bytes;
    return true;
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
      if (this.#counters.size >= this.#maxTracked) dropOldest(this.#counters);
      counter = { startedAt: now, packets: 0 };
      this.#counters.set(hostname, counter);
    }
    return counter;
  }
}

function isLoopback(hostname: string): boolean {
  return hostname.startsWith("127.") || hostname === "::1";
}

/** Maps keep the order of insertion. */
function dropOldest(map: Map<string, unknown>): void {
  for (const key of map.keys()) {
    map.delete(key);
    return;
  }
}
