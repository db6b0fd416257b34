/**
 * The asking half of a node: requests, lookups, stores and what they wait for.
 *
 * @module
 */
import {
  type Endpoint,
  type IpFamily,
  normalizeHostname,
} from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { isServicePort } from "../../_shared/reach.ts";
import type { Family } from "../table/family.ts";
import {
  type JobHost,
  type OwnedRequest,
  PingJob,
  type RequestOutcome,
  type RequestOwner,
  type RequestSubject,
  SearchJob,
  StoreJob,
} from "./jobs.ts";
import type { Host } from "./hosts.ts";
import { Search, type SearchHost } from "./search.ts";
import { itemSignatureMessage } from "../item.ts";
import type {
  KrpcErrorMessage,
  KrpcQuery,
  KrpcQueryBody,
  KrpcResponse,
} from "../krpc.ts";
import { encodeKrpc } from "../krpc/encode.ts";
import { DhtLookup } from "./lookup_machine.ts";
import { familyOf } from "../compact_node.ts";
import { isSecureNodeId } from "../node_id.ts";
import type { DhtNodeMachineOptions } from "../node_options.ts";
import type {
  DhtItem,
  DhtNodeOutput,
  DhtProgress,
  DhtSearchRequest,
  DhtStoreNode,
  DhtStoreRequest,
} from "../node_types.ts";
import { DhtTransactions } from "./transactions.ts";

/** What the asking half needs of the node. */
export interface RequestsOptions {
  readonly options: DhtNodeMachineOptions;
  readonly families: ReadonlyMap<IpFamily, Family>;
  readonly emit: (output: DhtNodeOutput) => void;
  readonly lookUp: (hostname: string) => Host | undefined;
  /** Peers that others announced to us. */
  readonly ownPeers: (search: DhtSearchRequest, now: number) => Endpoint[];
  /** An item that others stored here. */
  readonly ownItem: (
    search: DhtSearchRequest,
    now: number,
  ) => DhtItem | undefined;
}

type Checked = (valid: boolean, now: number) => void;

/** Pings, searches and stores that run, and the requests they wait for. */
export class Requests implements JobHost, SearchHost {
  readonly #options: DhtNodeMachineOptions;
  readonly #families: ReadonlyMap<IpFamily, Family>;
  readonly #emit: (output: DhtNodeOutput) => void;
  readonly #lookUp: (hostname: string) => Host | undefined;
  readonly #own: Pick<RequestsOptions, "ownPeers" | "ownItem">;
  readonly #transactions: DhtTransactions<OwnedRequest>;
  readonly #searches = new Map<number, SearchJob>();
  /** Requests that somebody waits for. */
  readonly #active = new Set<number>();
  readonly #checks = new Map<number, Checked>();
  #nextInternalId = -1;
  #nextCheckId = 0;
  #starved = false;
  /** Answers that fitted a request. */
  responses = 0;
  /** Answers that fitted none. */
  unasked = 0;
  /** Requests that were not answered. */
  timeouts = 0;
  /** Queries that were sent. */
  sent = 0;

