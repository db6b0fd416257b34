/**
 * What HTTP and UDP trackers are told and tell, in one form for both.
 *
 * @module
 */
import { type Clock, deadlineSignal } from "./clock.ts";
import type { Endpoint } from "./address.ts";

/**
 * Why an announce is sent (BEP 3); `paused` is said again and again by who wants
 * no more of an incomplete torrent, over HTTP only (BEP 21). Absent for the
 * regular ones.
 */
export type AnnounceEvent = "started" | "completed" | "stopped" | "paused";

/** An announce to a tracker (BEP 3, BEP 15). */
export interface AnnounceRequest {
  /** 20-byte info-hash. */
  readonly infoHash: Uint8Array;
  /** Our 20-byte peer id. */
  readonly peerId: Uint8Array;
  /** The port we listen on. */
  readonly port: number;
  /** Bytes uploaded since `started`. */
  readonly uploaded: number;
  /** Bytes downloaded since `started`. */
  readonly downloaded: number;
  /** Bytes still missing. */
  readonly left: number;
  /** Why, if there is a special reason. */
  readonly event?: AnnounceEvent | undefined;
  /** How many peers are wanted; the tracker decides when absent. */
  readonly numWant?: number | undefined;
  /** 32-bit number that proves identity when our address changes. */
  readonly key?: number | undefined;
  /** What the tracker asked to be told again (HTTP only, BEP 3). */
  readonly trackerId?: string | undefined;
}

/** A tracker's answer to an announce. */
export interface AnnounceResponse {
  /** When to announce again, in milliseconds; already clamped. */
  readonly intervalMs: number;
  /** Earliest allowed repeat in milliseconds, when the tracker set one. */
  readonly minIntervalMs?: number | undefined;
  /** Complete peers, when told. */
  readonly seeders?: number | undefined;
  /** Incomplete peers, when told. */
  readonly leechers?: number | undefined;
  /** Times downloaded, when told. */
  readonly downloads?: number | undefined;
  /** Where peers listen; port 0 and impossible addresses already removed. */
  readonly peers: readonly Endpoint[];
  /** Our address as the tracker sees it (BEP 24). */
  readonly externalIp?: string | undefined;
  /** To be sent along with the next announce. */
  readonly trackerId?: string | undefined;
  /** The IP address that the answer came from, where it is known. */
  readonly from?: string | undefined;
  /** A message to show that is no failure. */
  readonly warning?: string | undefined;
}

/** What a scrape tells of one torrent (BEP 48). */
export interface ScrapeEntry {
  /** Complete peers. */
  readonly seeders: number;
  /** Incomplete peers. */
  readonly leechers: number;
  /** Times the tracker saw `completed`. */
  readonly downloads: number;
}

/** Why a tracker could not be used. */
export type TrackerErrorCode =
  | "invalid-url"
  | "unreachable"
  | "timeout"
  | "refused"
  | "malformed"
  | "too-large"
  | "forbidden-target"
  | "http-status"
  | "unsupported"
  | "closed";

/** Extras of a {@linkcode TrackerError}. */
export interface TrackerErrorOptions {
  /** What went wrong underneath. */
  readonly cause?: unknown | undefined;
  /** When the tracker wants to be asked again, in ms; Infinity for never (BEP 31). */
  readonly retryInMs?: number | undefined;
}

/** A tracker could not be asked, refused, or answered nonsense. */
export class TrackerError extends Error {
  /** What kind of failure. */
  readonly code: TrackerErrorCode;
  /** When the tracker wants to be asked again, in ms; Infinity for never (BEP 31). */
  readonly retryInMs: number | undefined;

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param message One line; passkeys in URLs must not be part of it.
   * @param options See {@linkcode TrackerErrorOptions}.
   */
  constructor(
    code: TrackerErrorCode,
    message: string,
    options: TrackerErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = "TrackerError";
    this.code = code;
    this.retryInMs = options.retryInMs;
  }
}

/** Options of a tracker client's announces and scrapes. */
export interface TrackerCallOptions {
  /** Ends the attempt; the rejection is its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** How long the calls of a tracker client may take, in milliseconds. */
export interface TrackerTimeouts {
  /** For announces and scrapes. */
  readonly timeoutMs?: number | undefined;
  /** For announces with the event `stopped`. */
  readonly stopTimeoutMs?: number | undefined;
}

/** Throws a RangeError if a timeout is not positive. */
export function checkTrackerTimeouts(timeouts: TrackerTimeouts): void {
  for (const name of ["timeoutMs", "stopTimeoutMs"] as const) {
    const value = timeouts[name];
    if (value !== undefined && !(value > 0)) {
      throw new RangeError(
        `Cannot use ${name} ${value}: expected a positive number of milliseconds`,
      );
    }
  }
}

/** The error of a tracker at an address that we have nothing to do with. */
export function blockedTracker(name: string): TrackerError {
  return new TrackerError(
    "forbidden-target",
    `Cannot use tracker ${name}: its address is on a block list`,
  );
}

/** What bounds a call of a tracker client. */
export interface TrackerCall extends TrackerCallOptions {
  /** Clock to use. */
  readonly clock: Clock;
  /** How long it may take, in milliseconds; may be Infinity. */
  readonly timeoutMs: number;
  /** What did not answer in time, such as `"The tracker"`. */
  readonly name: string;
  /** Fires with a TrackerError when the client is closed. */
  readonly closing: AbortSignal;
}

/**
 * Runs a call with a signal that fires when it has to end, and when it has
 * settled: what is still asked then is given up.
 */
export async function callTracker<T>(
  { clock, timeoutMs, name, closing, signal }: TrackerCall,
  action: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  closing.throwIfAborted();
  const outer = signal === undefined
    ? closing
    : AbortSignal.any([signal, closing]);
  const text = `${name} did not answer within ${timeoutMs / 1000} s`;
  using deadline = deadlineSignal(clock, timeoutMs, text, outer);
  const done = new AbortController();
  try {
    return await action(AbortSignal.any([deadline.signal, done.signal]));
  } catch (error) {
    if (outer.aborted) throw outer.reason;
    if (!deadline.signal.aborted) throw error;
    throw new TrackerError("timeout", text, { cause: deadline.signal.reason });
  } finally {
    done.abort();
  }
}
