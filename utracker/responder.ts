/**
 * The server side of UDP trackers: one datagram in, at most one out. Pure, and
 * without garbage where the store answers at once.
 *
 * @module
 */
import {
  type Endpoint,
  formatIp,
  isMappedIpv4,
  tryParseIp,
  tryParseIpv4,
} from "../_shared/address.ts";
import type { ScrapeEntry } from "../_shared/announce.ts";
import {
  encodeText,
  readUint16,
  readUint32,
  writeUint32,
} from "../_shared/bytes.ts";
import { randomBytes, type RandomSource } from "../_shared/random.ts";
import type { SwarmService } from "../tracker/swarm_service.ts";
import {
  newSwarmAnnounce,
  type SwarmAnnounce,
  type SwarmAnswer,
} from "../tracker/swarm_store.ts";
import { ConnectionIds } from "./connection_ids.ts";
import {
  ACTION_ANNOUNCE,
  ACTION_CONNECT,
  ACTION_ERROR,
  ACTION_SCRAPE,
  ANNOUNCE_LENGTH,
  CONNECT_LENGTH,
  encodeUdpTrackerResponse,
  MAX_UDP_SCRAPE,
  PROTOCOL_ID_HIGH,
  PROTOCOL_ID_LOW,
  tryDecodeUdpTrackerRequest,
  UDP_EVENTS,
} from "./packet.ts";
import type {
  UdpAnnounceRequest,
  UdpAnnounceResponse,
  UdpScrapeRequest,
} from "./packet_types.ts";

/** Largest datagram that is sent: fits every IPv6 link unfragmented. */
export const MAX_RESPONSE_LENGTH = 1232;
/** What a client may learn when its torrent is not served. */
const NOT_SERVED = "Torrent not served";

/** What a {@linkcode UdpTrackerHandler} answers to an announce. */
export type UdpAnnounceAnswer = Omit<
  UdpAnnounceResponse,
  "type" | "transactionId"
>;

/**
 * Answers instead of the swarm service. A text is sent as error, `undefined`
 * lets the request go unanswered. Requests arrive only from clients whose
 * address has been proven by a connection id; their bytes are copies.
 */
export interface UdpTrackerHandler {
  /**
   * Answers an announce.
   *
   * @param request The request.
   * @param from Who asks.
   * @returns The answer, an error text, or nothing.
   */
  announce(
    request: UdpAnnounceRequest,
    from: Endpoint,
  ):
    | UdpAnnounceAnswer
    | string
    | undefined
    | Promise<UdpAnnounceAnswer | string | undefined>;
  /**
   * Answers a scrape.
   *
   * @param request The request.
   * @param from Who asks.
   * @returns One entry a hash, an error text, or nothing.
   */
  scrape(
    request: UdpScrapeRequest,
    from: Endpoint,
  ):
    | readonly ScrapeEntry[]
    | string
    | undefined
    | Promise<readonly ScrapeEntry[] | string | undefined>;
}

/** Options of {@linkcode UdpTrackerResponder}. */
export interface UdpTrackerResponderOptions {
  /** Answers by the ready swarm service... */
  readonly service?: SwarmService | undefined;
  /** ...or as this handler says. */
  readonly handler?: UdpTrackerHandler | undefined;
  /** Makes the key of the connection ids. */
  readonly random: RandomSource;
  /**
   * Key of the connection ids, 16 bytes: for processes that share a port.
   *
   * @default {a random one}
   */
  readonly key?: Uint8Array | undefined;
}

/** Counters of a {@linkcode UdpTrackerResponder}. */
export interface UdpTrackerCounters {
  /** Connection ids issued. */
  connects: number;
  /** Announces answered or handed on. */
  announces: number;
  /** Scrapes answered or handed on. */
  scrapes: number;
  /** Errors sent. */
  errors: number;
  /** Datagrams that are no request. */
  invalid: number;
  /** Requests whose connection id is forged, expired or another address's. */
  badConnectionIds: number;
  /** Requests that a handler or store failed to answer. */
  failures: number;
}

/** Answers datagrams; `undefined` or 0 bytes mean silence. */
export class UdpTrackerResponder {
  /** What happened so far. */
  readonly counters: UdpTrackerCounters = {
    connects: 0,
    announces: 0,
    scrapes: 0,
    errors: 0,
    invalid: 0,
    badConnectionIds: 0,
    failures: 0,
  };
  readonly #service: SwarmService | undefined;
  readonly #handler: UdpTrackerHandler | undefined;
  readonly #ids: ConnectionIds;
  readonly #request: SwarmAnnounce = newSwarmAnnounce();

