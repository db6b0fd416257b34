/**
 * The clockwork of a session: keep-alives and the ways of being too quiet.
 *
 * @module
 */
import { PeerProtocolError } from "../error.ts";
import {
  IDLE_TIMEOUT_MS,
  KEEP_ALIVE_MS,
  SEND_TIMEOUT_MS,
  SILENCE_TIMEOUT_MS,
} from "../limits.ts";

/** Makes the error for a peer that does not read. */
export function slowReaderError(buffered: number): PeerProtocolError {
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
