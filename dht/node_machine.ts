/**
 * A node of the DHT as a pure machine: answers others, keeps its routing
 * tables, looks things up and stores them.
 *
 * Invariants: whatever comes in, at most one datagram goes back to its sender
 * as an answer, and none that the reply budget does not allow; an answer counts
 * only if it comes from whom we asked and with the id that we gave; every
 * request that is begun ends with `done`, unless it is cancelled.
 *
 * @module
 */
import type { Endpoint, IpFamily } from "../_shared/address.ts";
import { equalBytes } from "../_shared/bytes.ts";
import type { Machine } from "../_shared/machine.ts";
import { isServicePort } from "../_shared/reach.ts";
import { checkOptions } from "./check_options.ts";
import { Family, type FamilyHost } from "./table/family.ts";
import { UPKEEP } from "./lookup/jobs.ts";
import {
  findPingId,
  hasAt,
  MAX_PING_ANSWER,
  PingAnswerer,
} from "./server/ping_answerer.ts";
import { type Host, Hosts } from "./lookup/hosts.ts";
import { Requests } from "./lookup/requests.ts";
import { takeBytes } from "./table/slab.ts";
import { familyOf, type NodeContact } from "./compact_node.ts";
import type { KrpcErrorMessage, KrpcQuery, KrpcResponse } from "./krpc.ts";
import { tryDecodeKrpc } from "./krpc/decode.ts";
import { encodeKrpc } from "./krpc/encode.ts";
import type { DhtNodeMachineOptions } from "./node_options.ts";
import type {
  DhtContactKind,
  DhtNodeEvent,
  DhtNodeInput,
  DhtNodeOutput,
  DhtNodeStats,
} from "./node_types.ts";
import { RateGuard } from "./server/rate_guard.ts";
import { DhtResponder, type PutCheck } from "./server/responder.ts";

/** Time between two rounds of upkeep, in ms. */
const UPKEEP_MS = 10_000;
/** Time to the first round once there is somebody to begin with, in ms. */
const FIRST_UPKEEP_MS = 2000;
/** Signatures that may be checked at the same time. */
const MAX_CHECKS = 256;

/** A node without sockets: datagrams and time in, datagrams and results out. */
export class DhtNodeMachine implements Machine<DhtNodeInput, DhtNodeOutput> {
  readonly #readOnly: boolean;
  readonly #families = new Map<IpFamily, Family>();
  readonly #requests: Requests;
  readonly #responder: DhtResponder;
  readonly #pings: PingAnswerer;
  readonly #guard: RateGuard;
  readonly #hosts: Hosts;
  readonly #outputs: DhtNodeOutput[] = [];
  #next = 0;
  /** Where the answer to the datagram of the moment goes. */
  #out: Uint8Array | undefined;
  #outLength = 0;
  #now: number;
  #upkeepAt: number;
  #watching = false;
  #received = 0;
  #answered = 0;
  #malformed = 0;
  #flood = 0;
  #unbudgeted = 0;

