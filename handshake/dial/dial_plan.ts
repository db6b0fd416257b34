/**
 * In which ways a candidate is dialled, as earlier dials showed, and when each
 * begins. Pure.
 *
 * @module
 */
import type { PeerHints } from "../../_shared/address.ts";
import type { ByteTransport } from "../../_shared/byte_conn.ts";
import {
  encryptionOrder,
  type EncryptionPolicy,
} from "../encryption_policy.ts";
import { remember } from "../../_shared/recent.ts";

/** Addresses that are remembered; the longest unused are forgotten. */
const MAX_REMEMBERED = 4096;

/** What came of earlier dials of one address. */
interface PastDial {
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

/** Time that an attempt has before another transport begins beside it, in ms. */
const HEAD_START_MS = 300;
/** A connection that is silent so long gets another beside it, in ms. */
const SILENT_MS = 2_500;

/** How long it may take to connect where others can lead us to the peer, in ms. */
const PUNCHABLE_MS = 5_000;

/** A transport, and whether to encrypt on it. */
export interface DialLane {
  /** Makes the connections. */
  readonly transport: ByteTransport;
  /** Whether to encrypt, in the order that is tried: one at least. */
  readonly encrypted: readonly boolean[];
}

/** One connection of a dial. */
export interface DialAttempt {
  /** Makes the connection. */
  readonly transport: ByteTransport;
  /** Whether to exchange keys on it. */
  readonly encrypted: boolean;
}

/** What is known of a candidate. */
export interface DialFacts {
  /** Whether we encrypt. */
  readonly encryption: EncryptionPolicy;
  /** What others tell of it. */
  readonly hints?: PeerHints | undefined;
  /** What came of earlier dials. */
  readonly past?: PastDial | undefined;
}

/**
 * Chooses transports and encryption. A transport that worked the last time goes
 * first, and those that failed beside it are left out; one that failed is last.
 */
export function dialLanes(
  transports: readonly ByteTransport[],
  facts: DialFacts,
): readonly DialLane[] {
  const { encryption, hints, past } = facts;
  const policy = encryption === "allow" && hints?.encryption
    ? "prefer"
    : encryption;
  const encrypted = encryptionOrder(policy, past?.encrypted);
  const worth = ({ name }: ByteTransport) =>
    name === past?.worked ? 0 : past?.failed.has(name) ? 2 : 1;
  const dialling = transports.filter(({ dials = true }) => dials)
    .sort((a, b) => worth(a) - worth(b));
  const isKnown = dialling.some((transport) => worth(transport) === 0);
  return dialling.filter((transport) => !isKnown || worth(transport) < 2)
    .map((transport) => ({ transport, encrypted }));
}

/**
 * How long an attempt is alone before another transport begins beside it. Who came
 * to others by uTP, and was not dialled, may be behind a router.
 */
export function headStartMs(hints: PeerHints | undefined): number {
  return hints?.utp && !hints.reachable ? 0 : HEAD_START_MS;
}

/** How long connecting may take: less where a holepunch may help (BEP 55). */
export function connectTimeoutMs(
  limitMs: number,
  hints: PeerHints | undefined,
): number {
  return hints?.holepunch && !hints.reachable
    ? Math.min(limitMs, PUNCHABLE_MS)
    : limitMs;
}

/** What is to be done next in a dial. */
export interface DialStep {
  /** Makes a connection, or shakes hands on one that is there. */
  readonly type: "connect" | "shake";
  /** On which. */
  readonly attempt: DialAttempt;
}

/** A lane on its way. */
interface Run extends DialLane {
  /** Attempts begun. */
  begun: number;
  /** Attempts at whose first bytes the peer hung up. */
  hungUp: number;
}

/** An attempt under way. */
interface UnderWay {
  readonly run: Run;
  state: "connecting" | "connected" | "shaking";
  /** Since when it shakes hands, in ms. */
  since: number;
}

/**
 * Begins the attempts of one dial: the first lane at once, each other one 300 ms
 * later beside it, or as soon as nothing is under way. On a connection where the
 * peer hangs up at our first bytes the other kind of encryption follows at once;
 * where it is silent, beside it after 2.5 s. Hands are shaken on one connection
 * at a time, unless the peer is silent there: what is called off then has told
 * the peer nothing.
 */
export class DialPlan {
  readonly #runs: readonly Run[];
  readonly #underWay = new Map<DialAttempt, UnderWay>();
  readonly #steps: DialStep[] = [];
  readonly #headStartMs: number;
  /** When a further lane may begin. */
  #nextLaneAt = 0;
  /** When {@linkcode DialPlan.handleTimeout} is due, if ever. */
  deadline: number | undefined;

