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

/** Who is told what became of a request. */
export interface RequestOwner {
  answered(
    request: OwnedRequest,
    message: KrpcResponse,
    roundTripMs: number,
    now: number,
  ): void;
  refused(request: OwnedRequest, message: KrpcErrorMessage, now: number): void;
  slow(request: OwnedRequest, now: number): void;
  failed(request: OwnedRequest, now: number): void;
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
  /** A store is over. */
  ended(job: StoreJob): void;
}

/** Pings of the upkeep: only the routing table wants to know. */
export const UPKEEP: RequestOwner = {
  answered() {},
  refused() {},
  slow() {},
  failed() {},
};

/** A ping that somebody waits for. */
export class PingJob implements RequestOwner {
  readonly #host: JobHost;
  readonly #requestId: number;

  constructor(host: JobHost, requestId: number) {
    this.#host = host;
    this.#requestId = requestId;
  }

  answered(
    { subject }: OwnedRequest,
    message: KrpcResponse,
    roundTripMs: number,
  ): void {
    const { ip } = message;
    this.#end({
      type: "pong",
      node: { id: message.id.slice(), address: subject.address },
      roundTripMs,
      version: message.version?.slice(),
      externalAddress: ip === undefined
        ? undefined
        : decodeCompactEndpoints(ip, ip.length === 6 ? 4 : 6)[0],
    });
  }

  refused({ subject }: OwnedRequest, message: KrpcErrorMessage): void {
    const { address } = subject;
    const error = new KrpcError(message.code, message.message);
    this.#end({ type: "refused", address, error });
  }

  slow(): void {}

  failed({ subject }: OwnedRequest): void {
    this.#end({ type: "unanswered", address: subject.address });
  }

  #end(progress: DhtProgress): void {
    this.#host.progress(this.#requestId, progress);
    this.#host.progress(this.#requestId, {
      type: "done",
      closest: [],
      stats: undefined,
    });
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

  answered(
    { subject }: OwnedRequest,
    message: KrpcResponse,
    _roundTripMs: number,
    now: number,
  ): void {
    this.search.answered(subject as LookupNode, message);
    this.#host.step(this, now);
  }

  refused(
    { subject }: OwnedRequest,
    _message: KrpcErrorMessage,
    now: number,
  ): void {
    this.search.lookup.failed(subject as LookupNode);
    this.#host.step(this, now);
  }

  slow({ subject }: OwnedRequest, now: number): void {
    this.search.lookup.slow(subject as LookupNode);
    this.#host.step(this, now);
  }

  failed({ subject }: OwnedRequest, now: number): void {
    this.search.lookup.failed(subject as LookupNode);
    this.#host.step(this, now);
  }
}

/** Attempts to store something at one node: datagrams get lost. */
const STORE_ATTEMPTS = 3;

/** Something that is being stored at several nodes. */
export class StoreJob implements RequestOwner {
  readonly #host: JobHost;
  readonly requestId: number;
  readonly #request: DhtStoreRequest;
  readonly #waiting = new Map<
    RequestSubject,
    { attempts: number; failures: number }
  >();

  constructor(host: JobHost, requestId: number, request: DhtStoreRequest) {
    this.#host = host;
    this.requestId = requestId;
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

  answered({ subject }: OwnedRequest, message: KrpcResponse): void {
    const { address } = subject;
    const node: NodeContact = { id: message.id.slice(), address };
    this.#settle(subject, { type: "stored", node });
  }

  refused({ subject }: OwnedRequest, message: KrpcErrorMessage): void {
    const { address } = subject;
    const error = new KrpcError(message.code, message.message);
    this.#settle(subject, { type: "refused", address, error });
  }

  slow({ subject }: OwnedRequest, now: number): void {
    const node = subject as DhtStoreNode;
    if (this.#waiting.has(node)) this.#ask(node, now);
  }

  failed({ subject }: OwnedRequest): void {
    const waiting = this.#waiting.get(subject);
    if (waiting === undefined) return;
    // Later attempts may still be answered.
    if (++waiting.failures < waiting.attempts) return;
    this.#settle(subject, { type: "unanswered", address: subject.address });
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
      this.#settle(node, { type: "unanswered", address: node.address });
    }
  }

  #settle(subject: RequestSubject, progress: DhtProgress): void {
    if (!this.#waiting.delete(subject)) return;
    this.#host.progress(this.requestId, progress);
    this.#endIfDone();
  }

  #endIfDone(): void {
    if (this.#waiting.size > 0) return;
    this.#host.ended(this);
  }
}
