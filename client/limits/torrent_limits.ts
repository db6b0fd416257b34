/**
 * The rate limits of one torrent.
 *
 * @module
 */
import type { Clock } from "../../_shared/clock.ts";
import { RateLimiter } from "./rate_limiter.ts";
import type { AddTorrentOptions } from "../types.ts";

/** Limits of the session. */
export interface SessionLimits {
  /** Clock to use. */
  readonly clock: Clock;
  /** Bytes a second, received. */
  readonly downloadLimit: RateLimiter;
  /** Bytes a second, sent. */
  readonly uploadLimit: RateLimiter;
}

/** Limits below those of the session; made for the first who needs them. */
export class TorrentLimits {
  readonly #context: SessionLimits;
  readonly #options: AddTorrentOptions;
  #download: RateLimiter | undefined;
  #upload: RateLimiter | undefined;

  constructor(context: SessionLimits, options: AddTorrentOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** What is received. */
  get download(): RateLimiter {
    return this.#download ??= new RateLimiter({
      clock: this.#context.clock,
      bytesPerSecond: this.#options.downloadLimit,
      parent: this.#context.downloadLimit,
    });
  }

  /** What is sent. */
  get upload(): RateLimiter {
    return this.#upload ??= new RateLimiter({
      clock: this.#context.clock,
      bytesPerSecond: this.#options.uploadLimit,
      parent: this.#context.uploadLimit,
    });
  }

  /** Bytes a second; `Infinity` for no limit. */
  get downloadRate(): number {
    return this.#download?.rate ?? this.#options.downloadLimit ?? Infinity;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get uploadRate(): number {
    return this.#upload?.rate ?? this.#options.uploadLimit ?? Infinity;
  }

  /** Resolves all that wait. */
  close(): void {
    this.#download?.close();
    this.#upload?.close();
  }
}
