/**
 * What all parts of a session share: the outputs, the clockwork, the counts.
 *
 * @module
 */
import {
  JUNK_BYTES,
  MAX_SEND_BUFFER,
  MESSAGE_COST,
  ODDITY_COST,
} from "../limits.ts";
import { MessageBudget } from "./message_budget.ts";
import type { PeerMessage } from "../message.ts";
import { PeerMessageBuffer, peerMessageSize } from "../wire/message_encode.ts";
import { PeerCounters } from "./peer_stats.ts";
import { SessionTimers, slowReaderError } from "./session_timers.ts";
import type { PeerSessionEvent, PeerSessionOutput } from "../session_types.ts";

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
    const size = this.outgoing.append(message);
    this.counters.protocolUploaded += message.type === "piece" ? 13 : size;
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
    if (message.type === "piece") {
      this.counters.protocolDownloaded += 13;
      return;
    }
    this.budget.spend(MESSAGE_COST[message.type]);
    this.counters.protocolDownloaded += peerMessageSize(message);
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
