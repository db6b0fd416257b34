/**
 * What all parts of a session share: the outputs, the clockwork, the counts.
 *
 * @module
 */
import {
  BUDGET_BURST,
  BUDGET_PATIENCE,
  BUDGET_RATE,
  FLIP_WINDOW_MS,
  IDLE_TIMEOUT_MS,
  JUNK_BYTES,
  KEEP_ALIVE_MS,
  MAX_SEND_BUFFER,
  MESSAGE_COST,
  ODDITY_COST,
  PATIENCE_RATE,
  SEND_TIMEOUT_MS,
  SILENCE_TIMEOUT_MS,
} from "../limits.ts";
import type { PeerMessage } from "../message.ts";
import { PeerMessageBuffer, peerMessageSize } from "../wire/message_encode.ts";
import type { PeerSessionEvent, PeerSessionOutput } from "../session_types.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import { PeerProtocolError } from "../error.ts";
import { RateMeter } from "../../_shared/rate_meter.ts";

/** So many changes in ten seconds: each takes one. */
export function flipLimit(most: number): TokenBucket {
  return new TokenBucket(most * 1000 / FLIP_WINDOW_MS, most, 0);
}

/** Bytes and rates of one connection at one moment. */
export interface PeerStats {
  /** Bytes of blocks received that were requested. */
  readonly downloaded: number;
  /** Bytes of blocks sent. */
  readonly uploaded: number;
  /** Bytes of blocks received that were not requested. */
  readonly wasted: number;
  /** Bytes of blocks received a second. */
  readonly downloadRate: number;
  /** Bytes of blocks sent a second. */
  readonly uploadRate: number;
  /** Messages that were odd and did no harm. */
  readonly oddities: number;
}

/** Counts for {@linkcode PeerStats}. */
class PeerCounters {
  /** Blocks received. */
  readonly down: RateMeter = new RateMeter();
  /** Blocks sent. */
  readonly up: RateMeter = new RateMeter();
  /** Bytes of unrequested blocks. */
  wasted = 0;
  /** Blocks that were not requested. */
  unrequested = 0;
  /** Requests of the peer that no honest peer sends. */
  invalid = 0;
  /** Messages that were odd and did no harm. */
  oddities = 0;

  /** Reads everything. */
  snapshot(now: number): PeerStats {
    return {
      downloaded: this.down.total,
      uploaded: this.up.total,
      wasted: this.wasted,
      downloadRate: this.down.rate(now),
      uploadRate: this.up.rate(now),
      oddities: this.oddities,
    };
  }
}

/** Makes the error for a peer that does not read. */
function slowReaderError(buffered: number): PeerProtocolError {
  return new PeerProtocolError(
    "slow-reader",
    `Peer is not reading: ${buffered} bytes queued`,
  );
}

/**
 * Times of a session. The deadline is not moved with every message: it comes
 * early at worst, and is then set again.
 */
export class SessionTimers {
  /** When a message was sent last. */
  sentAt: number;
  /** When a whole message came last. */
  heardAt: number;
  /** When the peer last took bytes, or had none to take. */
  progressAt: number;
  /** When one side last wanted something. */
  wantedAt: number;
  /** When to look again. */
  deadline: number;
  #pausedAt: number | undefined;
  /** Silence of ours after which a keep-alive is sent, in ms. */
  #keepAliveMs: number;

  constructor(now: number, firstKeepAliveMs = KEEP_ALIVE_MS) {
    this.#keepAliveMs = firstKeepAliveMs;
    this.sentAt =
      this.heardAt =
      this.progressAt =
      this.wantedAt =
        now;
    this.deadline = 0;
    this.arm(Infinity);
  }

  /** The peer cannot be heard while we do not read. */
  setReading(reading: boolean, now: number): void {
    if (!reading) this.#pausedAt ??= now;
    else if (this.#pausedAt !== undefined) {
      this.heardAt += now - this.#pausedAt;
      this.#pausedAt = undefined;
      this.atLatest(this.heardAt + SILENCE_TIMEOUT_MS);
    }
  }

  /** Tells what has gone on for too long, if anything. */
  violation(now: number, buffered: number): PeerProtocolError | undefined {
    if (
      this.#pausedAt === undefined && now - this.heardAt >= SILENCE_TIMEOUT_MS
    ) {
      return new PeerProtocolError(
        "silent",
        `Peer sent nothing for ${Math.round((now - this.heardAt) / 1000)} s`,
      );
    }
    if (now - this.wantedAt >= IDLE_TIMEOUT_MS) {
      return new PeerProtocolError(
        "idle",
        "Neither side has needed this connection for 10 minutes",
      );
    }
    return buffered > 0 && now - this.progressAt >= SEND_TIMEOUT_MS
      ? slowReaderError(buffered)
      : undefined;
  }

