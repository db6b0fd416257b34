/**
 * Local discovery on real sockets.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import type { IpFamily, PeerCandidate } from "../_shared/address.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import {
  type DatagramOptions,
  type DatagramSocket,
  openDatagramSocket,
} from "../_shared/datagram.ts";
import { Driver } from "../_shared/drive.ts";
import { EventQueue } from "../_shared/event_queue.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { LPD_GROUPS } from "./announce.ts";
import {
  type LpdDrops,
  type LpdInput,
  LpdMachine,
  type LpdMachineOptions,
  type LpdOutput,
} from "./discovery_machine.ts";
import { LpdError } from "./error.ts";
import { type LocalNetwork, prefixLengthOf } from "./network.ts";

/** Options of {@linkcode LocalDiscovery.open}. */
export interface LocalDiscoveryOptions
  extends Partial<Omit<LpdMachineOptions, "startedAt">> {
  /** IP versions to use. @default both */
  readonly families?: readonly IpFamily[];
  /**
   * Names or addresses of the interfaces to use.
   *
   * @default all but loopback
   */
  readonly interfaces?: readonly string[];
  /** Time between looks for new interfaces, in ms. @default {60000} */
  readonly rescanMs?: number;
  /** Hops that announces may travel, 1 to 255. @default {1} */
  readonly ttl?: number;
  /** Peers that may wait to be taken; the oldest are dropped. @default {1024} */
  readonly maxWaiting?: number;
  /** Opens sockets. @default a real UDP socket */
  readonly socket?: (options: DatagramOptions) => Promise<DatagramSocket>;
  /**
   * Lists the networks; `undefined` when that is not possible.
   *
   * @default those of the system, if `--allow-sys=networkInterfaces` is granted
   */
  readonly networks?: () => readonly LocalNetwork[] | undefined;
  /** Clock to use. @default the system's clock */
  readonly clock?: Clock;
  /** Where random bytes come from. @default the system's source */
  readonly random?: RandomSource;
  /** Closes the discovery. */
  readonly signal?: AbortSignal;
}

/** A snapshot of what a {@linkcode LocalDiscovery} does. */
export interface LocalDiscoveryStats {
  /** Hashes that are announced or watched. */
  readonly hashes: number;
  /**
   * Interfaces in use, such as `eth0/192.0.2.1` and `eth0/::%eth0`, or
   * `default/4` and `default/6` when they are not known.
   */
  readonly interfaces: readonly string[];
  /** Datagrams that were sent, and that the system refused to send. */
  readonly sent: number;
  /** See {@linkcode LocalDiscoveryStats.sent}. */
  readonly sendErrors: number;
  /** Datagrams that came in. */
  readonly received: number;
  /** Those of them that were dropped, by reason. */
  readonly dropped: LpdDrops;
}

/** A place to send from and hear at. */
interface Place {
  readonly key: string;
  readonly family: IpFamily;
  /** What the socket options want to know; absent for the system's choice. */
  readonly interface: string | undefined;
}

/**
 * Finds peers on the local network (BEP 14): announces hashes on every
 * interface and reports who announces the same.
 *
 * It works for any 20-byte value; see `hashServiceName`. Announcing tells
 * everybody on the local network: never give it the hash of a private torrent.
 * Take the peers from {@linkcode LocalDiscovery.peers} or by iterating, not
 * both. Needs `--allow-net`, and `--allow-sys=networkInterfaces` to use every
 * interface and to tell local senders from others.
 */