  constructor(all: RequestsOptions) {
    const { options, families, emit, lookUp } = all;
    this.#options = options;
    this.#families = families;
    this.#emit = emit;
    this.#lookUp = lookUp;
    this.#own = all;
    this.#transactions = new DhtTransactions(
      options.random,
      options.maxOutstanding,
    );
  }

  get deadline(): number | undefined {
    return this.#transactions.deadline;
  }

  get outstanding(): number {
    return this.#transactions.size;
  }

  get searchCount(): number {
    return this.#searches.size;
  }

  /** Signatures that are being checked. */
  get checkCount(): number {
    return this.#checks.size;
  }

  handleTimeout(now: number): void {
    for (const { state, transaction } of this.#transactions.takeDue(now)) {
      const { context } = transaction;
      if (state === "slow") this.#settle(context, { type: "slow" }, now);
      else this.#failed(context, now);
    }
    this.#feedStarved(now);
  }

  /** Takes an answer or an error in its place; says whether we asked for it. */
  answered(
    message: KrpcResponse | KrpcErrorMessage,
    family: Family,
    host: Host,
    from: Endpoint,
    now: number,
  ): boolean {
    const found = this.#transactions.match(message.transactionId, from, now);
    if (found === undefined) {
      this.unasked++;
      return false;
    }
    this.responses++;
    const { context, isLate } = found;
    const roundTripMs = now - found.sentAt;
    if (message.type === "response") {
      const { id, ip } = message;
      const { subject } = context;
      if (host.accepted && !equalBytes(id, family.id)) {
        if (subject.id !== undefined && !equalBytes(subject.id, id)) {
          family.failed(subject.id, found.address, now);
        }
        family.responded(id, found.address, now);
      }
      if (ip !== undefined) {
        family.vote(ip.subarray(0, ip.length - 2), host.ip, now);
      }
    }
    // Who asked gave it up already, if it is late.
    if (isLate) return true;
    const outcome: RequestOutcome = message.type === "response"
      ? { type: "answered", message, roundTripMs }
      : { type: "refused", message };
    this.#settle(context, outcome, now);
    this.#feedStarved(now);
    return true;
  }

  /** An answer that makes no sense: as good as none. */
  garbled(transactionId: Uint8Array, from: Endpoint, now: number): void {
    const found = this.#transactions.match(transactionId, from, now);
    if (found !== undefined && !found.isLate) this.#failed(found.context, now);
  }

  /** A query that did not leave: that says nothing about the node. */
  unsent(transactionId: Uint8Array, to: Endpoint, now: number): void {
    const found = this.#transactions.abandon(transactionId, to, now);
    if (found === undefined || found.isLate) return;
    this.#settle(found.context, { type: "failed" }, now);
    this.#feedStarved(now);
  }

  /** Whether a datagram is an answer that we wait for. */
  expects(transactionId: Uint8Array, from: Endpoint, now: number): boolean {
    return this.#transactions.expects(transactionId, from, now);
  }

  ping(requestId: number, to: Endpoint, now: number): void {
    this.#active.add(requestId);
    const { hostname, port } = to;
    const address = { hostname: normalizeHostname(hostname), port };
    const subject = { id: undefined, address };
    const job = new PingJob(this, requestId);
    if (this.ask(job, subject, { method: "ping" }, now)) return;
    this.progress(requestId, { type: "unanswered", address });
    this.end(requestId);
  }

  store(
    requestId: number,
    request: DhtStoreRequest,
    nodes: readonly DhtStoreNode[],
    now: number,
  ): void {
    this.#active.add(requestId);
    new StoreJob(this, requestId, request).start(nodes, now);
  }

  search(
    requestId: number,
    request: DhtSearchRequest,
    seeds: readonly Endpoint[],
    now: number,
  ): void {
    this.#search(request, seeds, requestId, now, undefined);
  }

  /** Looks an id up for ourselves. */
  findNode(
    family: IpFamily,
    target: Uint8Array,
    seeds: readonly Endpoint[],
    whenDone: (now: number) => void,
    now: number,
  ): void {
    const request = { method: "find_node", family, target } as const;
    this.#search(request, seeds, this.#nextInternalId--, now, whenDone);
  }

  cancel(requestId: number): void {
    this.#active.delete(requestId);
    this.#searches.get(requestId)?.search.end();
    this.#searches.delete(requestId);
  }

  checked(verificationId: number, valid: boolean, now: number): void {
    const check = this.#checks.get(verificationId);
    this.#checks.delete(verificationId);
    check?.(valid, now);
  }

  /** Has a signature checked. */
  check(
    publicKey: Uint8Array,
    signature: Uint8Array,
    message: Uint8Array,
    checked: Checked,
  ): number {
    const verificationId = this.#nextCheckId++;
    this.#checks.set(verificationId, checked);
    this.#emit({
      type: "verify",
      verificationId,
      publicKey,
      signature,
      message,
    });
    return verificationId;
  }

  ask(
    owner: RequestOwner,
    subject: RequestSubject,
    body: KrpcQueryBody,
    now: number,
  ): boolean {
    const { address } = subject;
    const family = this.#families.get(familyOf(address));
    if (family === undefined) return false;
    const context = { owner, subject };
    const transactionId = this.#transactions.open(address, context, now);
    if (transactionId === undefined) return false;
    this.sent++;
    const { readOnly, version } = this.#options;
    const query = {
      type: "query",
      transactionId,
      id: family.id,
      readOnly,
      version,
      ...body,
    } as KrpcQuery;
    const data = encodeKrpc(query);
    this.#emit({ type: "send", data, to: address, transactionId });
    return true;
  }

  progress(requestId: number, progress: DhtProgress): void {
    if (!this.#active.has(requestId)) return;
    if (progress.type === "done") this.#active.delete(requestId);
    this.#emit({ type: "progress", requestId, progress });
  }

  step(job: SearchJob, now: number): void {
    const { search } = job;
    const { lookup, requestId } = search;
    if (this.#searches.get(requestId) !== job) return;
    while (!search.ended && this.#transactions.room > 0) {
      const node = lookup.takeNext();
      if (node === undefined) break;
      if (!this.ask(job, node, search.body, now)) lookup.failed(node);
    }
    if (this.#transactions.room === 0) this.#starved = true;
    if (!search.done) return;
    this.#searches.delete(requestId);
    for (const { id, address } of search.others) {
      this.#families.get(familyOf(address))?.table.heard(id, address, now);
    }
    this.progress(requestId, {
      type: "done",
      closest: search.closest(),
      stats: lookup.stats,
    });
    job.whenDone?.(now);
  }

  end(requestId: number): void {
    this.progress(requestId, { type: "done", closest: [], stats: undefined });
  }

  accepts(address: Endpoint): boolean {
    return !isServicePort(address.port) && this.acceptsHost(address.hostname);
  }

  acceptsHost(hostname: string): boolean {
    return this.#lookUp(hostname)?.accepted ?? false;
  }

  verify(search: Search, item: DhtItem, salt: Uint8Array | undefined): number {
    const { publicKey, signature, seq, value } = item;
    const id = this.check(
      publicKey!,
      signature!,
      itemSignatureMessage({ salt, seq: seq!, value }),
      (valid, now) => {
        search.verified(id, valid);
        const job = this.#searches.get(search.requestId);
        if (job !== undefined) this.step(job, now);
      },
    );
    return id;
  }

  #search(
    request: DhtSearchRequest,
    seeds: readonly Endpoint[],
    requestId: number,
    now: number,
    whenDone: ((now: number) => void) | undefined,
  ): void {
    const { alpha, k = 8, maxRequests, restrictAddresses } = this.#options;
    const family = this.#families.get(request.family);
    const lookup = new DhtLookup({
      target: request.target,
      k,
      ownId: family?.id,
      alpha,
      maxRequests,
      restrictSubnets: restrictAddresses ?? true,
      verifyId: (id, { hostname }) => this.#fits(id, hostname),
    });
    const isBootstrap = requestId < 0 && seeds.length > 0;
    const search = new Search({
      host: this,
      requestId,
      request,
      lookup,
      want: isBootstrap && this.#families.size > 1 ? [4, 6] : undefined,
    });
    if (requestId >= 0) this.#active.add(requestId);
    const job = new SearchJob(this, search, whenDone);
    this.#searches.set(requestId, job);
    if (family !== undefined) {
      const { target } = request;
      let known = family.table.closest(target, 2 * k, now, "usable");
      if (known.length === 0) {
        known = family.table.closest(target, 2 * k, now, "any");
      }
      for (const { id, address } of known) lookup.add(id, address);
      const first = known.length === 0 ? family.firstContacts : [];
      for (const seed of [...seeds, ...first]) {
        if (familyOf(seed) === request.family) lookup.add(undefined, seed);
      }
    }
    // Nobody asks ourselves over the network.
    if (requestId >= 0 && request.method === "get_peers") {
      search.addOwnPeers(this.#own.ownPeers(request, now));
    } else if (requestId >= 0 && request.method === "get") {
      const item = this.#own.ownItem(request, now);
      if (item !== undefined) search.addOwnItem(item);
    }
    this.step(job, now);
  }

  #fits(id: Uint8Array, hostname: string): boolean {
    if (this.#options.secureIds === "ignore") return true;
    const host = this.#lookUp(hostname);
    return host !== undefined && isSecureNodeId(id, host.ip);
  }

  #failed(context: OwnedRequest, now: number): void {
    this.timeouts++;
    const { id, address } = context.subject;
    if (id !== undefined) {
      this.#families.get(familyOf(address))?.failed(id, address, now);
    }
    this.#settle(context, { type: "failed" }, now);
  }

  /** Lets searches go on that could not ask because too many requests waited. */
  #feedStarved(now: number): void {
    if (!this.#starved || this.#transactions.room === 0) return;
    this.#starved = false;
    for (const job of [...this.#searches.values()]) this.step(job, now);
  }

  #settle(
    { owner, subject }: OwnedRequest,
    outcome: RequestOutcome,
    now: number,
  ): void {
    owner.settle(subject, outcome, now);
  }
}
