/**
 * The rate limits of one torrent, and of several together.
 *
 * @module
 */
import { RateLimiter } from "./limits/rate_limiter.ts";
import type { Clock } from "../_shared/clock.ts";
import type { AddTorrentOptions } from "./types.ts";

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
interface TorrentParents {
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

/** Makes a group; for the session only. */
export let makeLimitGroup: (session: SessionLimits) => LimitGroup;
/** The limits of a group; for torrents only. */
export let limitsOf: (group: LimitGroup) => TorrentParents;

/**
 * Limits of some torrents of a session together: set its `downloadLimit` and
 * `uploadLimit`. See `Session.limitGroup`.
 */
export class LimitGroup {
  readonly #session: SessionLimits;
  readonly #download: RateLimiter;
  readonly #upload: RateLimiter;

  static {
    makeLimitGroup = (session) => new LimitGroup(session);
    limitsOf = (group) => ({
      download: group.#download,
      upload: group.#upload,
    });
  }

  private constructor(session: SessionLimits) {
    const { clock, downloadLimit, uploadLimit } = session;
    this.#session = session;
    this.#download = new RateLimiter({ clock, parent: downloadLimit });
    this.#upload = new RateLimiter({ clock, parent: uploadLimit });
  }

  /** Bytes a second; `Infinity` for no limit. */
  get downloadLimit(): number {
    return this.#download.rate;
  }
  set downloadLimit(bytesPerSecond: number) {
    this.#download.rate = bytesPerSecond;
  }

  /** Bytes a second; `Infinity` for no limit. */
  get uploadLimit(): number {
    return this.#upload.rate;
  }
  set uploadLimit(bytesPerSecond: number) {
    this.#upload.rate = bytesPerSecond;
  }

  /** Whether limits of the session hold, too. @default {true} */
  get honorsSession(): boolean {
    return this.#download.parent !== undefined;
  }
  set honorsSession(honors: boolean) {
    this.#download.parent = honors ? this.#session.downloadLimit : undefined;
    this.#upload.parent = honors ? this.#session.uploadLimit : undefined;
  }
}
