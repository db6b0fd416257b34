/**
 * A UDP tracker: sockets around a {@linkcode UdpTrackerResponder}.
 *
 * More than one core for one port is not to be had in Deno 2.9: UDP sockets
 * have no `SO_REUSEPORT`, and with `reuseAddress` Linux gives every datagram to
 * the socket bound last. Several processes, each with a port of its own, can
 * share one database (`KvSwarmStore`) behind a packet filter that spreads the
 * clients.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import type { Endpoint } from "../_shared/address.ts";
import { type Clock, systemClock, within } from "../_shared/clock.ts";
import {
  type DatagramSocket,
  openDatagramSocket,
  serveDatagrams,
} from "../_shared/datagram.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { SwarmService } from "../tracker/swarm_service.ts";
import { SwarmTable } from "../tracker/swarm_table.ts";
import { ACTION_ANNOUNCE, ACTION_SCRAPE, MAX_UDP_SCRAPE } from "./packet.ts";
import {
  MAX_RESPONSE_LENGTH,
  type UdpTrackerCounters,
  type UdpTrackerHandler,
  UdpTrackerResponder,
} from "./responder.ts";

/** Longest request that is read: a scrape of 74 hashes, or long URL data. */
const MAX_REQUEST = 2048;
/** How often a part of the table is looked through, in milliseconds. */
const TICK_MS = 1000;
/**
 * Requests, a power of two, between two looks at the clock: a look can cost as
 * much as all else that an announce needs. Every tick is one, too.
 */
const CLOCK_REQUESTS = 16;
/** How long `close()` waits for answers under way, in milliseconds. */
const SHUTDOWN_MS = 3000;

/** Options of {@linkcode UdpTrackerServer.open}. */
export interface UdpTrackerServerOptions {
  /**
   * Where to listen.
   *
   * @default {0.0.0.0, port 6969}
   */
  readonly listen?: Endpoint | readonly Endpoint[] | undefined;
  /**
   * Swarm service to answer with; the caller closes its store.
   *
   * @default {one of its own, in memory}
   */
  readonly service?: SwarmService | undefined;
  /** Answers instead of a swarm service. */
  readonly handler?: UdpTrackerHandler | undefined;
  /**
   * Key of the connection ids, 16 bytes: for processes that share a port.
   *
   * @default {a random one}
   */
  readonly key?: Uint8Array | undefined;
  /**
   * Most announces, and hashes of scrapes, that wait for the store or handler
   * at a time; beyond that requests are dropped.
   *
   * @default {1024}
   */
  readonly maxWaiting?: number | undefined;
  /** Sockets to use instead of opening some; closed with the server. */
  readonly sockets?: readonly DatagramSocket[] | undefined;
  /** Clock to use. @default {the system's} */
  readonly clock?: Clock | undefined;
  /** Source of the key and of the table's secrets. @default {the system's} */
  readonly random?: RandomSource | undefined;
  /** Closes the server. */
  readonly signal?: AbortSignal | undefined;
}

/** Figures of a {@linkcode UdpTrackerServer}. */
export interface UdpTrackerServerStats extends Readonly<UdpTrackerCounters> {
  /** Datagrams received. */
  readonly received: number;
  /** Datagrams sent. */
  readonly sent: number;
  /** Datagrams that could not be sent. */
  readonly sendErrors: number;
  /** Requests dropped because too many wait for their answer. */
  readonly overloaded: number;
}

/**
 * A UDP tracker. Source: BEP 15, BEP 41.
 *
 * @example
 * ```ts ignore
 * import { UdpTrackerServer } from "@bip/bip/utracker";
 *
 * await using server = await UdpTrackerServer.open({
 *   listen: { hostname: "127.0.0.1", port: 0 },
 * });
 * const { hostname, port } = server.locals[0]!;
 * console.log(`udp://${hostname}:${port}`);
 * ```
 */
export class UdpTrackerServer implements AsyncDisposable {
  readonly #sockets: readonly DatagramSocket[];
  readonly #responder: UdpTrackerResponder;
  readonly #service: SwarmService | undefined;
  readonly #ownsService: boolean;
  readonly #clock: Clock;
  /** Processes that share a key must agree on the time. */
  readonly #seconds: (now: number) => number;
  readonly #loops: Promise<void>[];
  readonly #waiting = new Set<Promise<unknown>>();
  readonly #detachSignal: () => void;
  #now: number;
  #cancelTick: () => void = () => {};
  #closing: Promise<void> | undefined;
  #closed = false;
  #received = 0;
  #sent = 0;
  #sendErrors = 0;
  #overloaded = 0;
  readonly #maxWaiting: number;
  /** What the requests that wait ask for. */
  #load = 0;

