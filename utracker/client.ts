/**
 * Asks UDP trackers.
 *
 * @module
 */
import { onAborted, orAborted } from "../_shared/abort.ts";
import {
  type Endpoint,
  formatEndpoint,
  type IpFamily,
  tryParseIp,
} from "../_shared/address.ts";
import {
  type AnnounceRequest,
  type AnnounceResponse,
  blockedTracker,
  callTracker,
  checkTrackerTimeouts,
  type ScrapeEntry,
  type TrackerCallOptions,
  TrackerError,
} from "../_shared/announce.ts";
import { toHex } from "../_shared/bytes.ts";
import { type Clock, systemClock, within } from "../_shared/clock.ts";
import {
  type DatagramSocket,
  openDatagramSocket,
  systemResolve,
} from "../_shared/datagram.ts";
import { Driver } from "../_shared/drive.ts";
import { randomInt, systemRandom } from "../_shared/random.ts";
import { isUsablePeer } from "../_shared/tracker_rules.ts";
import { answerOf, mergeAnswers } from "./answer.ts";
import { UdpTrackerClientMachine } from "./client_machine.ts";
import type {
  UdpTrackerClientInput,
  UdpTrackerClientOutput,
} from "./client_messages.ts";
import type {
  UdpTrackerClientOptions,
  UdpTrackerClientStats,
} from "./client_options.ts";
import { NameCache } from "./name_cache.ts";
import { MAX_UDP_SCRAPE } from "./packet.ts";
import type { UdpAnnounceResponse, UdpScrapeResponse } from "./packet_types.ts";
import { parseUdpTrackerUrl } from "./url_data.ts";

/** How long the other family may take once one has answered, in ms. */
const GRACE_MS = 500;

type Response = UdpAnnounceResponse | UdpScrapeResponse;
type Call = Extract<UdpTrackerClientInput, { type: "announce" | "scrape" }>;
/** A request without its id; what is left of the union after `Omit`. */
type Ask = Call extends infer C ? C extends Call ? Omit<C, "id"> : never
  : never;

interface Waiter {
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A client of UDP trackers: one socket a family, opened when needed, for any
 * number of requests at a time. A tracker that has addresses of both families
 * is asked over both. Source: BEP 15, BEP 41.
 *
 * @example
 * ```ts ignore
 * import { UdpTrackerClient } from "@bip/bip/utracker";
 *
 * await using client = new UdpTrackerClient();
 * const { peers } = await client.announce("udp://tracker.example:6969", {
 *   infoHash: new Uint8Array(20),
 *   peerId: crypto.getRandomValues(new Uint8Array(20)),
 *   port: 6881,
 *   uploaded: 0,
 *   downloaded: 0,
 *   left: 1,
 * });
 * ```
 */
export class UdpTrackerClient implements AsyncDisposable {
  readonly #options: UdpTrackerClientOptions;
  readonly #clock: Clock;
  readonly #key: number;
  readonly #machine: UdpTrackerClientMachine;
  readonly #driver: Driver<UdpTrackerClientInput, UdpTrackerClientOutput>;
  readonly #waiters = new Map<number, Waiter>();
  readonly #sockets = new Map<IpFamily, Promise<DatagramSocket>>();
  readonly #opened = new Map<IpFamily, DatagramSocket>();
  readonly #loops: Promise<void>[] = [];
  readonly #names: NameCache;
  readonly #closing = new AbortController();
  #nextId = 0;
  #closed: Promise<void> | undefined;

  /**
   * Makes a client; nothing is opened before the first request.
   *
   * @param options See {@linkcode UdpTrackerClientOptions}.
   * @throws {RangeError} If a number makes no sense.
   */
  constructor(options: UdpTrackerClientOptions = {}) {
    const { maxRetransmits, random = systemRandom } = options;
    checkTrackerTimeouts(options);
    if (
      maxRetransmits !== undefined &&
      !(Number.isInteger(maxRetransmits) && maxRetransmits >= 0 &&
        maxRetransmits <= 16)
    ) {
      throw new RangeError(
        `Cannot use maxRetransmits ${maxRetransmits}: expected 0 to 16`,
      );
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#key = options.key ?? randomInt(random, 0x100000000);
    this.#names = new NameCache(options.resolve ?? systemResolve);
    this.#machine = new UdpTrackerClientMachine({ random, maxRetransmits });
    this.#driver = new Driver(this.#machine, {
      clock: this.#clock,
      perform: (output) => this.#perform(output),
    });
  }

