/**
 * The packets of UDP trackers as values (BEP 15, BEP 41).
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { AnnounceRequest, ScrapeEntry } from "../_shared/announce.ts";

/** Asks for a connection id (BEP 15). */
export interface UdpConnectRequest {
  /** Always `"connect"`. */
  readonly type: "connect";
  /** Chosen by the client, 32 bits. */
  readonly transactionId: number;
}

/** Announces (BEP 15). Numbers of bytes above 2^53 - 1 read as that. */
export interface UdpAnnounceRequest
  extends Omit<AnnounceRequest, "key" | "trackerId"> {
  /** Always `"announce"`. */
  readonly type: "announce";
  /** What the tracker gave, 64 bits. */
  readonly connectionId: bigint;
  /** Chosen by the client, 32 bits. */
  readonly transactionId: number;
  /** 32 bits that stay the same while addresses change. */
  readonly key: number;
  /** Path and query of the tracker's URL (BEP 41); no option when absent. */
  readonly urlData?: string | undefined;
}

/** Scrapes (BEP 15). */
export interface UdpScrapeRequest {
  /** Always `"scrape"`. */
  readonly type: "scrape";
  /** What the tracker gave, 64 bits. */
  readonly connectionId: bigint;
  /** Chosen by the client, 32 bits. */
  readonly transactionId: number;
  /** 20-byte info-hashes, at most 74. */
  readonly infoHashes: readonly Uint8Array[];
}

/** What clients send. */
export type UdpTrackerRequest =
  | UdpConnectRequest
  | UdpAnnounceRequest
  | UdpScrapeRequest;

/** Gives a connection id (BEP 15). */
export interface UdpConnectResponse {
  /** Always `"connect"`. */
  readonly type: "connect";
  /** Of the request. */
  readonly transactionId: number;
  /** To be sent with announces and scrapes, 64 bits. */
  readonly connectionId: bigint;
}

/** Answers an announce (BEP 15). */
export interface UdpAnnounceResponse {
  /** Always `"announce"`. */
  readonly type: "announce";
  /** Of the request. */
  readonly transactionId: number;
  /** Seconds to the next announce, as sent. */
  readonly interval: number;
  /** Incomplete peers. */
  readonly leechers: number;
  /** Complete peers. */
  readonly seeders: number;
  /** Where peers listen, as sent; all of the family of the packet. */
  readonly peers: readonly Endpoint[];
}

/** Answers a scrape (BEP 15). */
export interface UdpScrapeResponse {
  /** Always `"scrape"`. */
  readonly type: "scrape";
  /** Of the request. */
  readonly transactionId: number;
  /** In the order of the request. */
  readonly entries: readonly ScrapeEntry[];
}

/** Refuses a request (BEP 15). */
export interface UdpErrorResponse {
  /** Always `"error"`. */
  readonly type: "error";
  /** Of the request. */
  readonly transactionId: number;
  /** The tracker's reason. */
  readonly message: string;
}

/** What trackers send. */
export type UdpTrackerResponse =
  | UdpConnectResponse
  | UdpAnnounceResponse
  | UdpScrapeResponse
  | UdpErrorResponse;