export class LocalDiscovery
  implements AsyncDisposable, AsyncIterable<PeerCandidate> {
  readonly #options: LocalDiscoveryOptions;
  readonly #clock: Clock;
  readonly #machine: LpdMachine;
  readonly #driver: Driver<LpdInput, LpdOutput>;
  readonly #queue: EventQueue<PeerCandidate>;
  readonly #sockets = new Map<string, [Place, DatagramSocket]>();
  readonly #tasks = new Set<Promise<void>>();
  #lastError: unknown;
  #cancelRescan: (() => void) | undefined;
  #detachSignal = () => {};
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;
  #sent = 0;
  #sendErrors = 0;
  #received = 0;

  /** Gives the peers; cancelling it closes the discovery. */
  readonly peers: ReadableStream<PeerCandidate>;

  private constructor(options: LocalDiscoveryOptions) {
    const { clock = systemClock, random = systemRandom } = options;
    this.#options = options;
    this.#clock = clock;
    this.#machine = new LpdMachine({
      ...options,
      random,
      startedAt: clock.now(),
    });
    this.#driver = new Driver<LpdInput, LpdOutput>(this.#machine, {
      clock,
      perform: (output) => this.#perform(output),
    });
    this.#queue = new EventQueue(options.maxWaiting ?? 1024);
    this.peers = new ReadableStream<PeerCandidate>({
      pull: async (controller) => {
        const peer = await this.#queue.next();
        if (peer === undefined) controller.close();
        else controller.enqueue(peer);
      },
      cancel: () => this.close(),
    }, { highWaterMark: 0 });
  }

  /**
   * Starts to listen.
   *
   * @param options See {@linkcode LocalDiscoveryOptions}.
   * @returns The discovery; it announces nothing yet.
   * @throws {RangeError} If an option makes no sense.
   * @throws {LpdError} If there are interfaces but no socket
   * could be opened on any of them.
   * @throws {unknown} `signal.reason` when aborted already.
   */
  static async open(
    options: LocalDiscoveryOptions = {},
  ): Promise<LocalDiscovery> {
    const { signal, rescanMs = 60_000, ttl = 1 } = options;
    signal?.throwIfAborted();
    if (!(rescanMs > 0)) {
      throw new RangeError(
        `Cannot use ${rescanMs} as "rescanMs": it must be a positive number`,
      );
    }
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > 255) {
      throw new RangeError(
        `Cannot use ${ttl} as "ttl": it must be an integer from 1 to 255`,
      );
    }
    const discovery = new LocalDiscovery(options);
    await discovery.#scan();
    if (discovery.#sockets.size === 0 && discovery.#lastError !== undefined) {
      const cause = discovery.#lastError;
      const reason = cause instanceof Error ? `: ${cause.message}` : "";
      await discovery.close();
      throw new LpdError(
        `Cannot discover peers on the local network: no socket could be opened${reason}`,
        { cause },
      );
    }
    if (signal?.aborted) {
      await discovery.close();
      throw signal.reason;
    }
    discovery.#rescanLater();
    discovery.#detachSignal = onAborted(signal, () => void discovery.close());
    return discovery;
  }

  /** Resolves when the discovery is closed and its sockets with it. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Announces a hash from now on and reports others who do. Announcing it again
   * with another port replaces the port.
   *
   * @param infoHash 20 bytes; never of a private torrent.
   * @param port The port we listen on, 1 to 65535.
   * @throws {RangeError} If the hash or the port is impossible.
   */
  announce(infoHash: Uint8Array, port: number): void {
    this.#driver.input({ type: "announce", infoHash, port });
  }

  /**
   * Reports who announces a hash, without announcing it.
   *
   * @param infoHash 20 bytes.
   * @throws {RangeError} If the hash does not have 20 bytes.
   */
  watch(infoHash: Uint8Array): void {
    this.#driver.input({ type: "watch", infoHash });
  }

  /**
   * Stops to announce or watch a hash; nothing more is sent about it.
   *
   * @param infoHash 20 bytes.
   */
  remove(infoHash: Uint8Array): void {
    this.#driver.input({ type: "remove", infoHash });
  }

  /**
   * Tells what goes on.
   *
   * @returns A snapshot.
   */
  stats(): LocalDiscoveryStats {
    return {
      hashes: this.#machine.size,
      interfaces: [...this.#sockets.keys()],
      sent: this.#sent,
      sendErrors: this.#sendErrors,
      received: this.#received,
      dropped: this.#machine.drops,
    };
  }

  /** Iterates over the peers; leaving the loop closes the discovery. */
  async *[Symbol.asyncIterator](): AsyncGenerator<PeerCandidate, void, void> {
    try {
      let peer: PeerCandidate | undefined;
      while ((peer = await this.#queue.next()) !== undefined) yield peer;
    } finally {
      await this.close();
    }
  }

  /**
   * Stops and ends the stream. Idempotent.
   *
   * @returns {@linkcode LocalDiscovery.closed}.
   */
  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#close().then(this.#closed.resolve);
    }
    return this.#closed.promise;
  }

  /** Same as {@linkcode LocalDiscovery.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    this.#cancelRescan?.();
    this.#driver.close();
    this.#queue.close();
    for (const [, socket] of this.#sockets.values()) socket.close();
    this.#sockets.clear();
    await Promise.allSettled([...this.#tasks]);
  }

  #perform(output: LpdOutput): void {
    if (output.type === "peer") return this.#queue.push(output.candidate);
    const to = LPD_GROUPS[output.family];
    for (const [place, socket] of this.#sockets.values()) {
      if (place.family !== output.family) continue;
      socket.send(output.data, to).then(
        () => this.#sent++,
        () => this.#sendErrors++,
      );
    }
  }

  #rescanLater(): void {
    if (this.#isClosing) return;
    const { rescanMs = 60_000 } = this.#options;
    this.#cancelRescan = this.#clock.schedule(
      this.#clock.now() + rescanMs,
      () => {
        const again = () => this.#rescanLater();
        this.#track(this.#scan().then(again, again));
      },
    );
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    const forget = () => this.#tasks.delete(task);
    task.then(forget, forget);
  }

  /** Brings the sockets in line with the interfaces there are. */
  async #scan(): Promise<void> {
    const { networks = systemNetworks } = this.#options;
    const found = networks();
    this.#driver.input({ type: "networks", networks: found });
    const places = this.#places(found);
    const wanted = new Set(places.map((place) => place.key));
    for (const [key, [, socket]] of this.#sockets) {
      if (wanted.has(key)) continue;
      this.#sockets.delete(key);
      socket.close();
    }
    for (const place of places) {
      if (this.#sockets.has(place.key)) continue;
      try {
        await this.#listen(place);
      } catch (error) {
        this.#lastError = error;
      }
    }
  }

  #places(networks: readonly LocalNetwork[] | undefined): Place[] {
    const { families = [4, 6], interfaces } = this.#options;
    if (networks === undefined) {
      return families.map((family) => (
        { key: `default/${family}`, family, interface: undefined }
      ));
    }
    const places = new Map<string, Place>();
    for (const { name, address, family, scopeId } of networks) {
      const asked = interfaces?.includes(name) || interfaces?.includes(address);
      const loopback = address === "::1" || address.startsWith("127.");
      if (!families.includes(family)) continue;
      if (interfaces === undefined ? loopback : !asked) continue;
      // IPv6 knows interfaces by name or number, IPv4 by address.
      const zone = Deno.build.os === "windows" ? scopeId : name;
      const place = family === 4 ? address : `::%${zone}`;
      const first = `${name} ${family}`;
      if (places.has(first)) continue;
      // A new address makes a new key, so that the membership is renewed.
      const key = `${name}/${place}`;
      places.set(first, { key, family, interface: place });
    }
    return [...places.values()];
  }

  async #listen(place: Place): Promise<void> {
    const { socket: open = openDatagramSocket, ttl = 1 } = this.#options;
    const { family } = place;
    const group = LPD_GROUPS[family];
    const socket = await open({
      hostname: family === 4 ? "0.0.0.0" : "::",
      port: group.port,
      reuseAddress: true,
      multicast: {
        group: group.hostname,
        ttl,
        loopback: true,
        ...(place.interface ? { interface: place.interface } : {}),
      },
    });
    if (this.#isClosing) return socket.close();
    this.#sockets.set(place.key, [place, socket]);
    this.#track(this.#receive(socket));
  }

  async #receive(socket: DatagramSocket): Promise<void> {
    while (true) {
      const datagram = await socket.receive();
      if (datagram === undefined) return;
      this.#received++;
      const { data, from } = datagram;
      this.#driver.input({ type: "datagram", data, from });
    }
  }
}

/** The system's networks, without asking the user for a permission. */
function systemNetworks(): LocalNetwork[] | undefined {
  const { state } = Deno.permissions.querySync({
    name: "sys",
    kind: "networkInterfaces",
  });
  if (state !== "granted") return undefined;
  return Deno.networkInterfaces().map((one) => {
    const family = one.family === "IPv4" ? 4 : 6;
    return {
      name: one.name,
      family,
      address: one.address,
      prefixLength: prefixLengthOf(one.cidr, family),
      scopeId: one.scopeid ?? undefined,
    };
  });
}