  /** Begins. */
  constructor(
    lanes: readonly DialLane[],
    now: number,
    headStart: number = HEAD_START_MS,
  ) {
    this.#headStartMs = headStart;
    this.#runs = lanes.map((lane) => ({ ...lane, begun: 0, hungUp: 0 }));
    this.#go(now);
  }

  /** Takes the next step. */
  poll(): DialStep | undefined {
    return this.#steps.shift();
  }

  /** Whether nothing is under way and nothing is left to try. */
  get isOver(): boolean {
    return this.#underWay.size === 0 && this.#steps.length === 0;
  }

  /** Notes that an attempt has its connection; `shake` comes when it may go on. */
  connected(attempt: DialAttempt, now: number): void {
    const entry = this.#underWay.get(attempt);
    if (entry === undefined) return;
    entry.state = "connected";
    this.#go(now);
  }

  /** Notes that an attempt failed; by the peer hanging up, or otherwise. */
  failed(attempt: DialAttempt, isHungUp: boolean, now: number): void {
    const entry = this.#underWay.get(attempt);
    if (entry === undefined) return;
    if (isHungUp) entry.run.hungUp++;
    this.#underWay.delete(attempt);
    this.#go(now);
  }

  /** Goes on when the time has come. */
  handleTimeout(now: number): void {
    this.#go(now);
  }

  #go(now: number): void {
    this.deadline = undefined;
    while (this.#goOn(now));
  }

  /** Does one thing that is due, if there is one. */
  #goOn(now: number): boolean {
    let busyUntil = -Infinity;
    let connected: DialAttempt | undefined;
    let isConnecting = false;
    for (const [attempt, { state, since }] of this.#underWay) {
      if (state === "shaking") {
        busyUntil = Math.max(busyUntil, since + SILENT_MS);
      } else if (state === "connected") connected ??= attempt;
      else isConnecting = true;
    }
    if (busyUntil > now) return this.#wait(busyUntil);
    if (connected !== undefined) {
      const entry = this.#underWay.get(connected)!;
      entry.state = "shaking";
      entry.since = now;
      this.#steps.push({ type: "shake", attempt: connected });
      return true;
    }
    const again = this.#runs.find((run) =>
      run.begun < run.encrypted.length && this.#isRefused(run)
    );
    if (again !== undefined) return this.#connect(again, now);
    const next = this.#runs.find(({ begun }) => begun === 0);
    if (next === undefined) return false;
    return isConnecting && this.#nextLaneAt > now
      ? this.#wait(this.#nextLaneAt)
      : this.#connect(next, now);
  }

  /** Whether the peer takes none of what was begun in a lane. */
  #isRefused(run: Run): boolean {
    let silent = 0;
    for (const entry of this.#underWay.values()) {
      if (entry.run === run && entry.state === "shaking") silent++;
    }
    return run.begun > 0 && run.hungUp + silent === run.begun;
  }

  #connect(run: Run, now: number): true {
    const attempt: DialAttempt = {
      transport: run.transport,
      encrypted: run.encrypted[run.begun++]!,
    };
    this.#underWay.set(attempt, { run, state: "connecting", since: 0 });
    this.#nextLaneAt = now + this.#headStartMs;
    this.#steps.push({ type: "connect", attempt });
    return true;
  }

  #wait(at: number): false {
    this.deadline = at;
    return false;
  }
}
