/**
 * What the three protocols have in common for the machine above them.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { HttpFault, HttpRequest, HttpResponse } from "../codec/http.ts";
import type { PortRequest } from "../types.ts";

/** Time that mappings are asked for, in seconds. */
export const LEASE_SECONDS = 3600;

/** What a protocol wants done, or has to tell. */
export type ClientOutput =
  | { readonly type: "send"; readonly data: Uint8Array; readonly to: Endpoint }
  | { readonly type: "request"; readonly request: HttpRequest }
  | {
    readonly type: "granted";
    readonly request: PortRequest;
    readonly externalPort: number;
    readonly externalAddress: string;
    readonly lifetimeMs: number;
  }
  /** The gateway does not map this port, or does not answer. */
  | {
    readonly type: "refused";
    readonly request: PortRequest;
    readonly reason: string;
  }
  /** The gateway does not speak the protocol. */
  | { readonly type: "failed"; readonly reason: string }
  /** The gateway has lost its mappings. */
  | { readonly type: "restarted" };

/** A gateway asked in one protocol. */
export interface MappingClient {
  /** When {@linkcode MappingClient.handleTimeout} is to be called, in ms. */
  readonly deadline: number | undefined;
  /** Whether answers are still waited for. */
  readonly isBusy: boolean;
  /** What is to be done, in order; reading it empties it. */
  readonly outputs: ClientOutput[];
  /** Asks for a mapping, or for more time; the external port is a wish. */
  request(port: PortRequest, externalPort: number, now: number): void;
  /** Removes a mapping. */
  remove(port: PortRequest, externalPort: number, now: number): void;
  /** Asks nothing more; answers that still come are told. */
  stop(): void;
  /** Takes a datagram of the gateway. */
  receive(data: Uint8Array, from: Endpoint, now: number): void;
  /** Takes what came of its HTTP request. */
  respond?(result: HttpResult, now: number): void;
  /** Does what is due. */
  handleTimeout(now: number): void;
}

/** What came of an HTTP request. */
export type HttpResult =
  | HttpFault
  | HttpResponse & {
    /** Our address on the way to the gateway. */
    readonly local: string;
  };

/** Names a port in maps. */
export function portKey({ protocol, port }: PortRequest): string {
  return `${protocol} ${port}`;
}
