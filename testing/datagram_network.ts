/**
 * Datagrams in memory.
 *
 * @module
 */
import { type Endpoint, formatEndpoint } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { Datagram, DatagramSocket } from "../_shared/datagram.ts";
import {
  randomInt,
  type RandomSource,
  seededRandom,
} from "../_shared/random.ts";

/** Options of {@linkcode DatagramNetwork}. */
export interface DatagramNetworkOptions {
  /** Clock by which datagrams travel. */
  readonly clock: Clock;
  /** What all chance comes from, an integer. */
  readonly seed: number;
  /**
   * Shortest and longest one-way delay in milliseconds; drawn for each
   * datagram, so that they overtake each other.
   *
   * @default {[10, 150]}
   */
  readonly latencyMs?: readonly [number, number];
  /** Share of datagrams that vanish, 0 to 1. @default {0} */
  readonly loss?: number;
  /** Share of datagrams that come twice, 0 to 1. @default {0} */
  readonly duplicates?: number;
  /** Longest payload that is carried, in bytes. @default {1472} */
  readonly mtu?: number;
}

/** Counters of a {@linkcode DatagramNetwork}. */
export interface DatagramNetworkStats {
  /** Datagrams sent. */
  sent: number;
  /** Datagrams that vanished. */
  lost: number;
  /** Datagrams that arrived, duplicates too. */
  delivered: number;
  /** Datagrams to nobody, or refused by a NAT. */
  unreachable: number;
  /** Datagrams above the MTU. */
  tooLong: number;
  /** Bytes of payload sent. */
  bytes: number;
}

/**
 * Takes a datagram.
 *
 * @param data The payload.
 * @param from Source address, which may be forged.
 * @param now Milliseconds of the network's clock.
 */
export type DatagramReceiver = (
  data: Uint8Array,
  from: Endpoint,
  now: number,
) => void;

/** A host on the network. */
export interface DatagramHost {
  /** Its address. */
  readonly address: Endpoint;
  /** Whether it has not left. */
  readonly online: boolean;
  /**
   * Sends a datagram as this host.
   *
   * @param data The payload, copied.
   * @param to Where to.
   */
  send(data: Uint8Array, to: Endpoint): void;
  /** Leaves the network: nothing arrives any more. */
  leave(): void;
}

/** How a host is connected. */
export interface DatagramHostOptions {
  /**
   * Whether it sits behind a NAT that lets only those in to whom it sent
   * something within the last minute.
   *
   * @default {false}
   */
  readonly nat?: boolean;
}

const NAT_MAPPING_MS = 60_000;
/** Datagrams that a socket holds for its reader. */
const SOCKET_QUEUE = 1024;

/**
 * An internet for datagrams in memory: latency, reordering, loss, duplicates
 * and NATs, all from one seed. Its sockets are what `socket` of a `MainlineDht`
 * and `openSocket` of a `UdpTrackerClient` open.
 *
 * @example
 * ```ts
 * import { DatagramNetwork, SimClock } from "@bip/bip/testing";
 * import { assertEquals } from "@std/assert";
 *
 * const clock = new SimClock();
 * const network = new DatagramNetwork({ clock, seed: 1 });
 * using a = network.socket({ hostname: "192.0.2.1", port: 1 });
 * using b = network.socket({ hostname: "192.0.2.2", port: 2 });
 * await a.send(Uint8Array.of(7), b.local);
 * await clock.advance(150);
 * assertEquals((await b.receive())?.data, Uint8Array.of(7));
 * ```
 */
export class DatagramNetwork {
  /** Clock by which datagrams travel. */
  readonly clock: Clock;
  /** Where all chance of the network comes from. */
  readonly random: RandomSource;
  /** Counters since it was made. */
  readonly stats: DatagramNetworkStats = {
    sent: 0,
    lost: 0,
    delivered: 0,
    unreachable: 0,
    tooLong: 0,
    bytes: 0,
  };
  /** Share of datagrams that vanish, 0 to 1. */
  loss: number;
  readonly #latency: readonly [number, number];
  readonly #duplicates: number;
  readonly #mtu: number;
  readonly #hosts = new Map<string, DatagramReceiver>();
  #nextPort = 40_000;

