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
import type { PeerSessionOptions } from "../session_types.ts";

/** Makes the error for a peer that does not read. */
export function slowReaderError(buffered: number): PeerProtocolError {
  return new PeerProtocolError(
    "slow-reader",
    `Cannot go on with a peer that does not take what is sent: ${buffered} bytes wait`,
  );
}

/**
 * Times of a session. The deadline is not moved with every message: it comes
 * early at worst, and is then set again.
 */
export class SessionTimers {
  readonly #keepAlive: number;
  readonly #silence: number;
  readonly #idle: number;
  readonly #send: number;
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

  constructor(options: PeerSessionOptions, now: number) {
    this.#keepAlive = options.keepAliveMs ?? KEEP_ALIVE_MS;
    this.#silence = options.silenceTimeoutMs ?? SILENCE_TIMEOUT_MS;
    this.#idle = options.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
    this.#send = options.sendTimeoutMs ?? SEND_TIMEOUT_MS;
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
      this.atLatest(this.heardAt + this.#silence);
    }
  }

  /** Tells what has gone on for too long, if anything. */
  violation(now: number, buffered: number): PeerProtocolError | undefined {
    if (
      this.#pausedAt === undefined && now - this.heardAt >= this.#silence
    ) {
      return new PeerProtocolError(
        "silent",
        `Cannot go on with a peer that sent nothing for ${
          Math.round((now - this.heardAt) / 1000)
        } s`,
      );
    }
    if (now - this.wantedAt >= this.#idle) {
      return new PeerProtocolError(
        "idle",
        "Cannot keep a connection that neither side needs",
      );
    }
    return buffered > 0 && now - this.progressAt >= this.#send
      ? slowReaderError(buffered)
      : undefined;
  }

  isKeepAliveDue(now: number): boolean {
    return now - this.sentAt >= this.#keepAlive;
  }

  /** Looks again at a time at the latest. */
  atLatest(at: number): void {
    if (at < this.deadline) this.deadline = at;
  }

  /** Sets the deadline anew. */
  arm(other: number): void {
    this.deadline = Math.min(
      this.#pausedAt === undefined ? this.heardAt + this.#silence : Infinity,
      this.wantedAt + this.#idle,
      this.sentAt + this.#keepAlive,
      this.progressAt + this.#send,
      other,
    );
  }
}
