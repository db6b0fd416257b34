/**
 * How many peers may be served, over all torrents.
 *
 * @module
 */

/** Options of {@linkcode UploadSlots}. */
export interface UploadSlotsOptions {
  /** Most peers served at a time. @default {"rate-based"} */
  readonly slots?: number | "rate-based" | undefined;
  /** Bytes a second that may be sent; `Infinity` without a limit. */
  readonly limit: () => number;
}

/** Who shares in the slots: one torrent. */
export interface SlotUser {
  /** Peers that want a slot and would use it. */
  readonly demand: number;
  /** Bytes a second that are sent. */
  readonly rate: number;
}

/** Slots at least, when the limit is low and when there is none. */
const FEWEST = 4;
const USUAL = 8;
/** How often the odd slots go to other torrents, in milliseconds. */
const TURN_MS = 30_000;

/**
 * Counts slots by an upload rate: the square root of 0.6 peers for each KiB/s,
 * as the first client had it. In a trade it is half as many peers: in simulated
 * swarms of asymmetric links all are faster for it, and free riders slower.
 *
 * @param bytesPerSecond What is sent.
 * @param isTrade Whether what is sent is given in exchange.
 * @returns The slots, no fewer than a few.
 */
export function slotsForRate(bytesPerSecond: number, isTrade = false): number {
  const slots = Math.sqrt(bytesPerSecond / 1024 * (isTrade ? 0.3 : 0.6));
  return Math.max(isTrade ? FEWEST : USUAL, Math.floor(slots));
}

/** The slots of a session, shared fairly by torrents. */
export class UploadSlots {
  readonly #options: UploadSlotsOptions;
  readonly #users = new Map<object, SlotUser>();

  constructor(options: UploadSlotsOptions) {
    this.#options = options;
  }

  /** How many there are now. */
  get total(): number {
    const { slots = "rate-based", limit } = this.#options;
    if (slots !== "rate-based") return slots;
    const most = limit();
    if (most !== Infinity) {
      return Math.max(FEWEST, Math.floor(Math.sqrt(most / 1024 * 0.6)));
    }
    let rate = 0;
    for (const user of this.#users.values()) rate += user.rate;
    return slotsForRate(rate);
  }

  /** Whether nobody has said how many there are. */
  get isByRate(): boolean {
    return (this.#options.slots ?? "rate-based") === "rate-based";
  }

  /**
   * Tells a torrent how many slots it has: what others leave goes to those that
   * can use it.
   */
  share(torrent: object, user: SlotUser, now: number): number {
    this.#users.set(torrent, user);
    const total = this.total;
    if (this.#users.size === 1) return total;
    const demands = [...this.#users.values()].map(({ demand }) => demand)
      .sort((a, b) => a - b);
    let left = total;
    let level = 0;
    for (let i = 0; i < demands.length; i++) {
      level = left / (demands.length - i);
      if (demands[i]! > level) break;
      left -= demands[i]!;
      level = Infinity;
    }
    // What nobody asks for is kept by those that may need it soon.
    if (level === Infinity) {
      return user.demand + Math.floor(left / this.#users.size);
    }
    const whole = Math.floor(level);
    if (user.demand <= whole) return user.demand;
    return whole + (this.#isTurn(torrent, whole, level, now) ? 1 : 0);
  }

  /** Gives back the slots of a torrent. */
  release(torrent: object): void {
    this.#users.delete(torrent);
  }

  /** Whether one of the odd slots is for this torrent now. */
  #isTurn(torrent: object, whole: number, level: number, now: number): boolean {
    const wanting = [...this.#users].filter(([, { demand }]) => demand > whole);
    const odd = Math.round((level - whole) * wanting.length);
    const at = wanting.findIndex(([user]) => user === torrent);
    const first = Math.floor(now / TURN_MS) * odd;
    return (at + first) % wanting.length < odd;
  }
}