  /**
   * Makes a network without hosts.
   *
   * @param options See {@linkcode DatagramNetworkOptions}.
   */
  constructor(options: DatagramNetworkOptions) {
    this.clock = options.clock;
    this.random = seededRandom(options.seed);
    this.loss = options.loss ?? 0;
    this.#latency = options.latencyMs ?? [10, 150];
    this.#duplicates = options.duplicates ?? 0;
    this.#mtu = options.mtu ?? 1472;
  }

  /**
   * Connects a host.
   *
   * @param address Its address; one that has no host yet.
   * @param receive Takes what arrives.
   * @param options See {@linkcode DatagramHostOptions}.
   * @returns The host.
   */
  attach(
    address: Endpoint,
    receive: DatagramReceiver,
    options: DatagramHostOptions = {},
  ): DatagramHost {
    const key = formatEndpoint(address);
    if (this.#hosts.has(key)) throw new Error(`Address in use: ${key}`);
    const mappings = options.nat ? new Map<string, number>() : undefined;
    let online = true;
    this.#hosts.set(key, (data, from, now) => {
      if (mappings !== undefined) {
        const at = mappings.get(formatEndpoint(from));
        if (at === undefined || now - at > NAT_MAPPING_MS) {
          this.stats.unreachable++;
          return;
        }
      }
      this.stats.delivered++;
      receive(data, from, now);
    });
    return {
      address,
      get online() {
        return online;
      },
      send: (data, to) => {
        if (!online) return;
        mappings?.set(formatEndpoint(to), this.clock.now());
        this.transmit(data, address, to);
      },
      leave: () => {
        if (!online) return;
        online = false;
        this.#hosts.delete(key);
      },
    };
  }

  /**
   * Carries a datagram with any source address: attackers may lie.
   *
   * @param data The payload, copied.
   * @param from Source address.
   * @param to Where to.
   */
  transmit(data: Uint8Array, from: Endpoint, to: Endpoint): void {
    const { stats } = this;
    stats.sent++;
    stats.bytes += data.length;
    if (data.length > this.#mtu) {
      stats.tooLong++;
      return;
    }
    const copies = this.#chance(this.#duplicates) ? 2 : 1;
    // The sender may reuse its buffer.
    const payload = data.slice();
    const key = formatEndpoint(to);
    for (let i = 0; i < copies; i++) {
      if (this.#chance(this.loss)) {
        stats.lost++;
        continue;
      }
      const [least, most] = this.#latency;
      const delay = least + randomInt(this.random, most - least + 1);
      const at = this.clock.now() + delay;
      this.clock.schedule(at, () => {
        const receive = this.#hosts.get(key);
        if (receive === undefined) stats.unreachable++;
        else receive(payload, from, this.clock.now());
      });
    }
  }

  /**
   * Opens a socket.
   *
   * @param local Its address; port 0 picks a free one.
   * @param options See {@linkcode DatagramHostOptions}.
   * @returns The socket. A reader that is slow loses what does not fit into a
   * queue of 1024 datagrams.
   */
  socket(local: Endpoint, options: DatagramHostOptions = {}): DatagramSocket {
    const address = { ...local, port: local.port || this.#nextPort++ };
    const queue: Datagram[] = [];
    let dropped = 0;
    let wake = () => {};
    const host = this.attach(address, (data, from) => {
      if (queue.length < SOCKET_QUEUE) queue.push({ data, from });
      else dropped++;
      wake();
    }, options);
    const close = () => {
      host.leave();
      queue.length = 0;
      wake();
    };
    return {
      local: address,
      get dropped() {
        return dropped;
      },
      async receive() {
        while (queue.length === 0 && host.online) {
          await new Promise<void>((resolve) => wake = resolve);
        }
        return queue.shift();
      },
      // deno-lint-ignore require-await
      async send(data, to) {
        if (!host.online) throw new Deno.errors.BadResource("Closed");
        host.send(data, to);
      },
      close,
      [Symbol.dispose]: close,
    };
  }

  #chance(share: number): boolean {
    return share > 0 && randomInt(this.random, 1_000_000) < share * 1_000_000;
  }
}