  /**
   * Makes a node that knows nobody.
   *
   * @param options See {@linkcode DhtNodeMachineOptions}.
   * @throws {RangeError} If an option makes no sense.
   */
  constructor(options: DhtNodeMachineOptions) {
    const { random, startedAt, families = [4] } = options;
    checkOptions(options);
    this.#readOnly = options.readOnly ?? false;
    this.#hosts = new Hosts(options.scopes ?? ["global"]);
    this.#now = startedAt;
    this.#upkeepAt = startedAt + UPKEEP_MS;
    this.#pings = new PingAnswerer(options.version);
    this.#guard = new RateGuard(options.limits);
    this.#requests = new Requests({
      options,
      families: this.#families,
      emit: (output) => this.#outputs.push(output),
      lookUp: (hostname) => this.#hosts.lookUp(hostname),
      ownPeers: ({ target, family, noSeed = false }, now) =>
        this.#responder.ownPeers(target, family, noSeed, now),
      ownItem: ({ target }, now) => this.#responder.ownItem(target, now),
    });
    const requests = this.#requests;
    const host: FamilyHost = {
      ping: ({ id, address }, now) =>
        requests.ask(UPKEEP, { id, address }, { method: "ping" }, now),
      findNode: (family, target, seeds, whenDone, now) =>
        requests.findNode(family, target, seeds, whenDone, now),
      emit: (event) => this.#event(event),
      needRouters: () => this.#outputs.push({ type: "need-routers" }),
    };
    for (const family of new Set(families)) {
      this.#families.set(
        family,
        new Family({
          family,
          host,
          random,
          now: startedAt,
          id: options.id,
          savedId: options.savedIds?.[family],
          restrictAddresses: options.restrictAddresses ?? true,
          secureIds: options.secureIds ?? "prefer",
          firstBucketSizes: options.firstBucketSizes,
        }),
      );
    }
    const tables = [...this.#families.values()].map(({ table }) => table);
    this.#responder = new DhtResponder(tables, options);
  }

  /** When something is due, in ms. */
  get deadline(): number {
    const first = this.#requests.deadline;
    return first !== undefined && first < this.#upkeepAt
      ? first
      : this.#upkeepAt;
  }

  /** IP versions it takes part with. */
  get families(): IpFamily[] {
    return [...this.#families.keys()];
  }

  /**
   * Tells our address as others see it.
   *
   * @param family Which IP version.
   * @returns The address, or `undefined` until enough others agree.
   */
  externalHostname(family: IpFamily): string | undefined {
    return this.#families.get(family)?.externalHostname;
  }

  /**
   * Tells our id.
   *
   * @param family Among nodes of which IP version.
   * @returns 20 bytes, or `undefined` if it does not take part.
   */
  id(family: IpFamily): Uint8Array | undefined {
    return this.#families.get(family)?.id.slice();
  }

  /**
   * Lists the nodes that are worth saving.
   *
   * @param family Of which IP version.
   * @returns All of the routing table, the most reliable first.
   */
  bestNodes(family: IpFamily): NodeContact[] {
    return [...this.#families.get(family)?.table.nodes() ?? []].sort((a, b) =>
      a.failures - b.failures || b.lastResponseAt - a.lastResponseAt
    );
  }

  /**
   * Tells what goes on.
   *
   * @returns A snapshot.
   */
  stats(): DhtNodeStats {
    let goodNodes = 0;
    let nodes = 0;
    for (const { table } of this.#families.values()) {
      goodNodes += table.countGood(this.#now);
      nodes += table.size;
    }
    const requests = this.#requests;
    return {
      goodNodes,
      nodes,
      ...this.#responder.stats,
      outstanding: requests.outstanding,
      searches: requests.searchCount,
      received: this.#received,
      sent: requests.sent + this.#answered,
      answered: this.#answered,
      responses: requests.responses,
      malformed: this.#malformed,
      unasked: requests.unasked,
      flood: this.#flood,
      unbudgeted: this.#unbudgeted,
      timeouts: requests.timeouts,
    };
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in ms.
   * @throws {RangeError} If a search is for something that has not 20 bytes.
   */
  handle(input: DhtNodeInput, now: number): void {
    this.#now = now;
    const requests = this.#requests;
    switch (input.type) {
      case "datagram":
        return this.#datagram(input.data, input.from, now);
      case "contacts":
        if (input.widens) {
          this.#hosts.widen(input.contacts.map(({ hostname }) => hostname));
        }
        if (input.kind === "bootstrap") {
          this.#upkeepAt = Math.min(this.#upkeepAt, now + FIRST_UPKEEP_MS);
        }
        return this.#contacts(input.contacts, input.kind, now);
      case "saved":
        for (const node of input.nodes) {
          this.#families.get(familyOf(node.address))?.addSaved(node, now);
        }
        for (const family of this.#families.values()) family.upkeep(now);
        return;
      case "ping":
        return requests.ping(input.requestId, input.address, now);
      case "search": {
        const { requestId, search, contacts = [] } = input;
        return requests.search(requestId, search, contacts, now);
      }
      case "store":
        return requests.store(input.requestId, input.store, input.nodes, now);
      case "cancel":
        return requests.cancel(input.requestId);
      case "unsent":
        return requests.unsent(input.transactionId, input.to, now);
      case "verified":
        return requests.checked(input.verificationId, input.valid, now);
      case "watch":
        this.#watching = input.queries;
    }
  }

  /**
   * Takes a datagram, as {@linkcode DhtNodeMachine.handle} does, but writes the
   * answer to its sender into a buffer. All else that it leads to comes out as
   * always.
   *
   * @param data The payload; not kept.
   * @param from Who sent it.
   * @param now The time in ms.
   * @param out Where the answer goes. One that is longer comes out as output.
   * @returns Bytes to send back, 0 for none.
   */
  respond(
    data: Uint8Array,
    from: Endpoint,
    now: number,
    out: Uint8Array,
  ): number {
    this.#now = now;
    this.#out = out;
    this.#outLength = 0;
    try {
      this.#datagram(data, from, now);
    } finally {
      this.#out = undefined;
    }
    return this.#outLength;
  }

  /**
   * Takes the next output.
   *
   * @returns What to do next, or `undefined` when nothing is left.
   */
  poll(): DhtNodeOutput | undefined {
    const outputs = this.#outputs;
    if (this.#next < outputs.length) return outputs[this.#next++];
    if (this.#next > 0) {
      outputs.length = 0;
      this.#next = 0;
    }
    return undefined;
  }

  /**
   * Lets every timer that is due fire.
   *
   * @param now The time in ms.
   */
  handleTimeout(now: number): void {
    this.#now = now;
    this.#requests.handleTimeout(now);
    if (now < this.#upkeepAt) return;
    this.#upkeepAt = now + UPKEEP_MS;
    this.#responder.expire(now);
    for (const family of this.#families.values()) family.upkeep(now);
  }

  #contacts(
    contacts: readonly Endpoint[],
    kind: DhtContactKind,
    now: number,
  ): void {
    for (const [family, one] of this.#families) {
      const fitting = contacts.filter((contact) => {
        const host = this.#hosts.lookUp(contact.hostname);
        // Strangers must not make us ask inside of a network, or services.
        return host?.family === family && contact.port > 0 &&
          (kind !== "node" ||
            host.accepted && !isServicePort(contact.port));
      });
      if (fitting.length > 0) one.addContacts(fitting, kind, now);
    }
  }

  #datagram(data: Uint8Array, from: Endpoint, now: number): void {
    this.#received++;
    // Where a port is shared, what is no dictionary is another protocol's.
    if (data[0] !== 0x64) {
      this.#malformed++;
      return;
    }
    const host = this.#hosts.lookUp(from.hostname);
    if (host === undefined || from.port === 0) return;
    const family = this.#families.get(host.family);
    if (family === undefined) return;
    if (
      !this.#guard.admit(host.hostname, now) &&
      !this.#isExpected(data, from, now)
    ) {
      this.#flood++;
      return;
    }
    if (!this.#readOnly && !this.#watching) {
      const idAt = findPingId(data);
      if (idAt >= 0) return this.#ping(data, idAt, family, host, from, now);
    }
    const message = tryDecodeKrpc(data);
    switch (message.type) {
      case "query":
        return this.#query(message, family, host, from, now);
      case "response":
      case "error":
        if (this.#requests.answered(message, family, host, from, now)) {
          this.#guard.excuse(from.hostname);
        }
        return;
      case "error-reply": {
        this.#malformed++;
        if (this.#readOnly) return;
        return this.#reply({ ...message, type: "error" }, from, now);
      }
      case "drop": {
        this.#malformed++;
        const { transactionId } = message;
        if (transactionId !== undefined) {
          this.#requests.garbled(transactionId, from, now);
        }
      }
    }
  }

  /**
   * Whether a packet that is too many is an answer of whom we asked: forged
   * packets must not take away those we rely on.
   */
  #isExpected(data: Uint8Array, from: Endpoint, now: number): boolean {
    if (this.#requests.outstanding === 0) return false;
    const message = tryDecodeKrpc(data);
    return (message.type === "response" || message.type === "error") &&
      this.#requests.expects(message.transactionId, from, now);
  }

  /** The same as `#query`, for a ping of the usual form. */
  #ping(
    data: Uint8Array,
    idAt: number,
    one: Family,
    host: Host,
    from: Endpoint,
    now: number,
  ): void {
    const { id } = one;
    if (hasAt(data, idAt, id)) return;
    const out = this.#out ?? takeBytes(MAX_PING_ANSWER);
    const length = this.#pings.write(out, data, id, host.ip, from.port);
    const isKnown = () =>
      one.table.isAt(data.subarray(idAt, idAt + 20), from, now);
    if (this.#mayReply(from, length, now, isKnown)) {
      this.#emit(out, length, from);
    }
    if (host.accepted && !one.hasJustAsked(from, now)) {
      one.queried(data.subarray(idAt, idAt + 20), from, now);
    }
  }

  #query(
    query: KrpcQuery,
    one: Family,
    host: Host,
    from: Endpoint,
    now: number,
  ): void {
    // Nobody else has our id.
    if (equalBytes(query.id, one.id)) return;
    if (!this.#readOnly) {
      const { family } = one;
      const reply = this.#responder.answer(query, family, host.ip, from, now);
      // A token that is right was received at that address.
      const isKnown = () =>
        query.method === "announce_peer" && reply.type === "response" ||
        one.table.isAt(query.id, from, now);
      if (reply.type === "check") this.#checkPut(reply, from, now);
      else this.#reply(reply, from, now, isKnown);
    }
    if (query.readOnly !== true && host.accepted) {
      one.queried(query.id, from, now);
    }
    if (this.#watching) this.#event(this.#responder.describe(query, from));
  }

  #checkPut(check: PutCheck, from: Endpoint, now: number): void {
    if (this.#requests.checkCount >= MAX_CHECKS) {
      return this.#reply(check.busy(), from, now);
    }
    // What came may be overwritten before the check is over.
    const to = { hostname: from.hostname, port: from.port };
    this.#requests.check(
      check.publicKey,
      check.signature,
      check.message,
      (valid, then) =>
        this.#reply(check.finish(valid, then), to, then, () => valid),
    );
  }

  #reply(
    message: KrpcResponse | KrpcErrorMessage,
    to: Endpoint,
    now: number,
    isKnown?: () => boolean,
  ): void {
    const data = encodeKrpc(message);
    const { length } = data;
    if (this.#mayReply(to, length, now, isKnown)) this.#emit(data, length, to);
  }

  #mayReply(
    { hostname }: Endpoint,
    length: number,
    now: number,
    isKnown?: () => boolean,
  ): boolean {
    if (this.#guard.takeReply(hostname, length, now, isKnown)) return true;
    this.#unbudgeted++;
    return false;
  }

  #emit(data: Uint8Array, length: number, to: Endpoint): void {
    this.#answered++;
    const out = this.#out;
    if (out === undefined || length > out.length) {
      const exact = length === data.length ? data : data.subarray(0, length);
      this.#outputs.push({ type: "send", data: exact, to });
      return;
    }
    if (out !== data) out.set(data);
    this.#outLength = length;
  }

  #event(event: DhtNodeEvent): void {
    if (event.type === "external-address") {
      this.#responder.setOwnId(event.family, event.id);
    }
    this.#outputs.push({ type: "event", event });
  }
}
