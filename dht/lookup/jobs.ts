/**
 * What a node's own requests are for: each request has an owner that is told
 * what became of it.
 *
 * @module
 */
import type { Endpoint } from "../../_shared/address.ts";
import { decodeCompactEndpoints } from "../../_shared/address.ts";
import type { NodeContact } from "../compact_node.ts";
import { KrpcError } from "../error.ts";
import type { KrpcErrorMessage, KrpcQueryBody, KrpcResponse } from "../krpc.ts";
import type { LookupNode } from "./lookup_machine.ts";
import type {
  DhtProgress,
  DhtStoreNode,
  DhtStoreRequest,
} from "../node_types.ts";
import type { Search } from "./search.ts";

/** What a request is about, beside its owner. */
export interface RequestSubject {
  /** The id that must answer, when it is known. */
  readonly id: Uint8Array | undefined;
  readonly address: Endpoint;
}

/** What became of a request; `slow`: it may still be answered. */
export type RequestOutcome =
  | {
    readonly type: "answered";
    readonly message: KrpcResponse;
    readonly roundTripMs: number;
  }
  | { readonly type: "refused"; readonly message: KrpcErrorMessage }
  | { readonly type: "slow" | "failed" };

/** Who is told what became of a request. */
export interface RequestOwner {
  settle(subject: RequestSubject, outcome: RequestOutcome, now: number): void;
}

/** A request with its owner. */
export interface OwnedRequest {
  readonly owner: RequestOwner;
  readonly subject: RequestSubject;
}

/** What the owners need of the node. */
export interface JobHost {
  /** Sends a query; false when too many wait already. */
  ask(
    owner: RequestOwner,
    subject: RequestSubject,
    body: KrpcQueryBody,
    now: number,
  ): boolean;
  progress(requestId: number, progress: DhtProgress): void;
  /** Lets a search go on, or ends it. */
  step(job: SearchJob, now: number): void;
  /** A request of somebody is over, and had no search. */
  end(requestId: number): void;
}

/** Pings of the upkeep: only the routing table wants to know. */
export const UPKEEP: RequestOwner = { settle() {} };

/** What became of a request to one node, as it is reported. */
function reportOf(
  { address }: RequestSubject,
  outcome: RequestOutcome,
): DhtProgress {
  if (outcome.type !== "refused") return { type: "unanswered", address };
  const { code, message } = outcome.message;
  return { type: "refused", address, error: new KrpcError(code, message) };
}

/** A ping that somebody waits for. */
export class PingJob implements RequestOwner {
  readonly #host: JobHost;
  readonly #requestId: number;

  constructor(host: JobHost, requestId: number) {
    this.#host = host;
    this.#requestId = requestId;
  }

  settle(subject: RequestSubject, outcome: RequestOutcome): void {
    if (outcome.type === "slow") return;
    this.#host.progress(this.#requestId, this.#report(subject, outcome));
    this.#host.end(this.#requestId);
  }

  #report(subject: RequestSubject, outcome: RequestOutcome): DhtProgress {
    if (outcome.type !== "answered") return reportOf(subject, outcome);
    const { message, roundTripMs } = outcome;
    const { id, ip, version } = message;
    return {
      type: "pong",
      node: { id: id.slice(), address: subject.address },
      roundTripMs,
      version: version?.slice(),
      externalAddress: ip === undefined
        ? undefined
        : decodeCompactEndpoints(ip, ip.length === 6 ? 4 : 6)[0],
    };
  }
}

/** A search that runs. */
export class SearchJob implements RequestOwner {
  readonly #host: JobHost;
  readonly search: Search;
  /** What to do in the end, of the node's own searches. */
  readonly whenDone: ((now: number) => void) | undefined;

  constructor(
    host: JobHost,
    search: Search,
    whenDone?: (now: number) => void,
  ) {
    this.#host = host;
    this.search = search;
    this.whenDone = whenDone;
  }

  settle(subject: RequestSubject, outcome: RequestOutcome, now: number): void {
    const node = subject as LookupNode;
    const { lookup } = this.search;
    if (outcome.type === "answered") {
      this.search.answered(node, outcome.message);
    } else if (outcome.type === "slow") lookup.slow(node);
    else lookup.failed(node);
    this.#host.step(this, now);
  }
}

/** Attempts to store something at one node: datagrams get lost. */
const STORE_ATTEMPTS = 3;

/** Something that is being stored at several nodes. */
export class StoreJob implements RequestOwner {
  readonly #host: JobHost;
  readonly #requestId: number;
  readonly #request: DhtStoreRequest;
  readonly #waiting = new Map<
    RequestSubject,
    { attempts: number; failures: number }
  >();

  constructor(host: JobHost, requestId: number, request: DhtStoreRequest) {
    this.#host = host;
    this.#requestId = requestId;
    this.#request = request;
  }

  /** Asks all of them. */
  start(nodes: readonly DhtStoreNode[], now: number): void {
    for (const node of nodes) {
      if (node.token !== undefined) {
        this.#waiting.set(node, { attempts: 0, failures: 0 });
      }
    }
    for (const node of nodes) if (this.#waiting.has(node)) this.#ask(node, now);
    this.#endIfDone();
  }

  settle(subject: RequestSubject, outcome: RequestOutcome, now: number): void {
    const waiting = this.#waiting.get(subject);
    if (waiting === undefined) return;
    if (outcome.type === "slow") {
      return this.#ask(subject as DhtStoreNode, now);
    }
    // Later attempts may still be answered.
    if (
      outcome.type === "failed" && ++waiting.failures < waiting.attempts
    ) return;
    if (outcome.type !== "answered") {
      return this.#end(subject, reportOf(subject, outcome));
    }
    const { address } = subject;
    const node: NodeContact = { id: outcome.message.id.slice(), address };
    this.#end(subject, { type: "stored", node });
  }

  #ask(node: DhtStoreNode, now: number): void {
    const waiting = this.#waiting.get(node)!;
    if (waiting.attempts >= STORE_ATTEMPTS) return;
    const token = node.token!;
    const request = this.#request;
    let body: KrpcQueryBody;
    if (request.method === "announce_peer") body = { ...request, token };
    else {
      const { mutable, value, method, target } = request;
      // BEP 44: no "cas" for nodes that did not show an item.
      const adapted = mutable !== undefined && node.seq === undefined
        ? { ...mutable, cas: undefined }
        : mutable;
      body = { method, target, value, token, mutable: adapted };
    }
    if (this.#host.ask(this, node, body, now)) waiting.attempts++;
    else if (waiting.attempts === 0) {
      this.#end(node, { type: "unanswered", address: node.address });
    }
  }

  #end(subject: RequestSubject, progress: DhtProgress): void {
    this.#waiting.delete(subject);
    this.#host.progress(this.#requestId, progress);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#waiting.size > 0) return;
    this.#host.end(this.#requestId);
  }
}
