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

/** What limits a torrent from above: its limits pass through these. */
export interface TorrentParents {
  /** Bytes a second, received. */
  readonly download: RateLimiter | undefined;
  /** Bytes a second, sent. */
  readonly upload: RateLimiter | undefined;
}

/** Limits below those of the session; made for the first who needs them. */
export class TorrentLimits {
  readonly #context: SessionLimits;
  readonly #options: AddTorrentOptions;
  #download: RateLimiter | undefined;
  #upload: RateLimiter | undefined;
  #parents: TorrentParents;
  #weight = 1;

  constructor(context: SessionLimits, options: AddTorrentOptions) {
    this.#context = context;
    this.#options = options;
    this.#parents = this.#session;
  }

  get #session(): TorrentParents {
    const { downloadLimit: download, uploadLimit: upload } = this.#context;
    return { download, upload };
  }

  /** Puts it below other limits than those of the session, or below these. */
  putBelow(parents: TorrentParents = this.#session): void {
    this.#parents = parents;
    if (this.#download) this.#download.parent = parents.download;
    if (this.#upload) this.#upload.parent = parents.upload;
  }

  /** How often it has its turn at those above, beside others. */
  get weight(): number {
    return this.#weight;
  }
  set weight(weight: number) {
    this.#weight = weight;
    if (this.#download) this.#download.weight = weight;
    if (this.#upload) this.#upload.weight = weight;
  }

  /** What is received. */
  get download(): RateLimiter {
    const { downloadLimit } = this.#options;
    return this.#download ??= this.#make(downloadLimit, this.#parents.download);
  }

  /** What is sent. */
  get upload(): RateLimiter {
    const { uploadLimit } = this.#options;
    return this.#upload ??= this.#make(uploadLimit, this.#parents.upload);
  }

  #make(rate: number | undefined, parent: RateLimiter | undefined) {
    const { clock } = this.#context;
    const limiter = new RateLimiter({ clock, bytesPerSecond: rate, parent });
    limiter.weight = this.#weight;
    return limiter;
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
