/**
 * Rate limits that go through each other, with fair turns for those that wait.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";

/** What the gate must know of a peer; a `PeerConnection` fits. */
interface GatedPeer {
  /** Requests that wait for their blocks. */
  readonly outstanding: number;
  /** Whether it is gone. */
  readonly isClosed: boolean;
}

/** Grants the reads of one peer, and accounts for them. */
export class ReadGate {
  readonly #pressure: () => Promise<void> | undefined;
  readonly #limit: RateLimiter;
  /** What was taken from the limit for the read under way. */
  #taken = 0;

  constructor(
    pressure: () => Promise<void> | undefined,
    limit: RateLimiter,
  ) {
    this.#pressure = pressure;
    this.#limit = limit;
  }

  /** Waits until there is memory, and for a turn at the limit. */
  before(wanted: number, peer: GatedPeer): number | Promise<number> {
    const limit = this.#limit;
    const short = this.#pressure();
    if (short !== undefined) return short.then(() => this.before(wanted, peer));
    if (limit.isOpen) return wanted;
    // Nobody knows when an idle peer says something: that is paid afterwards.
    const bytes = peer.outstanding > 0 ? wanted : 0;
    const granted = limit.take(bytes, { isGone: () => peer.isClosed });
    return typeof granted === "number"
      ? this.#grant(granted, bytes, wanted)
      : granted.then((granted) => {
        const most = this.#grant(granted, bytes, wanted);
        if (peer.isClosed) this.after(0);
        return most;
      });
  }

  /** Accounts for what a read brought, nothing when the peer is gone. */
  after(bytes: number): void {
    this.#limit.refund(this.#taken - bytes);
    this.#taken = 0;
  }

  #grant(granted: number, bytes: number, wanted: number): number {
    this.#taken = granted;
    return bytes === 0 ? wanted : Math.max(1, granted);
  }
}

/** Options of {@linkcode RateLimiter}. */
export interface RateLimiterOptions {
  /** Clock to use. */
  readonly clock: Clock;
  /** Bytes a second; `Infinity` for no limit. @default {Infinity} */
  readonly bytesPerSecond?: number | undefined;
  /** A limit that what passes this one has to pass, too. @default {undefined} */
  readonly parent?: RateLimiter | undefined;
}

/** What may pass at once, in seconds of the rate. */
const BURST_S = 0.1;
/** What all that wait get in one round of turns, in seconds of the rate. */
const ROUND_S = 0.05;
/**
 * A turn is no smaller than a block, or than a tenth of a second: blocks that
 * came bit by bit would all be whole at the same time.
 */
const LEAST_TURN = 16_640;
/** Those that wait are looked after at most so often, in milliseconds. */
const WAKE_MS = 5;
/** Who asked for nothing for so long has no part of a parent, in milliseconds. */
const ACTIVE_MS = 3_000;

interface Waiter {
  readonly limiter: RateLimiter;
  /** Place in the order of turns: the lowest first. */
  readonly turn: number;
  readonly bytes: number;
  readonly whole: boolean;
  readonly isGone: () => boolean;
  readonly resolve: (granted: number) => void;
}

/**
 * Lets bytes through at a rate, and at that of its parent. Those that wait are
 * served in turn, over all children of a parent; what one limit holds back
 * costs the other nothing.
 */
export class RateLimiter {
  readonly #clock: Clock;
  #parent: RateLimiter | undefined;
  readonly #bucket: TokenBucket;
  #rate = Infinity;
  /** How often it has its turn, beside others that wait: so often as 1 does. */
  weight = 1;
  #askedAt = -Infinity;
  /** Children that asked of late. */
  readonly #active = new Set<RateLimiter>();
  /** Of a root: who waits, in turn. */
  #waiting: Waiter[] = [];
  /** Of a root: the last turn that was had. */
  #turn = 0;
  #cancel: (() => void) | undefined;
  #wakeAt = 0;
  /** Of a root: how many shared the last round. */
  #crowd = 1;

  constructor(options: RateLimiterOptions) {
    this.#clock = options.clock;
    this.#parent = options.parent;
    this.#bucket = new TokenBucket(Infinity, Infinity, this.#clock.now());
    this.rate = options.bytesPerSecond ?? Infinity;
  }

  /** A limit that what passes here has to pass, too. */
  get parent(): RateLimiter | undefined {
    return this.#parent;
  }

