/**
 * Figures of one connection.
 *
 * @module
 */
import { RateMeter } from "../../_shared/rate_meter.ts";

/** Bytes and rates of one connection at one moment. */
export interface PeerStats {
  /** Bytes of blocks received that were requested. */
  readonly downloaded: number;
  /** Bytes of blocks sent. */
  readonly uploaded: number;
  /** Bytes received besides blocks. */
  readonly protocolDownloaded: number;
  /** Bytes sent besides blocks. */
  readonly protocolUploaded: number;
  /** Bytes of blocks received that were not requested. */
  readonly wasted: number;
  /** Bytes of blocks received a second. */
  readonly downloadRate: number;
  /** Bytes of blocks sent a second. */
  readonly uploadRate: number;
  /** Requests that the peer refused. */
  readonly requestsRejected: number;
  /** Requests that timed out. */
  readonly requestsTimedOut: number;
  /** Requests of the peer that we refused. */
  readonly requestsRefused: number;
  /** Messages that were odd and did no harm. */
  readonly oddities: number;
}

/** Counts for {@linkcode PeerStats}. */
export class PeerCounters {
  /** Blocks received. */
  readonly down: RateMeter = new RateMeter();
  /** Blocks sent. */
  readonly up: RateMeter = new RateMeter();
  /** Bytes received besides blocks. */
  protocolDownloaded = 0;
  /** Bytes sent besides blocks. */
  protocolUploaded = 0;
  /** Bytes of unrequested blocks. */
  wasted = 0;
  /** Blocks that were not requested. */
  unrequested = 0;
  /** Requests that the peer refused. */
  rejected = 0;
  /** Requests that timed out. */
  timedOut = 0;
  /** Requests of the peer that were refused for any reason. */
  refused = 0;
  /** Requests of the peer that no honest peer sends. */
  invalid = 0;
  /** Messages that were odd and did no harm. */
  oddities = 0;

  /** Reads everything. */
  snapshot(now: number): PeerStats {
    return {
      downloaded: this.down.total,
      uploaded: this.up.total,
      protocolDownloaded: this.protocolDownloaded,
      protocolUploaded: this.protocolUploaded,
      wasted: this.wasted,
      downloadRate: this.down.rate(now),
      uploadRate: this.up.rate(now),
      requestsRejected: this.rejected,
      requestsTimedOut: this.timedOut,
      requestsRefused: this.refused,
      oddities: this.oddities,
    };
  }
}
