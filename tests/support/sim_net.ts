/**
 * A simulated internet for datagrams, in virtual time: latency, jitter (and so
 * reordering), loss, duplicates, NATs and churn, all from one seed. Hosts are
 * pure machines; nothing here waits, sleeps or opens a port.
 */
import { type Endpoint, formatEndpoint } from "../../_shared/address.ts";
import type { Machine } from "../../_shared/machine.ts";
import {
  randomInt,
  type RandomSource,
  seededRandom,
} from "../../_shared/random.ts";

/** How the network behaves. */
export interface SimNetOptions {
  readonly seed: number;
  /** Shortest and longest one-way delay in ms; drawn for each datagram. */
  readonly latencyMs?: readonly [number, number];
  /** Share of datagrams that vanish, 0 to 1. @default {0} */
  readonly loss?: number;
  /** Share of datagrams that come twice, 0 to 1. @default {0} */
  readonly duplicates?: number;
  /** Longest payload that is carried, in bytes. @default {1472} */
  readonly mtu?: number;
}

/** Counters of a network. */
export interface SimNetStats {
  sent: number;
  lost: number;
  delivered: number;
  /** To nobody, or refused by a NAT. */
  unreachable: number;
  tooLong: number;
  bytes: number;
  events: number;
}

type Receive = (data: Uint8Array, from: Endpoint, now: number) => void;

/** A host on the network. */
export interface SimHost {
  readonly address: Endpoint;
  /** Sends a datagram as this host. */
  send(data: Uint8Array, to: Endpoint): void;
  /** Leaves the network; nothing arrives or fires any more. */
  leave(): void;
  readonly online: boolean;
}

/** How a host is connected. */
export interface SimHostOptions {
  /**
   * Whether it sits behind a NAT that lets only those in to whom it sent
   * something within the last minute. @default {false}
   */
  readonly nat?: boolean;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

const NAT_MAPPING_MS = 60_000;

export class SimNet {
  readonly random: RandomSource;
  readonly stats: SimNetStats = {
    sent: 0,
    lost: 0,
    delivered: 0,
    unreachable: 0,
    tooLong: 0,
    bytes: 0,
    events: 0,
  };
  loss: number;
  readonly #latency: readonly [number, number];
  readonly #duplicates: number;
  readonly #mtu: number;
  readonly #hosts = new Map<string, Receive>();
  readonly #heap: Event[] = [];
  #order = 0;
  #now = 0;

  constructor(options: SimNetOptions) {
    this.random = seededRandom(options.seed);
    this.loss = options.loss ?? 0;
    this.#latency = options.latencyMs ?? [10, 150];
    this.#duplicates = options.duplicates ?? 0;
    this.#mtu = options.mtu ?? 1472;
  }

  /** Virtual time in ms. */
  get now(): number {
    return this.#now;
  }

  /** Calls back at a time; the result cancels it. */
  schedule(at: number, run: () => void): () => void {
    let cancelled = false;
    this.#push({
      at: Math.max(at, this.#now),
      order: this.#order++,
      run: () => {
        if (!cancelled) run();
      },
    });
    return () => cancelled = true;
  }

  /** Connects a host. */
  attach(
    address: Endpoint,
    receive: Receive,
    options: SimHostOptions = {},
  ): SimHost {
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
        mappings?.set(formatEndpoint(to), this.#now);
        this.transmit(data, address, to);
      },
      leave: () => {
        if (!online) return;
        online = false;
        this.#hosts.delete(key);
      },
    };
  }

  /** Carries a datagram with any source address: attackers may lie. */
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
      this.#push({
        at: this.#now + delay,
        order: this.#order++,
        run: () => {
          const receive = this.#hosts.get(key);
          if (receive === undefined) stats.unreachable++;
          else receive(payload, from, this.#now);
        },
      });
    }
  }

  /** Lets time pass up to a moment. */
  runUntil(until: number): void {
    while (this.#heap.length > 0 && this.#heap[0]!.at <= until) this.#step();
    this.#now = Math.max(this.#now, until);
  }

  /** Lets time pass until something is so. @returns Whether it became so. */
  runWhile(goesOn: () => boolean, until = Infinity): boolean {
    while (goesOn()) {
      if (this.#heap.length === 0 || this.#heap[0]!.at > until) return false;
      this.#step();
    }
    return true;
  }

  #step(): void {
    const event = this.#pop();
    this.#now = event.at;
    this.stats.events++;
    event.run();
  }

  #chance(share: number): boolean {
    return share > 0 && randomInt(this.random, 1_000_000) < share * 1_000_000;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!before(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  #pop(): Event {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let index = 0;
      while (true) {
        let child = 2 * index + 1;
        if (child >= heap.length) break;
        if (
          child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)
        ) child++;
        if (!before(heap[child]!, last)) break;
        heap[index] = heap[child]!;
        index = child;
      }
      heap[index] = last;
    }
    return top;
  }
}

function before(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** Drives one machine on the simulated network, by the law of machines. */
export class SimMachine<Input, Output> {
  readonly machine: Machine<Input, Output>;
  readonly #net: SimNet;
  readonly #perform: (output: Output) => void;
  #armedAt = Infinity;
  #generation = 0;
  #stopped = false;

  constructor(
    net: SimNet,
    machine: Machine<Input, Output>,
    perform: (output: Output) => void,
  ) {
    this.#net = net;
    this.machine = machine;
    this.#perform = perform;
  }

  input(input: Input): void {
    if (this.#stopped) return;
    this.machine.handle(input, this.#net.now);
    this.#drain();
  }

  /** Performs what is there without any input. */
  start(): void {
    this.#drain();
  }

  /** Nothing fires any more. */
  stop(): void {
    this.#stopped = true;
  }

  #drain(): void {
    for (
      let output = this.machine.poll();
      output !== undefined && !this.#stopped;
      output = this.machine.poll()
    ) this.#perform(output);
    const { deadline } = this.machine;
    if (this.#stopped || deadline === undefined || this.#armedAt <= deadline) {
      return;
    }
    this.#armedAt = deadline;
    const generation = ++this.#generation;
    this.#net.schedule(deadline, () => {
      if (this.#stopped || generation !== this.#generation) return;
      this.#armedAt = Infinity;
      const at = this.machine.deadline;
      if (at !== undefined && at <= this.#net.now) {
        this.machine.handleTimeout(this.#net.now);
      }
      this.#drain();
    });
  }
}