  private constructor(
    sockets: readonly DatagramSocket[],
    options: UdpTrackerServerOptions,
  ) {
    const { clock = systemClock, random = systemRandom, handler } = options;
    this.#clock = clock;
    this.#maxWaiting = options.maxWaiting ?? 1024;
    this.#now = clock.now();
    this.#seconds = options.key === undefined
      ? (now) => Math.trunc(now / 1000)
      : () => Math.trunc(Date.now() / 1000);
    this.#sockets = sockets;
    this.#ownsService = handler === undefined && options.service === undefined;
    this.#service = handler !== undefined ? undefined : options.service ??
      new SwarmService({ store: new SwarmTable({ random }) });
    this.#responder = new UdpTrackerResponder({
      service: this.#service,
      handler,
      random,
      key: options.key,
    });
    const onSent = (error?: unknown) => {
      if (error === undefined) this.#sent++;
      else this.#sendErrors++;
    };
    this.#loops = sockets.map((socket) =>
      serveDatagrams(
        socket,
        (data, from, out) => this.#answer(socket, data, from, out),
        { maxRequest: MAX_REQUEST, maxAnswer: MAX_RESPONSE_LENGTH, onSent },
      )
    );
    this.#tick();
    this.#detachSignal = onAborted(options.signal, () => void this.close());
  }

  /**
   * Opens a tracker. Needs `--allow-net` for the addresses it listens on.
   *
   * @param options See {@linkcode UdpTrackerServerOptions}.
   * @returns The tracker, which answers already.
   * @throws {TypeError} If both service and handler are given. Whatever the
   * system says when a port cannot be bound; the signal's reason if it fired.
   */
  static async open(
    options: UdpTrackerServerOptions = {},
  ): Promise<UdpTrackerServer> {
    options.signal?.throwIfAborted();
    if (options.service !== undefined && options.handler !== undefined) {
      throw new TypeError("Cannot answer by both a service and a handler");
    }
    if (options.sockets !== undefined) {
      return new UdpTrackerServer(options.sockets, options);
    }
    const { listen = { hostname: "0.0.0.0", port: 6969 } } = options;
    const sockets: DatagramSocket[] = [];
    try {
      for (const { hostname, port } of [listen].flat()) {
        sockets.push(await openDatagramSocket({ hostname, port }));
      }
      return new UdpTrackerServer(sockets, options);
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  /** Where it listens. */
  get locals(): readonly Endpoint[] {
    return this.#sockets.map(({ local }) => local);
  }

  /** The swarm service; none when a handler answers. */
  get service(): SwarmService | undefined {
    return this.#service;
  }

  /**
   * Reads the figures of the moment.
   *
   * @returns A snapshot.
   */
  stats(): UdpTrackerServerStats {
    return {
      ...this.#responder.counters,
      received: this.#received,
      sent: this.#sent,
      sendErrors: this.#sendErrors,
      overloaded: this.#overloaded,
    };
  }

  /**
   * Stops: requests that were received are still answered, unless their
   * answers take more than three seconds. Idempotent.
   *
   * @returns A promise that resolves when nothing is left open.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode UdpTrackerServer.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#detachSignal();
    this.#cancelTick();
    await within(this.#clock, SHUTDOWN_MS, Promise.all(this.#waiting));
    for (const socket of this.#sockets) socket.close();
    await Promise.all(this.#loops);
    if (this.#ownsService) await this.#service?.store.close();
  }

  /** Answers into a buffer, or later by itself. */
  #answer(
    socket: DatagramSocket,
    data: Uint8Array,
    from: Endpoint,
    out: Uint8Array,
  ): number {
    if (this.#closed) return 0;
    // Before anything more is asked of a store that is behind.
    if (this.#load > 0 && this.#load + weightOf(data) > this.#maxWaiting) {
      this.#received++;
      this.#overloaded++;
      return 0;
    }
    if ((this.#received++ & (CLOCK_REQUESTS - 1)) === 0) {
      this.#now = this.#clock.now();
    }
    const now = this.#now;
    const answer = this.#responder.respond(
      data,
      from,
      now,
      this.#seconds(now),
      out,
    );
    if (typeof answer === "number") return answer;
    const weight = weightOf(data);
    this.#load += weight;
    const task = answer
      .then((data) => data && socket.send(data, from).then(() => this.#sent++))
      .catch(() => this.#sendErrors++)
      .finally(() => {
        this.#load -= weight;
        this.#waiting.delete(task);
      });
    this.#waiting.add(task);
    return 0;
  }

  #tick(): void {
    const clock = this.#clock;
    this.#cancelTick = clock.schedule(clock.now() + TICK_MS, () => {
      this.#now = clock.now();
      void this.#service?.expire(this.#now);
      this.#tick();
    });
  }
}

/**
 * What a request asks of a store: a scrape as much as its hashes do one by
 * one, a connect nothing.
 */
function weightOf(data: Uint8Array): number {
  switch (data[11]) {
    case ACTION_ANNOUNCE:
      return 1;
    case ACTION_SCRAPE:
      return Math.min(MAX_UDP_SCRAPE, Math.trunc((data.length - 16) / 20));
    default:
      return 0;
  }
}
