/** Nodes of the DHT on the simulated internet. */
import type { Endpoint } from "../../_shared/address.ts";
import {
  randomInt,
  type RandomSource,
  seededRandom,
} from "../../_shared/random.ts";
import {
  type DhtNodeInput,
  DhtNodeMachine,
  type DhtNodeMachineOptions,
  type DhtNodeOutput,
  type DhtProgress,
  type DhtSearchRequest,
  type DhtStoreNode,
  type DhtStoreRequest,
  type LookupStats,
  randomNodeId,
  secureNodeId,
} from "../../dht/mod.ts";
import { SimMachine } from "./sim_machine.ts";
import type {
  DatagramHost,
  DatagramNetwork,
} from "../../testing/datagram_network.ts";
import type { SimClock } from "../../testing/sim_clock.ts";

/** A request of a simulated node and what came of it. */
export interface SimRequest {
  readonly progress: DhtProgress[];
  done: boolean;
  readonly startedAt: number;
  endedAt: number;
}

/** A node with its machine. */
export class SimDhtNode {
  readonly address: Endpoint;
  readonly machine: DhtNodeMachine;
  readonly host: DatagramHost;
  bootstrappedAt: number | undefined;
  readonly #net: DatagramNetwork;
  readonly #driver: SimMachine<DhtNodeInput, DhtNodeOutput>;
  readonly #requests = new Map<number, SimRequest>();
  #next = 0;

  constructor(
    net: DatagramNetwork,
    address: Endpoint,
    options: DhtNodeMachineOptions,
    nat = false,
  ) {
    this.#net = net;
    this.address = address;
    this.machine = new DhtNodeMachine(options);
    this.#driver = new SimMachine(
      net.clock,
      this.machine,
      (output) => this.#perform(output),
    );
    this.host = net.attach(address, (data, from) => {
      this.#driver.input({ type: "datagram", data, from });
    }, { nat });
    this.#driver.start();
  }

  input(input: DhtNodeInput): void {
    this.#driver.input(input);
  }

  leave(): void {
    this.host.leave();
    this.#driver.stop();
  }

  /** Begins a request; its result fills while time passes. */
  request(make: (requestId: number) => DhtNodeInput): SimRequest {
    const requestId = this.#next++;
    const now = this.#net.clock.now();
    const request = { progress: [], done: false, startedAt: now, endedAt: 0 };
    this.#requests.set(requestId, request);
    this.input(make(requestId));
    return request;
  }

  search(search: Omit<DhtSearchRequest, "family">): SimRequest {
    return this.request((requestId) => ({
      type: "search",
      requestId,
      search: { family: 4, ...search },
    }));
  }

  store(nodes: readonly DhtStoreNode[], store: DhtStoreRequest): SimRequest {
    return this.request((requestId) => (
      { type: "store", requestId, nodes, store }
    ));
  }

  #perform(output: DhtNodeOutput): void {
    switch (output.type) {
      case "send":
        return this.host.send(output.data, output.to);
      case "progress": {
        const request = this.#requests.get(output.requestId)!;
        request.progress.push(output.progress);
        if (output.progress.type !== "done") return;
        request.done = true;
        request.endedAt = this.#net.clock.now();
        this.#requests.delete(output.requestId);
        return;
      }
      case "event":
        if (output.event.type === "bootstrapped") {
          this.bootstrappedAt = this.#net.clock.now();
        }
    }
  }
}

/** How a world's nodes are. */
export interface DhtWorldOptions {
  readonly seed: number;
  /** Share of nodes behind a NAT that do not know it, 0 to 1. @default {0} */
  readonly nat?: number;
  /** Share of nodes whose id does not fit their address. @default {0} */
  readonly insecure?: number;
  readonly machine?: Partial<DhtNodeMachineOptions>;
}

/** Many nodes, each at an address of a subnet of its own. */
export class DhtWorld {
  readonly net: DatagramNetwork;
  readonly clock: SimClock;
  readonly nodes: SimDhtNode[] = [];
  readonly random: RandomSource;
  readonly #options: DhtWorldOptions;
  readonly #taken = new Set<number>();

  constructor(
    net: DatagramNetwork,
    clock: SimClock,
    options: DhtWorldOptions,
  ) {
    this.net = net;
    this.clock = clock;
    this.#options = options;
    this.random = seededRandom(options.seed);
  }

  /** An address of the public internet in a /24 that nobody else is in. */
  freshAddress(): Endpoint {
    while (true) {
      const subnet = randomInt(this.random, 1 << 24);
      const first = subnet >> 16;
      if (
        first < 1 || first > 99 || first === 10 || this.#taken.has(subnet)
      ) continue;
      this.#taken.add(subnet);
      const last = 1 + randomInt(this.random, 254);
      return {
        hostname: `${first}.${(subnet >> 8) & 255}.${subnet & 255}.${last}`,
        port: 1024 + randomInt(this.random, 60_000),
      };
    }
  }

  chance(share: number): boolean {
    return randomInt(this.random, 1000) < 1000 * share;
  }

  pick<T>(items: readonly T[]): T {
    return items[randomInt(this.random, items.length)]!;
  }

  /** Lets one more node join, by way of a few that are there. */
  join(): SimDhtNode {
    const { random } = this;
    const { nat = 0, insecure = 0, machine } = this.#options;
    const address = this.freshAddress();
    const ip = Uint8Array.from(address.hostname.split("."), Number);
    const node = new SimDhtNode(this.net, address, {
      random: seededRandom(randomInt(random, 2 ** 32)),
      startedAt: this.clock.now(),
      id: this.chance(insecure)
        ? randomNodeId(random)
        : secureNodeId(ip, random),
      ...machine,
    }, this.chance(nat));
    const contacts: Endpoint[] = [];
    while (contacts.length < Math.min(4, this.nodes.length)) {
      contacts.push(this.pick(this.nodes).address);
    }
    this.nodes.push(node);
    if (contacts.length > 0) {
      node.input({ type: "contacts", kind: "bootstrap", contacts });
    }
    return node;
  }

  /** Lets many join, one after another. */
  grow(count: number, everyMs: number): void {
    const start = this.clock.now();
    for (let i = 0; i < count; i++) {
      this.clock.schedule(start + i * everyMs, () => this.join());
    }
    this.clock.runSync(start + count * everyMs);
  }

  /** Lets a share of the nodes leave without a word. */
  shrink(share: number): void {
    const count = Math.round(this.nodes.length * share);
    for (let i = 0; i < count; i++) {
      const index = randomInt(this.random, this.nodes.length);
      this.nodes[index]!.leave();
      this.nodes[index] = this.nodes.at(-1)!;
      this.nodes.pop();
    }
  }

  /** Lets time pass until all of the requests are done. */
  settle(requests: readonly SimRequest[], withinMs = 120_000): boolean {
    const { clock } = this;
    return clock.runSync(
      clock.now() + withinMs,
      () => requests.every(({ done }) => done),
    );
  }
}

/** The closest nodes that a lookup found. */
export function closestOf(request: SimRequest): readonly DhtStoreNode[] {
  const last = request.progress.at(-1);
  return last?.type === "done" ? last.closest : [];
}

/** What a lookup did. */
export function statsOf(request: SimRequest): LookupStats | undefined {
  const last = request.progress.at(-1);
  return last?.type === "done" ? last.stats : undefined;
}

/** The ports of all peers that a lookup found. */
export function portsOf(request: SimRequest): number[] {
  return request.progress.flatMap((one) =>
    one.type === "peers" ? one.peers.map(({ port }) => port) : []
  );
}
