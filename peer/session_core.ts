/**
 * What all parts of a session share: the outputs, the clockwork, the counts.
 *
 * @module
 */
import { MAX_SEND_BUFFER } from "./_limits.ts";
import type { PeerMessage } from "./message.ts";
import { peerMessageSize } from "./message_encode.ts";
import { PeerCounters } from "./peer_stats.ts";
import { SessionTimers, slowReaderError } from "./session_timers.ts";
import type {
  PeerSessionEvent,
  PeerSessionOptions,
  PeerSessionOutput,
  SessionPort,
} from "./session_types.ts";

/** Outputs in order; after `close` there are no more. */
export class SessionCore implements SessionPort {
  readonly #maxSendBuffer: number;
  readonly #outputs: (PeerSessionOutput | undefined)[] = [];
  #taken = 0;
  #closed = false;
  #buffered = 0;
  /** Times of the session. */
  readonly timers: SessionTimers;
  /** Bytes and blunders. */
  readonly counters: PeerCounters = new PeerCounters();

  constructor(options: PeerSessionOptions, now: number) {
    this.#maxSendBuffer = options.maxSendBuffer ?? MAX_SEND_BUFFER;
    this.timers = new SessionTimers(options, now);
  }

  get closed(): boolean {
    return this.#closed;
  }
  get bufferedBytes(): number {
    return this.#buffered;
  }

  send(message: PeerMessage, now: number): void {
    if (this.#closed) return;
    const size = peerMessageSize(message);
    this.counters.protocolUploaded += message.type === "piece" ? 13 : size;
    if (this.#buffered === 0) this.timers.progressAt = now;
    this.#buffered += size;
    this.timers.sentAt = now;
    this.#outputs.push({ type: "send", message });
    if (this.#buffered > this.#maxSendBuffer) {
      this.close(slowReaderError(this.#buffered));
    }
  }

  emit(event: PeerSessionEvent): void {
    if (!this.#closed) this.#outputs.push({ type: "event", event });
  }

  close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#outputs.push({ type: "close", error });
  }

  /** A message came. */
  heard(message: PeerMessage, now: number): void {
    this.timers.heardAt = now;
    this.counters.protocolDownloaded += message.type === "piece"
      ? 13
      : peerMessageSize(message);
  }

  /** The connection took bytes. */
  sent(bufferedBytes: number, now: number): void {
    this.#buffered = bufferedBytes;
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
