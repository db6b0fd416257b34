/**
 * The client side of UDP trackers: connection ids, transactions, and the
 * schedule of retransmissions. Pure: packets and time come in, packets and
 * results go out.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  normalizeHostname,
  tryParseIp,
} from "../_shared/address.ts";
import { TrackerError } from "../_shared/announce.ts";
import { readUint32 } from "../_shared/bytes.ts";
import type { Machine } from "../_shared/machine.ts";
import type { RandomSource } from "../_shared/random.ts";
import type {
  UdpTrackerClientInput,
  UdpTrackerClientOutput,
} from "./client_messages.ts";
import { type Deadline, DeadlineHeap } from "../_shared/deadline_heap.ts";
import {
  encodeUdpTrackerRequest,
  tryDecodeUdpTrackerResponse,
} from "./packet.ts";

/** How long a connection id may be used, in milliseconds (BEP 15). */
export const CONNECTION_ID_LIFE_MS = 60_000;
/** First wait for an answer, in milliseconds; doubles each time (BEP 15). */
export const FIRST_TIMEOUT_MS = 15_000;
/** Most retransmissions: 15 * 2^8 is 3840 seconds (BEP 15). */
export const MAX_RETRANSMITS = 8;
/** Most packets to one tracker that await an answer: more overrun buffers. */
const WINDOW = 64;
/** How long a tracker can hardly have forgotten a connection, in ms. */
const BRAND_NEW_MS = 1000;
/** Trackers remembered before those of no more use are forgotten. */
const MAX_IDLE_TRACKERS = 1024;

/** Options of {@linkcode UdpTrackerClientMachine}. */
export interface UdpTrackerClientMachineOptions {
  /** Makes transaction ids that cannot be guessed. */
  readonly random: RandomSource;
  /**
   * Most retransmissions before a request fails.
   *
   * @default {8}
   */
  readonly maxRetransmits?: number | undefined;
}

type Call = Extract<UdpTrackerClientInput, { type: "announce" | "scrape" }>;

/** A request under way: in exactly one of `waiting` and the transactions. */
interface Request {
  readonly call: Call;
  readonly tracker: Tracker;
  /** Of the last transmission; undefined while it waits. */
  transactionId: number | undefined;
  /** Retransmissions so far: the n of 15 * 2^n. */
  attempt: number;
  /** The connection id it was sent with, if that was not brand-new. */
  oldId: bigint | undefined;
  /** Whether an error has already been blamed on the connection id. */
  forgiven: boolean;
  deadline: Deadline<Due> | undefined;
}

interface Tracker {
  readonly key: string;
  readonly to: Endpoint;
  readonly waiting: Set<Request>;
  /** Requests that carry a transaction id. */
  sent: number;
  connectionId: bigint | undefined;
  expiresAt: number;
  /** Of the connect request under way, if there is one. */
  connectTransaction: number | undefined;
  attempt: number;
  deadline: Deadline<Due> | undefined;
}

type Due = { readonly tracker: Tracker } | { readonly request: Request };

