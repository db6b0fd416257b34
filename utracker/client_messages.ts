/**
 * What goes in and out of {@linkcode UdpTrackerClientMachine}.
 *
 * @module
 */
import type { Endpoint } from "../_shared/address.ts";
import type { AnnounceRequest, TrackerError } from "../_shared/announce.ts";
import type { UdpAnnounceResponse, UdpScrapeResponse } from "./packet_types.ts";

/** Inputs of {@linkcode UdpTrackerClientMachine}. */
export type UdpTrackerClientInput =
  | {
    readonly type: "announce";
    /** Names the request in outputs; unique among those under way. */
    readonly id: number;
    /** IP address and port of the tracker. */
    readonly to: Endpoint;
    /** What to tell; the key must be there. */
    readonly request: AnnounceRequest & { readonly key: number };
    /** Path and query of the tracker's URL (BEP 41). */
    readonly urlData?: string | undefined;
  }
  | {
    readonly type: "scrape";
    /** Names the request in outputs; unique among those under way. */
    readonly id: number;
    /** IP address and port of the tracker. */
    readonly to: Endpoint;
    /** 20-byte info-hashes, at most 74. */
    readonly infoHashes: readonly Uint8Array[];
  }
  | {
    readonly type: "cancel";
    /** Which request is of no more interest. */
    readonly id: number;
  }
  | {
    readonly type: "datagram";
    /** The payload; not kept. */
    readonly data: Uint8Array;
    /** Who sent it. */
    readonly from: Endpoint;
  }
  | {
    readonly type: "unreachable";
    /** Where nothing can be sent. */
    readonly to: Endpoint;
    /** What the system says. */
    readonly reason: string;
  };

/** Outputs of {@linkcode UdpTrackerClientMachine}. */
export type UdpTrackerClientOutput =
  | {
    readonly type: "send";
    /** The datagram. */
    readonly data: Uint8Array<ArrayBuffer>;
    /** To whom. */
    readonly to: Endpoint;
  }
  | {
    readonly type: "response";
    /** Which request. */
    readonly id: number;
    /** The answer, as sent: clamping and filtering is up to the caller. */
    readonly response: UdpAnnounceResponse | UdpScrapeResponse;
  }
  | {
    readonly type: "failed";
    /** Which request. */
    readonly id: number;
    /** Why. */
    readonly error: TrackerError;
  };