  set parent(parent: RateLimiter | undefined) {
    if (parent === this.#parent) return;
    const before = this.#root;
    if (this.#parent !== undefined) this.#parent.#active.delete(this);
    this.#parent = parent;
    // Those that wait there wait for other limits now.
    before.#pump();
  }

  /** The limit at the top, at which all wait. */
  get #root(): RateLimiter {
    return this.#parent === undefined ? this : this.#parent.#root;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get rate(): number {
    return this.#rate;
  }

  set rate(bytesPerSecond: number) {
    if (!(bytesPerSecond > 0)) {
      throw new RangeError(
        `Cannot limit to ${bytesPerSecond} bytes a second: the rate must be positive`,
      );
    }
    if (bytesPerSecond === this.#rate) return;
    this.#rate = bytesPerSecond;
    this.#bucket.setRate(
      bytesPerSecond,
      this.#clock.now(),
      bytesPerSecond * BURST_S,
    );
    this.#root.#pump();
  }

  /** Bytes a second that may be expected to pass here and above. */
  get share(): number {
    const parent = this.#parent;
    if (parent === undefined || parent.share === Infinity) return this.#rate;
    const now = this.#clock.now();
    let weights = 0;
    for (const child of parent.#active) {
      if (now - child.#askedAt > ACTIVE_MS) parent.#active.delete(child);
      else weights += child.weight;
    }
    const part = weights === 0 ? 1 : Math.min(1, this.weight / weights);
    return Math.min(this.#rate, parent.share * part);
  }

  /** Asks for bytes. */
  take(
    bytes: number,
    options: {
      readonly whole?: boolean | undefined;
      readonly isGone?: (() => boolean) | undefined;
    } = {},
  ): number | Promise<number> {
    if (this.isOpen) return bytes;
    const now = this.#clock.now();
    this.#askedAt = now;
    if (this.#parent !== undefined) this.#parent.#active.add(this);
    const { whole = false, isGone = () => false } = options;
    const root = this.#root;
    if (root.#waiting.length === 0 && this.#opensAt(now) <= now) {
      // Those that were served just now are coming back.
      root.#crowd = Math.max(1, root.#crowd - 1);
      return this.#grant(bytes, whole, root.#crowd, now);
    }
    return new Promise((resolve) => {
      const turn = root.#turn + 1 / this.weight;
      const waiter = { limiter: this, turn, bytes, whole, isGone, resolve };
      const waiting = root.#waiting;
      let at = waiting.length;
      while (at > 0 && waiting[at - 1]!.turn > turn) at--;
      waiting.splice(at, 0, waiter);
      root.#arm(this.#opensAt(now));
    });
  }

  /** Whether everything passes. */
  get isOpen(): boolean {
    return this.#rate === Infinity && (this.#parent?.isOpen ?? true);
  }

  /** Takes bytes if nobody waits and nothing is owed. */
  tryTake(bytes: number): boolean {
    if (this.isOpen) return true;
    const now = this.#clock.now();
    if (this.#root.#waiting.length > 0 || this.#opensAt(now) > now) {
      return false;
    }
    this.#spend(bytes, now);
    return true;
  }

  /** Corrects a take whose size turned out differently. */
  refund(bytes: number): void {
    this.#spend(-bytes, this.#clock.now());
  }

  /** Lifts the limit for good and lets every caller go that waits for it. */
  close(): void {
    this.rate = Infinity;
    if (this.#parent !== undefined) {
      this.#parent.#active.delete(this);
      return;
    }
    this.#cancel?.();
    this.#cancel = undefined;
    for (const { resolve, bytes } of this.#waiting.splice(0)) resolve(bytes);
  }

  #spend(bytes: number, now: number): void {
    this.#bucket.spend(bytes, now);
    if (this.#parent !== undefined) this.#parent.#spend(bytes, now);
  }

  /** When something may pass, here and above. */
  #opensAt(now: number): number {
    const own = this.#rate === Infinity ? now : this.#bucket.nextAt(now, 1);
    return this.#parent === undefined
      ? own
      : Math.max(own, this.#parent.#opensAt(now));
  }

  /** The most that fits in here and above. */
  #room(now: number, waiting: number): number {
    const own = this.#rate === Infinity ? Infinity : Math.max(
      Math.min(LEAST_TURN, Math.ceil(this.#rate * BURST_S)),
      Math.min(this.#bucket.level(now), this.#rate * ROUND_S / waiting),
    );
    return this.#parent === undefined
      ? own
      : Math.min(own, this.#parent.#room(now, waiting));
  }

  #grant(bytes: number, whole: boolean, waiting: number, now: number): number {
    const granted = whole
      ? bytes
      : Math.min(bytes, Math.ceil(this.#room(now, waiting)));
    this.#spend(granted, now);
    return granted;
  }

  /** Serves those that wait, in turn, as far as their limits let them pass. */
  #pump(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#waiting.length === 0) return;
    const now = this.#clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#crowd = waiting.length;
    let wakeAt = Infinity;
    // Those with more weight are back for their next turn before the others.
    let last = Infinity;
    for (const waiter of waiting) {
      const { limiter, turn, bytes, whole, isGone, resolve } = waiter;
      if (isGone()) {
        resolve(0);
        continue;
      }
      const at = limiter.#opensAt(now);
      if (at <= now && turn <= last) {
        this.#turn = Math.max(this.#turn, turn);
        last = Math.min(last, this.#turn + 1 / limiter.weight);
        resolve(limiter.#grant(bytes, whole, waiting.length, now));
      } else {
        wakeAt = Math.min(wakeAt, at);
        this.#waiting.push(waiter);
      }
    }
    // Where all but turns would let them pass, it is soon somebody's turn.
    if (this.#waiting.length > 0) {
      this.#arm(wakeAt, wakeAt <= now ? 1 : WAKE_MS);
    }
  }

  /** Looks again when something may pass. */
  #arm(at: number, leastMs = WAKE_MS): void {
    const wakeAt = Math.max(at, this.#clock.now() + leastMs);
    if (this.#cancel !== undefined && this.#wakeAt <= wakeAt) return;
    this.#cancel?.();
    this.#wakeAt = wakeAt;
    this.#cancel = this.#clock.schedule(wakeAt, () => this.#pump());
  }
}