  /**
   * Announces. Needs `--allow-net` for the tracker, and for binding sockets
   * (`0.0.0.0`, `::`).
   *
   * @param url Such as `udp://tracker.example:6969/announce`.
   * @param request What to tell.
   * @param options See {@linkcode TrackerCallOptions}.
   * @returns The answer; of a tracker with addresses of both families, both
   * answers in one.
   * @throws {TrackerError} If there is none. The signal's reason if it fired.
   */
  announce(
    url: string,
    request: AnnounceRequest,
    options: TrackerCallOptions = {},
  ): Promise<AnnounceResponse> {
    const timeoutMs = request.event === "stopped"
      ? this.#options.stopTimeoutMs ?? 5_000
      : this.#options.timeoutMs ?? Infinity;
    return this.#bounded(timeoutMs, options, async (signal) => {
      const { address, urlData } = parseUdpTrackerUrl(url);
      const targets = await this.#targets(address, signal);
      const asks = targets.map(async (to) => {
        const response = await this.#ask({
          type: "announce",
          to,
          request: { ...request, key: request.key ?? this.#key },
          urlData,
        }, signal) as UdpAnnounceResponse;
        return answerOf(response, to);
      });
      return mergeAnswers(await this.#firstAndFriends(asks));
    });
  }

  /**
   * Asks for the figures of torrents, 74 a packet. Needs what announces need.
   *
   * @param url Such as `udp://tracker.example:6969/announce`.
   * @param infoHashes 20-byte info-hashes.
   * @param options See {@linkcode TrackerCallOptions}.
   * @returns The figures by info-hash in lowercase hex; UDP trackers answer
   * zeros for torrents they do not know.
   * @throws {TrackerError} If there is no answer. The signal's reason if it
   * fired.
   */
  scrape(
    url: string,
    infoHashes: readonly Uint8Array[],
    options: TrackerCallOptions = {},
  ): Promise<ReadonlyMap<string, ScrapeEntry>> {
    const timeoutMs = this.#options.timeoutMs ?? Infinity;
    return this.#bounded(timeoutMs, options, async (signal) => {
      const { address } = parseUdpTrackerUrl(url);
      const targets = await this.#targets(address, signal);
      const result = new Map<string, ScrapeEntry>();
      const chunks: Promise<void>[] = [];
      for (let at = 0; at < infoHashes.length; at += MAX_UDP_SCRAPE) {
        const chunk = infoHashes.slice(at, at + MAX_UDP_SCRAPE);
        chunks.push(this.#scrapeChunk(chunk, targets, result, signal));
      }
      await Promise.all(chunks);
      return result;
    });
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): UdpTrackerClientStats {
    return { pending: this.#machine.pending, ignored: this.#machine.ignored };
  }

  /**
   * Ends what is under way and closes the sockets. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(
      new TrackerError("closed", "The tracker client is closed"),
    );
    this.#driver.close();
    for (const socket of this.#sockets.values()) {
      try {
        (await socket).close();
      } catch {
        // It never opened: those who asked have been told.
      }
    }
    await Promise.all(this.#loops);
  }

  /** Same as {@linkcode UdpTrackerClient.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #scrapeChunk(
    infoHashes: readonly Uint8Array[],
    targets: readonly Endpoint[],
    result: Map<string, ScrapeEntry>,
    signal: AbortSignal,
  ): Promise<void> {
    // Some trackers answer for fewer hashes than they were asked.
    while (infoHashes.length > 0) {
      const asks = targets.map((to) =>
        this.#ask({ type: "scrape", to, infoHashes }, signal)
      );
      const { entries } =
        (await Promise.any(asks).catch(throwFirst)) as UdpScrapeResponse;
      if (entries.length === 0) return;
      for (const [i, entry] of entries.entries()) {
        const infoHash = infoHashes[i];
        if (infoHash !== undefined) result.set(toHex(infoHash), entry);
      }
      infoHashes = infoHashes.slice(entries.length);
    }
  }

  /** Bounds a request in time and says what ended it. */
  #bounded<T>(
    timeoutMs: number,
    { signal }: TrackerCallOptions,
    action: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { signal: closing } = this.#closing;
    const name = "The tracker";
    const call = { clock: this.#clock, timeoutMs, name, closing, signal };
    return callTracker(call, action);
  }

  async #targets(to: Endpoint, signal: AbortSignal): Promise<Endpoint[]> {
    let found: Endpoint[];
    try {
      found = await orAborted(
        this.#names.targets(to, this.#clock.now()),
        signal,
      );
    } catch (cause) {
      signal.throwIfAborted();
      throw new TrackerError(
        "unreachable",
        `Cannot resolve tracker ${to.hostname}: ${
          cause instanceof Error ? cause.message : cause
        }`,
        { cause },
      );
    }
    // A torrent must not make us send to a whole network.
    const { isBlocked = () => false } = this.#options;
    const usable = found.filter(({ hostname, port }) => {
      const ip = tryParseIp(hostname);
      return ip === undefined ? port > 0 : isUsablePeer(ip, port, true);
    });
    const targets = usable.filter(({ hostname }) => !isBlocked(hostname));
    if (targets.length > 0) return targets;
    if (usable.length > 0) throw blockedTracker(`udp://${formatEndpoint(to)}`);
    throw new TrackerError(
      "forbidden-target",
      `Cannot use tracker udp://${
        formatEndpoint(to)
      }: expected the address of one host`,
      { retryInMs: Infinity },
    );
  }

  /** Sends one request and waits for its answer. */
  async #ask(ask: Ask, signal: AbortSignal): Promise<Response> {
    signal.throwIfAborted();
    await orAborted(
      this.#socket(ask.to.hostname.includes(":") ? 6 : 4),
      signal,
    );
    signal.throwIfAborted();
    const id = this.#nextId++;
    return await new Promise<Response>((resolve, reject) => {
      const forget = onAborted(signal, () => {
        this.#driver.input({ type: "cancel", id });
        this.#waiters.delete(id);
        reject(signal.reason);
      });
      const settle = (action: () => void) => {
        forget();
        this.#waiters.delete(id);
        action();
      };
      this.#waiters.set(id, {
        resolve: (response) => settle(() => resolve(response)),
        reject: (error) => settle(() => reject(error)),
      });
      try {
        this.#driver.input({ ...ask, id });
      } catch (error) {
        this.#waiters.get(id)?.reject(error);
      }
    });
  }

  #socket(family: IpFamily): Promise<DatagramSocket> {
    let socket = this.#sockets.get(family);
    if (socket === undefined) {
      const open = this.#options.openSocket ??
        ((family) =>
          openDatagramSocket({ hostname: family === 4 ? "0.0.0.0" : "::" }));
      socket = open(family).then((socket) => {
        this.#opened.set(family, socket);
        this.#loops.push(this.#receive(socket));
        return socket;
      }, (cause) => {
        this.#sockets.delete(family);
        throw new TrackerError(
          "unreachable",
          `Cannot open a UDP socket for IPv${family}: ${
            cause instanceof Error ? cause.message : cause
          }`,
          { cause },
        );
      });
      this.#sockets.set(family, socket);
    }
    return socket;
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    while (true) {
      const datagram = await socket.receive();
      if (datagram === undefined) return;
      const { data, from } = datagram;
      this.#driver.input({ type: "datagram", data, from });
    }
  }

  #perform(output: UdpTrackerClientOutput): void {
    switch (output.type) {
      case "send": {
        const { data, to } = output;
        const socket = this.#opened.get(to.hostname.includes(":") ? 6 : 4);
        socket?.send(data, to).catch((error) => {
          const reason = error instanceof Error ? error.message : String(error);
          this.#driver.input({ type: "unreachable", to, reason });
        });
        return;
      }
      case "response":
        return this.#waiters.get(output.id)?.resolve(output.response);
      case "failed":
        return this.#waiters.get(output.id)?.reject(output.error);
    }
  }

  /** What answers: the first, and those that come soon after it. */
  async #firstAndFriends<T>(asks: readonly Promise<T>[]): Promise<T[]> {
    const answers: T[] = [];
    const all = Promise.allSettled(
      asks.map((ask) => ask.then((answer) => answers.push(answer))),
    );
    await Promise.any(asks).catch(throwFirst);
    if (asks.length > 1) await within(this.#clock, GRACE_MS, all);
    return [...answers];
  }
}

function throwFirst(error: unknown): never {
  throw error instanceof AggregateError ? error.errors[0] : error;
}