/** Requests to any number of UDP trackers (BEP 15). */
export class UdpTrackerClientMachine
  implements Machine<UdpTrackerClientInput, UdpTrackerClientOutput> {
  readonly #random: RandomSource;
  readonly #maxRetransmits: number;
  readonly #trackers = new Map<string, Tracker>();
  readonly #requests = new Map<number, Request>();
  /** What each transaction id in flight stands for. */
  readonly #transactions = new Map<number, Due>();
  readonly #deadlines = new DeadlineHeap<Due>();
  readonly #word = new Uint8Array(4);
  #outputs: UdpTrackerClientOutput[] = [];
  #next = 0;
  #ignored = 0;

  /**
   * Makes a machine without requests.
   *
   * @param options See {@linkcode UdpTrackerClientMachineOptions}.
   */
  constructor(options: UdpTrackerClientMachineOptions) {
    this.#random = options.random;
    this.#maxRetransmits = options.maxRetransmits ?? MAX_RETRANSMITS;
  }

  /** Requests under way. */
  get pending(): number {
    return this.#requests.size;
  }

  /** Datagrams that answered nothing that was asked. */
  get ignored(): number {
    return this.#ignored;
  }

  /** When {@linkcode handleTimeout} wants to be called, in milliseconds. */
  get deadline(): number | undefined {
    return this.#deadlines.earliest;
  }

  /**
   * Takes one input.
   *
   * @param input What happened.
   * @param now The time in milliseconds.
   * @throws {RangeError} If a request cannot be encoded, or its id is in use.
   */
  handle(input: UdpTrackerClientInput, now: number): void {
    switch (input.type) {
      case "announce":
      case "scrape":
        return this.#start(input, now);
      case "cancel": {
        const request = this.#requests.get(input.id);
        if (request !== undefined) this.#remove(request, now);
        return;
      }
      case "datagram":
        if (!this.#receive(input.data, input.from, now)) this.#ignored++;
        return;
      case "unreachable": {
        const tracker = this.#trackers.get(keyOf(input.to));
        if (tracker === undefined) return;
        this.#failAll(
          tracker,
          "unreachable",
          `Cannot send to tracker ${formatEndpoint(input.to)}: ${input.reason}`,
          now,
        );
      }
    }
  }

  /**
   * Takes the next output.
   *
   * @returns What to do next, or `undefined` when nothing is left.
   */
  poll(): UdpTrackerClientOutput | undefined {
    const output = this.#outputs[this.#next];
    if (output === undefined) {
      this.#outputs = [];
      this.#next = 0;
    } else this.#next++;
    return output;
  }

  /**
   * Lets every timer that is due fire.
   *
   * @param now The time in milliseconds.
   */
  handleTimeout(now: number): void {
    while (true) {
      const due = this.#deadlines.takeDue(now);
      if (due === undefined) return;
      if ("tracker" in due) this.#connectTimedOut(due.tracker, now);
      else this.#requestTimedOut(due.request, now);
    }
  }

  #start(call: Call, now: number): void {
    if (this.#requests.has(call.id)) {
      throw new RangeError(`Cannot use request id ${call.id}: it is in use`);
    }
    // A request that cannot be encoded must not get in.
    this.#encode(call, 0n, 0);
    const tracker = this.#trackerAt(call.to, now);
    const request: Request = {
      call,
      tracker,
      transactionId: undefined,
      attempt: 0,
      oldId: undefined,
      forgiven: false,
      deadline: undefined,
    };
    this.#requests.set(call.id, request);
    this.#advance(request, now);
  }

  #encode(
    call: Call,
    connectionId: bigint,
    transactionId: number,
  ): Uint8Array<ArrayBuffer> {
    if (call.type === "scrape") {
      return encodeUdpTrackerRequest({
        type: "scrape",
        connectionId,
        transactionId,
        infoHashes: call.infoHashes,
      });
    }
    return encodeUdpTrackerRequest({
      ...call.request,
      type: "announce",
      connectionId,
      transactionId,
      urlData: call.urlData,
    });
  }

  /** Sends a request, or lets it wait for a connection id. */
  #advance(request: Request, now: number): void {
    const { tracker } = request;
    if (tracker.connectionId !== undefined && now >= tracker.expiresAt) {
      tracker.connectionId = undefined;
    }
    tracker.waiting.add(request);
    if (tracker.connectionId !== undefined) return this.#pump(tracker, now);
    if (tracker.connectTransaction !== undefined) return;
    tracker.attempt = request.attempt;
    this.#connect(tracker, now);
  }

  #connect(tracker: Tracker, now: number): void {
    const due: Due = { tracker };
    const transactionId = this.#newTransaction(due);
    tracker.connectTransaction = transactionId;
    tracker.deadline = this.#deadlines.add(
      now + FIRST_TIMEOUT_MS * 2 ** tracker.attempt,
      due,
    );
    this.#outputs.push({
      type: "send",
      data: encodeUdpTrackerRequest({ type: "connect", transactionId }),
      to: tracker.to,
    });
  }

  #send(request: Request, connectionId: bigint, now: number): void {
    const { tracker, call } = request;
    const due: Due = { request };
    const transactionId = this.#newTransaction(due);
    request.transactionId = transactionId;
    request.oldId =
      now - (tracker.expiresAt - CONNECTION_ID_LIFE_MS) < BRAND_NEW_MS
        ? undefined
        : connectionId;
    tracker.sent++;
    request.deadline = this.#deadlines.add(
      now + FIRST_TIMEOUT_MS * 2 ** request.attempt,
      due,
    );
    this.#outputs.push({
      type: "send",
      data: this.#encode(call, connectionId, transactionId),
      to: tracker.to,
    });
  }

  #receive(data: Uint8Array, from: Endpoint, now: number): boolean {
    if (data.length < 8) return false;
    const transactionId = readUint32(data, 4);
    const due = this.#transactions.get(transactionId);
    if (due === undefined) return false;
    const tracker = "tracker" in due ? due.tracker : due.request.tracker;
    const { to } = tracker;
    if (
      from.port !== to.port ||
      (from.hostname !== to.hostname &&
        normalizeHostname(from.hostname) !== to.hostname &&
        // Of a name that the socket resolves, the address is not known.
        tryParseIp(to.hostname) !== undefined)
    ) return false;
    const response = tryDecodeUdpTrackerResponse(
      data,
      to.hostname.includes(":") ? 6 : 4,
    );
    if (response === undefined) return false;
    if (response.type === "error") {
      this.#refused(due, response.message, now);
      return true;
    }
    if ("tracker" in due) {
      if (response.type !== "connect") return false;
      this.#connected(tracker, response.connectionId, now);
      return true;
    }
    const { request } = due;
    if (response.type === "connect" || response.type !== request.call.type) {
      return false;
    }
    this.#remove(request, now);
    this.#outputs.push({ type: "response", id: request.call.id, response });
    return true;
  }

  #connected(tracker: Tracker, connectionId: bigint, now: number): void {
    this.#endConnect(tracker);
    tracker.connectionId = connectionId;
    tracker.expiresAt = now + CONNECTION_ID_LIFE_MS;
    this.#pump(tracker, now);
  }

  /** Sends what waits, as far as the window goes. */
  #pump(tracker: Tracker, now: number): void {
    for (const request of tracker.waiting) {
      if (tracker.sent >= WINDOW || tracker.connectionId === undefined) return;
      tracker.waiting.delete(request);
      if (now < tracker.expiresAt) {
        this.#send(request, tracker.connectionId, now);
      } else this.#advance(request, now);
    }
  }

  #refused(due: Due, message: string, now: number): void {
    const text = message === "" ? "The tracker gave no reason" : message;
    if ("tracker" in due) {
      return this.#failAll(due.tracker, "refused", text, now);
    }
    const { request } = due;
    const { tracker } = request;
    if (!request.forgiven) {
      // Perhaps the tracker has forgotten the connection: ask with a new one.
      request.forgiven = true;
      if (request.oldId !== undefined || /connection/i.test(message)) {
        // Another request may have renewed it already.
        if (
          request.oldId === undefined || tracker.connectionId === request.oldId
        ) tracker.connectionId = undefined;
        this.#unsend(request);
        return this.#advance(request, now);
      }
    }
    this.#fail(request, new TrackerError("refused", text), now);
  }

  #connectTimedOut(tracker: Tracker, now: number): void {
    this.#endConnect(tracker);
    if (tracker.waiting.size === 0) return this.#forget(tracker, now);
    if (tracker.attempt >= this.#maxRetransmits) {
      return this.#failAll(tracker, "timeout", timeoutText(tracker), now);
    }
    tracker.attempt++;
    for (const request of tracker.waiting) request.attempt = tracker.attempt;
    this.#connect(tracker, now);
  }

  #requestTimedOut(request: Request, now: number): void {
    if (request.attempt >= this.#maxRetransmits) {
      return this.#fail(
        request,
        new TrackerError("timeout", timeoutText(request.tracker)),
        now,
      );
    }
    request.attempt++;
    this.#unsend(request);
    this.#advance(request, now);
  }

  #endConnect(tracker: Tracker): void {
    if (tracker.connectTransaction === undefined) return;
    this.#transactions.delete(tracker.connectTransaction);
    this.#deadlines.cancel(tracker.deadline);
    tracker.connectTransaction = undefined;
    tracker.deadline = undefined;
  }

  #unsend(request: Request): void {
    if (request.transactionId === undefined) return;
    this.#transactions.delete(request.transactionId);
    this.#deadlines.cancel(request.deadline);
    request.transactionId = undefined;
    request.deadline = undefined;
    request.tracker.sent--;
  }

  #remove(request: Request, now: number): void {
    const { tracker, call } = request;
    this.#unsend(request);
    tracker.waiting.delete(request);
    this.#requests.delete(call.id);
    if (tracker.waiting.size === 0) {
      // A connect for nobody; its answer would still be good for a minute.
      if (tracker.sent === 0 && tracker.connectionId === undefined) {
        this.#endConnect(tracker);
        this.#forget(tracker, now);
      }
    } else this.#pump(tracker, now);
  }

  #fail(request: Request, error: TrackerError, now: number): void {
    this.#remove(request, now);
    this.#outputs.push({ type: "failed", id: request.call.id, error });
  }

  #failAll(
    tracker: Tracker,
    code: "refused" | "timeout" | "unreachable",
    message: string,
    now: number,
  ): void {
    this.#endConnect(tracker);
    for (const request of this.#requestsOf(tracker, code)) {
      this.#fail(request, new TrackerError(code, message), now);
    }
  }

  /** Requests that fail with their tracker: all, or those that wait. */
  #requestsOf(tracker: Tracker, code: string): Request[] {
    if (code !== "unreachable" || tracker.sent === 0) {
      return [...tracker.waiting];
    }
    return [...this.#requests.values()].filter((request) =>
      request.tracker === tracker
    );
  }

  #forget(tracker: Tracker, now: number): void {
    if (
      tracker.waiting.size === 0 && tracker.sent === 0 &&
      (tracker.connectionId === undefined || now >= tracker.expiresAt)
    ) this.#trackers.delete(tracker.key);
  }

  #trackerAt(to: Endpoint, now: number): Tracker {
    const key = keyOf(to);
    let tracker = this.#trackers.get(key);
    if (tracker === undefined) {
      if (this.#trackers.size >= MAX_IDLE_TRACKERS) this.#sweep(now);
      tracker = {
        key,
        to: { hostname: normalizeHostname(to.hostname), port: to.port },
        waiting: new Set(),
        sent: 0,
        connectionId: undefined,
        expiresAt: 0,
        connectTransaction: undefined,
        attempt: 0,
        deadline: undefined,
      };
      this.#trackers.set(key, tracker);
    }
    return tracker;
  }

  #sweptAt = -Infinity;

  #sweep(now: number): void {
    if (now - this.#sweptAt < CONNECTION_ID_LIFE_MS / 4) return;
    this.#sweptAt = now;
    for (const tracker of this.#trackers.values()) this.#forget(tracker, now);
  }

  #newTransaction(due: Due): number {
    let id: number;
    do {
      id = readUint32(this.#random.getRandomValues(this.#word), 0);
    } while (this.#transactions.has(id));
    this.#transactions.set(id, due);
    return id;
  }
}

function keyOf(to: Endpoint): string {
  return `${normalizeHostname(to.hostname)} ${to.port}`;
}

function timeoutText(tracker: Tracker): string {
  return `Tracker ${formatEndpoint(tracker.to)} does not answer`;
}