  isKeepAliveDue(now: number): boolean {
    if (now - this.sentAt < this.#keepAliveMs) return false;
    this.#keepAliveMs = KEEP_ALIVE_MS;
    return true;
  }

  /** Looks again at a time at the latest. */
  atLatest(at: number): void {
    this.deadline = Math.min(this.deadline, at);
  }

  /** Sets the deadline anew. */
  arm(other: number): void {
    this.deadline = Math.min(
      this.#pausedAt === undefined
        ? this.heardAt + SILENCE_TIMEOUT_MS
        : Infinity,
      this.wantedAt + IDLE_TIMEOUT_MS,
      this.sentAt + this.#keepAliveMs,
      this.progressAt + SEND_TIMEOUT_MS,
      other,
    );
  }
}

/**
 * The budget of one peer, in units of about a microsecond of our time. When it
 * is overdrawn, reading pauses until it is paid back; who overdraws it again
 * and again loses our patience.
 */
export class MessageBudget {
  readonly #balance: TokenBucket;
  readonly #patience: TokenBucket;
  /** Costs since the last account. */
  #spent = 0;

  /** Makes a full budget, less what the peer owes from earlier. */
  constructor(now: number, debt = 0) {
    this.#balance = new TokenBucket(BUDGET_RATE, BUDGET_BURST, now);
    this.#patience = new TokenBucket(PATIENCE_RATE, BUDGET_PATIENCE, now);
    this.#spent = debt;
  }

  /** What the peer owes, in units, should it come again. */
  debt(now: number): number {
    return this.#spent + BUDGET_PATIENCE - this.#patience.level(now);
  }

  /** Takes from the budget. */
  spend(cost: number): void {
    this.#spent += cost;
  }

  /** Settles the account, once for many messages. */
  settle(now: number): number {
    if (this.#spent > 0) {
      this.#balance.spend(this.#spent, now);
      this.#patience.spend(this.#spent, now);
      this.#spent = 0;
      if (this.#patience.level(now) < 0) return Infinity;
    }
    return this.#balance.nextAt(now, 0);
  }
}

/** Outputs in order; after `close` there are no more. */
export class SessionCore {
  readonly #outputs: (PeerSessionOutput | undefined)[] = [];
  #taken = 0;
  isClosed = false;
  #underWay = 0;
  /** Messages that wait to be taken. */
  readonly outgoing: PeerMessageBuffer = new PeerMessageBuffer();
  /** Times of the session. */
  readonly timers: SessionTimers;
  /** Bytes and blunders. */
  readonly counters: PeerCounters = new PeerCounters();
  /** What the peer may still cost us. */
  readonly budget: MessageBudget;

  constructor(now: number, firstKeepAliveMs?: number, debt?: number) {
    this.timers = new SessionTimers(now, firstKeepAliveMs);
    this.budget = new MessageBudget(now, debt);
  }

  /** Bytes waiting to be sent. */
  get bufferedBytes(): number {
    return this.outgoing.length + this.#underWay;
  }

  /** Sends a message. */
  send(message: PeerMessage, now: number): void {
    if (this.isClosed) return;
    if (this.bufferedBytes === 0) this.timers.progressAt = now;
    this.outgoing.append(message);
    this.timers.sentAt = now;
    const buffered = this.bufferedBytes;
    if (buffered > MAX_SEND_BUFFER) this.close(slowReaderError(buffered));
  }

  /** Tells the user. */
  emit(event: PeerSessionEvent): void {
    if (!this.isClosed) this.#outputs.push(event);
  }

  /** Counts something that is odd and does no harm. */
  odd(cost: number = ODDITY_COST): void {
    this.counters.oddities++;
    this.budget.spend(cost);
  }

  /** The same of a whole message, which costs by its bytes. */
  oddMessage(message: PeerMessage): void {
    this.odd(peerMessageSize(message) / JUNK_BYTES);
  }

  /** Takes from the peer's budget. */
  spend(cost: number): void {
    this.budget.spend(cost);
  }

  close(error: Error | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#outputs.push({ type: "close", error });
  }

  /** A message came. */
  heard(message: PeerMessage, now: number): void {
    this.timers.heardAt = now;
    this.budget.spend(MESSAGE_COST[message.type]);
  }

  /** The connection takes all that waits. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.outgoing.take();
    this.#underWay += bytes.length;
    return bytes;
  }

  /** The connection took bytes. */
  sent(underWay: number, now: number): void {
    this.#underWay = underWay;
    this.timers.progressAt = now;
  }

  poll(): PeerSessionOutput | undefined {
    if (this.#taken === this.#outputs.length) return undefined;
    const output = this.#outputs[this.#taken];
    this.#outputs[this.#taken++] = undefined;
    if (this.#taken === this.#outputs.length) {
      this.#outputs.length = this.#taken = 0;
    }
    return output;
  }
}