  /**
   * Makes a responder.
   *
   * @param options See {@linkcode UdpTrackerResponderOptions}.
   * @throws {TypeError} If there is not exactly one of service and handler.
   */
  constructor(options: UdpTrackerResponderOptions) {
    if ((options.service === undefined) === (options.handler === undefined)) {
      throw new TypeError("Cannot answer: give either a service or a handler");
    }
    this.#service = options.service;
    this.#handler = options.handler;
    this.#ids = new ConnectionIds(
      options.key ?? randomBytes(options.random, 16),
    );
  }

  /**
   * Answers a datagram.
   *
   * @param data The payload; not kept.
   * @param from Who sent it: an IP address and a port.
   * @param now The time in milliseconds, for expiry in the store.
   * @param seconds The time that connection ids count by.
   * @param out Where answers that need no waiting are written: 1232 bytes.
   * @returns Bytes of `out` to send back, 0 for silence; or, where
   * the answer takes time, a promise of it that never rejects.
   */
  respond(
    data: Uint8Array,
    from: Endpoint,
    now: number,
    seconds: number,
    out: Uint8Array,
  ): number | Promise<Uint8Array | undefined> {
    const { counters } = this;
    if (data.length < CONNECT_LENGTH || !this.#address(from.hostname)) {
      counters.invalid++;
      return 0;
    }
    const action = readUint32(data, 8);
    if (action === ACTION_CONNECT) {
      if (
        readUint32(data, 0) !== PROTOCOL_ID_HIGH ||
        readUint32(data, 4) !== PROTOCOL_ID_LOW
      ) {
        counters.invalid++;
        return 0;
      }
      counters.connects++;
      writeHead(out, ACTION_CONNECT, data);
      this.#ids.write(out, 8, this.#request, seconds);
      return CONNECT_LENGTH;
    }
    if (
      action === ACTION_ANNOUNCE
        ? data.length < ANNOUNCE_LENGTH
        : action !== ACTION_SCRAPE || data.length < 36
    ) {
      counters.invalid++;
      return 0;
    }
    if (!this.#ids.check(data, 0, this.#request, seconds)) {
      counters.badConnectionIds++;
      return 0;
    }
    if (this.#handler !== undefined) return this.#handle(data, from);
    return action === ACTION_ANNOUNCE
      ? this.#announce(data, now, out)
      : this.#scrape(data, now, out);
  }

  /** Reads an address into the request; false if it is none. */
  #address(hostname: string): boolean {
    const request = this.#request;
    // On a socket for both families, IPv4 addresses come mapped.
    const v4 = tryParseIpv4(
      hostname.startsWith("::ffff:") ? hostname.slice(7) : hostname,
    );
    if (v4 >= 0) {
      request.family = 4;
      request.ip0 = v4;
      request.ip1 = request.ip2 = request.ip3 = 0;
      return true;
    }
    const ip = tryParseIp(hostname);
    if (ip === undefined) return false;
    if (ip.length === 4 || isMappedIpv4(ip)) {
      return this.#address(formatIp(ip.subarray(-4)));
    }
    request.family = 6;
    request.ip0 = readUint32(ip, 0);
    request.ip1 = readUint32(ip, 4);
    request.ip2 = readUint32(ip, 8);
    request.ip3 = readUint32(ip, 12);
    return true;
  }

  #announce(
    data: Uint8Array,
    now: number,
    out: Uint8Array,
  ): number | Promise<Uint8Array | undefined> {
    const request = this.#request;
    const { counters } = this;
    counters.announces++;
    request.infoHash = data;
    request.infoHashOffset = 16;
    request.seed = readUint32(data, 64) === 0 && readUint32(data, 68) === 0;
    request.event = UDP_EVENTS[readUint32(data, 80)];
    const numWant = readUint32(data, 92) | 0;
    // Only as many as fit a datagram.
    request.numWant = request.family === 6 ? Math.min(numWant, 67) : numWant;
    request.port = readUint16(data, 96);
    request.bothFamilies = false;
    const { family } = request;
    const answer = this.#service!.announce(request, now, data, 36);
    if (answer === undefined) return this.#error(data, NOT_SERVED, out);
    if (answer instanceof Promise) {
      const transaction = data.slice(8, 16);
      return this.#guard(answer.then((answer) => {
        const own = new Uint8Array(MAX_RESPONSE_LENGTH);
        own[3] = ACTION_ANNOUNCE;
        own.set(transaction.subarray(4), 4);
        return own.subarray(0, this.#writeAnswer(own, answer, family));
      }));
    }
    writeHead(out, ACTION_ANNOUNCE, data);
    return this.#writeAnswer(out, answer, family);
  }

  #writeAnswer(out: Uint8Array, answer: SwarmAnswer, family: 4 | 6): number {
    writeUint32(out, 8, this.#service!.interval);
    writeUint32(out, 12, answer.leechers);
    writeUint32(out, 16, answer.seeders);
    const peers = family === 4 ? answer.peers4 : answer.peers6;
    const size = family === 4 ? 6 : 18;
    const length = Math.min(
      family === 4 ? answer.length4 : answer.length6,
      Math.trunc((MAX_RESPONSE_LENGTH - 20) / size) * size,
    );
    if (length > 0) out.set(peers.subarray(0, length), 20);
    return 20 + length;
  }

  #scrape(
    data: Uint8Array,
    now: number,
    out: Uint8Array,
  ): number | Promise<Uint8Array | undefined> {
    this.counters.scrapes++;
    const service = this.#service!;
    const count = Math.min(MAX_UDP_SCRAPE, Math.trunc((data.length - 16) / 20));
    let waiting: Promise<void>[] | undefined;
    let later: Uint8Array<ArrayBuffer> | undefined;
    for (let i = 0; i < count; i++) {
      const entry = service.scrape(data, 16 + 20 * i, now);
      if (entry instanceof Promise) {
        later ??= new Uint8Array(8 + 12 * count);
        const target = later;
        waiting ??= [];
        waiting.push(entry.then((entry) => writeEntry(target, i, entry)));
      } else writeEntry(later ?? out, i, entry);
    }
    writeHead(out, ACTION_SCRAPE, data);
    if (waiting === undefined) return 8 + 12 * count;
    const target = later!;
    target.set(out.subarray(0, 8));
    return this.#guard(Promise.all(waiting).then(() => target));
  }

  /** Writes an error that is no longer than the request. */
  #error(data: Uint8Array, message: string, out: Uint8Array): number {
    this.counters.errors++;
    writeHead(out, ACTION_ERROR, data);
    const text = encodeText(message).subarray(0, data.length - 8);
    out.set(text, 8);
    return 8 + text.length;
  }

  #handle(
    data: Uint8Array,
    from: Endpoint,
  ): number | Promise<Uint8Array | undefined> {
    const handler = this.#handler!;
    const request = tryDecodeUdpTrackerRequest(data.slice());
    if (request === undefined || request.type === "connect") return 0;
    const { counters } = this;
    const { family } = this.#request;
    const { transactionId } = request;
    const requestLength = data.length;
    if (request.type === "announce") counters.announces++;
    else counters.scrapes++;
    const encode = (
      answer: UdpAnnounceAnswer | readonly ScrapeEntry[] | string | undefined,
    ): Uint8Array | undefined => {
      if (answer === undefined) return undefined;
      if (typeof answer === "string") {
        counters.errors++;
        return encodeUdpTrackerResponse({
          type: "error",
          transactionId,
          message: answer,
        }).subarray(0, requestLength);
      }
      if ("peers" in answer) {
        const size = family === 4 ? 6 : 18;
        const most = Math.trunc((MAX_RESPONSE_LENGTH - 20) / size);
        return encodeUdpTrackerResponse({
          ...answer,
          type: "announce",
          transactionId,
        }, family).subarray(0, 20 + size * most);
      }
      return encodeUdpTrackerResponse({
        type: "scrape",
        transactionId,
        entries: answer,
      });
    };
    return this.#guard((async () => {
      return encode(
        request.type === "announce"
          ? await handler.announce(request, from)
          : await handler.scrape(request, from),
      );
    })());
  }

  /** An answer that does not come is counted; it takes nobody down. */
  async #guard(
    answer: Promise<Uint8Array | undefined>,
  ): Promise<Uint8Array | undefined> {
    try {
      return await answer;
    } catch {
      this.counters.failures++;
      this.#service?.failed();
      return undefined;
    }
  }
}

/** Writes action and transaction id. */
function writeHead(out: Uint8Array, action: number, data: Uint8Array): void {
  writeUint32(out, 0, action);
  for (let i = 4; i < 8; i++) out[i] = data[i + 8]!;
}

function writeEntry(out: Uint8Array, index: number, entry: ScrapeEntry): void {
  const offset = 8 + 12 * index;
  writeUint32(out, offset, entry.seeders);
  writeUint32(out, offset + 4, entry.downloads);
  writeUint32(out, offset + 8, entry.leechers);
}
