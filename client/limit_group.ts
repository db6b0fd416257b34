/**
 * Limits that several torrents share.
 *
 * @module
 */
import { RateLimiter } from "./limits/rate_limiter.ts";
import type { SessionLimits, TorrentParents } from "./limits/torrent_limits.ts";

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
