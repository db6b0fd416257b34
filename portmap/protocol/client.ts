/**
 * What the three protocols have in common for the machine above them.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import type { HttpFault, HttpRequest, HttpResponse } from "../codec/http.ts";
import type { PortRequest } from "../types.ts";

/** A request is sent this often: at once, then 250 ms later, 500, 750 ... */
const MAX_TRIES = 9;
const STEP_MS = 250;

/** Times at which requests are sent again, by the requests' names. */
export class Retries {
  readonly #waiting = new Map<string, { tries: number; at: number }>();

  /** When the next is due, in ms. */
  get deadline(): number | undefined {
    let first: number | undefined;
    for (const { at } of this.#waiting.values()) {
      if (first === undefined || at < first) first = at;
    }
    return first;
  }

  /** Requests without an answer. */
  get size(): number {
    return this.#waiting.size;
  }

  /** A request has been sent for the first time. */
  start(name: string, now: number): void {
    this.#waiting.set(name, { tries: 1, at: now + STEP_MS });
  }

  /** A request is answered. Returns whether it was waiting. */
  stop(name: string): boolean {
    return this.#waiting.delete(name);
  }

  /** Whether a request is without an answer. */
  has(name: string): boolean {
    return this.#waiting.has(name);
  }

  /** Forgets all. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Names what is to be sent again, and what has been sent often enough. */
  takeDue(now: number): [name: string, isOver: boolean][] {
    const due: [string, boolean][] = [];
    for (const [name, entry] of this.#waiting) {
      if (entry.at > now) continue;
      const isOver = entry.tries === MAX_TRIES;
      if (isOver) this.#waiting.delete(name);
      else entry.at = now + ++entry.tries * STEP_MS;
      due.push([name, isOver]);
    }
    return due;
  }
}

/** Least time between two losses that are believed, in ms. */
const QUIET_MS = 10_000;

/** Follows a gateway's seconds (RFC 6887, 8.5; RFC 6886, 3.6). */
export class Epoch {
  #seconds: number | undefined;
  #at = 0;
  #lostAt = -Infinity;

  /**
   * Takes what an answer says.
   *
   * @param seconds The gateway's seconds.
   * @param now The time in ms.
   * @returns Whether the gateway has lost its mappings since the last answer.
   */
  isLost(seconds: number, now: number): boolean {
    const before = this.#seconds;
    const ours = (now - this.#at) / 1000;
    this.#seconds = seconds;
    this.#at = now;
    if (before === undefined) return false;
    const theirs = seconds - before;
    const isRight = theirs >= -1 &&
      ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;
    if (isRight || now - this.#lostAt < QUIET_MS) return false;
    this.#lostAt = now;
    return true;
  }
}

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
