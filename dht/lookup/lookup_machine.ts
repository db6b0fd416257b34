/**
 * An iterative lookup as a pure policy: whom to ask next, when it is over, who
 * is closest.
 *
 * Invariants: the entries are in order of their distance to the target; every
 * address is asked at most once; never more than `alpha` requests are
 * waited for; a lookup without anybody to ask is done.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  tryParseIp,
} from "../../_shared/address.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { networkKey } from "../table/routing_entry.ts";
import { checkLength, checkPositiveIntegers } from "../check_options.ts";
import { compareNodeDistance } from "../node_id.ts";
import type { LookupStats } from "../node_types.ts";

/** How a node in a lookup fares. */
export type LookupState = "fresh" | "asked" | "slow" | "answered" | "failed";

/** A node in a lookup. */
export interface LookupNode {
  /** Its 20-byte id; a bootstrap node's is unknown until it answers. */
  readonly id: Uint8Array | undefined;
  /** Where it is. */
  readonly address: Endpoint;
  /** How it fares. */
  readonly state: LookupState;
  /** How many nodes stand between us and it: 0 for those we knew. */
  readonly hops: number;
  /** Whether its id fits its address (BEP 42). */
  readonly verified: boolean;
  /** The write token it gave us. */
  readonly token: Uint8Array | undefined;
}

/** Options of {@linkcode DhtLookup}. */
export interface DhtLookupOptions {
  /** What is looked for: 20 bytes. */
  readonly target: Uint8Array;
  /** Our own id: never asked. */
  readonly ownId?: Uint8Array | undefined;
  /** How many closest nodes are wanted (BEP 5). @default {8} */
  readonly k?: number | undefined;
  /** How many requests are waited for at once. @default {5} */
  readonly alpha?: number | undefined;
  /** Most nodes asked in all. @default {256} */
  readonly maxRequests?: number | undefined;
  /**
   * Whether one IP address, and one /24 (IPv4) or /64 (IPv6) of the internet,
   * may take part with one node only.
   *
   * @default {true}
   */
  readonly restrictSubnets?: boolean | undefined;
  /**
   * Tells whether an id fits an address (BEP 42). Those that do not are asked,
   * but cannot push the others out of the result.
   *
   * @default every id fits
   */
  readonly verifyId?: (id: Uint8Array, address: Endpoint) => boolean;
}

interface Entry extends LookupNode {
  id: Uint8Array | undefined;
  state: LookupState;
  verified: boolean;
  token: Uint8Array | undefined;
  readonly key: string;
  readonly subnet: string;
  /** Who told of it; nobody of those we knew. */
  readonly teller: Entry | undefined;
  /** Of the nodes it told of: those that answered, and those that let us wait. */
  alive: number;
  missing: number;
}

/** Nodes that are kept; the farthest are dropped. */
const MAX_ENTRIES = 512;
/** Addresses remembered so that none is taken twice. */
const MAX_KNOWN = 4096;
/** Longest write token that is kept, in bytes. */
const MAX_TOKEN = 128;
/** Nodes of a subnet that wait for the one that stands for it, each told by another. */
const MAX_SPARES = 3;
/** Of the nodes that one tells of so many more than twice the others may be dead. */
const MAX_MISSING = 2;

/** Finds the nodes closest to a target, step by step. */
export class DhtLookup {
  readonly #target: Uint8Array;
  readonly #ownId: Uint8Array | undefined;
  readonly #k: number;
  readonly #alpha: number;
  readonly #maxRequests: number;
  readonly #restrict: boolean;
  readonly #verifyId: (id: Uint8Array, address: Endpoint) => boolean;
  /** Nodes without an id, asked before all others. */
  readonly #seeds: Entry[] = [];
  readonly #entries: Entry[] = [];
  readonly #known = new Set<string>();
  readonly #subnets = new Map<string, Entry>();
  readonly #spares = new Map<string, Entry[]>();
  /** Told by who tells of dead nodes: asked when nobody else is left. */
  readonly #doubted: Entry[] = [];
  #asked = 0;
  #answered = 0;
  #failed = 0;
  #waiting = 0;
  #slow = 0;
  #slowSeeds = 0;
  #hops = 0;

  /**
   * Makes a lookup that knows nobody.
   *
   * @param options See {@linkcode DhtLookupOptions}.
   * @throws {RangeError} If the target does not have 20 bytes, or a number is
   * not positive.
   */
  constructor(options: DhtLookupOptions) {
    const { target, k = 8, alpha = 5, maxRequests = 256 } = options;
    checkLength("a target", target, 20);
    checkPositiveIntegers({ k, alpha, maxRequests });
    this.#target = target;
    this.#ownId = options.ownId;
    this.#k = k;
    this.#alpha = alpha;
    this.#maxRequests = maxRequests;
    this.#restrict = options.restrictSubnets ?? true;
    this.#verifyId = options.verifyId ?? (() => true);
  }

  /** What it did so far. */
  get stats(): LookupStats {
    return {
      asked: this.#asked,
      answered: this.#answered,
      failed: this.#failed,
      hops: this.#hops,
    };
  }

  /** Whether nobody is left to ask or to wait for. */
  get done(): boolean {
    if (this.#waiting > 0) return false;
    if (this.#asked < this.#maxRequests && this.#candidate() !== undefined) {
      return false;
    }
    // With too few answers even late ones are worth the wait; of bootstrap
    // nodes one that works is enough.
    if (this.#slow === 0 || this.#answered >= this.#k) return true;
    return this.#answered > 0 && this.#slow === this.#slowSeeds;
  }

  /**
   * Adds a node that may be asked.
   *
   * @param id Its 20-byte id, which is kept and must not change, or
   * `undefined` for a bootstrap node.
   * @param address Its IP address and port.
   * @param teller The node that told of it. @default {we knew it}
   * @returns Whether it takes part: not when it is known already, is ourselves,
   * or its subnet is represented.
   */
  add(
    id: Uint8Array | undefined,
    address: Endpoint,
    teller?: LookupNode,
  ): boolean {
    if (address.port < 1 || address.port > 65535) return false;
    if (id !== undefined) {
      if (id.length !== 20) return false;
      if (this.#ownId !== undefined && equalBytes(id, this.#ownId)) {
        return false;
      }
    }
    const key = formatEndpoint(address);
    if (this.#known.has(key) || this.#known.size >= MAX_KNOWN) return false;
    const ip = tryParseIp(address.hostname);
    if (ip === undefined) return false;
    const entry: Entry = {
      id,
      address,
      state: "fresh",
      hops: teller === undefined ? 0 : teller.hops + 1,
      teller: teller as Entry | undefined,
      alive: 0,
      missing: 0,
      verified: id !== undefined && this.#verifyId(id, address),
      token: undefined,
      key,
      subnet: this.#restrict ? networkKey(ip) : key,
    };
    if (id === undefined) {
      this.#known.add(key);
      this.#seeds.push(entry);
      return true;
    }
    return this.#enter(entry);
  }

  /**
   * Takes the next node to ask; it counts as asked from now on.
   *
   * @returns The node, or `undefined` when nobody is to be asked now.
   */
  takeNext(): LookupNode | undefined {
    if (this.#waiting >= this.#alpha || this.#asked >= this.#maxRequests) {
      return undefined;
    }
    const entry = this.#candidate();
    if (entry === undefined) return undefined;
    entry.state = "asked";
    this.#known.add(entry.key);
    this.#asked++;
    this.#waiting++;
    return entry;
  }

  /**
   * Notes an answer, in time or late.
   *
   * @param node One that was taken.
   * @param id The id in the answer.
   * @param token The write token in the answer; it is copied.
   */
  answered(
    node: LookupNode,
    id: Uint8Array,
    token?: Uint8Array,
  ): void {
    const entry = node as Entry;
    if (!this.#settle(entry)) return;
    const { teller } = entry;
    if (entry.id !== undefined && equalBytes(entry.id, id)) {
      if (teller !== undefined) this.#trust(teller);
    } else {
      // A bootstrap node, or not who it was said to be: now it is known.
      const index = this.#seeds.indexOf(entry);
      if (index >= 0) this.#seeds.splice(index, 1);
      else this.#remove(entry);
      entry.id = id.slice();
      entry.verified = this.#verifyId(entry.id, entry.address);
      this.#miss(entry);
    }
    this.#stand(entry);
    entry.state = "answered";
    entry.token = token !== undefined && token.length <= MAX_TOKEN
      ? token.slice()
      : undefined;
    this.#answered++;
    this.#hops = Math.max(this.#hops, entry.hops);
  }

  /**
   * Notes that an answer is late: another node may be asked in its place.
   *
   * @param node One that was taken.
   */
  slow(node: LookupNode): void {
    const entry = node as Entry;
    if (entry.state !== "asked") return;
    entry.state = "slow";
    this.#waiting--;
    this.#slow++;
    if (entry.id === undefined) this.#slowSeeds++;
    this.#miss(entry);
    // If there is another of its subnet, that one need not wait.
    if (this.#subnets.get(entry.subnet) !== entry) return;
    this.#release(entry);
    this.#promote(entry.subnet);
    if (!this.#subnets.has(entry.subnet)) {
      this.#subnets.set(entry.subnet, entry);
    }
  }

  /**
   * Notes that no answer will come, or an error came.
   *
   * @param node One that was taken.
   */
  failed(node: LookupNode): void {
    const entry = node as Entry;
    if (this.#settle(entry)) this.#fail(entry);
  }

  /**
   * Tells who is closest: of those that answered the `k` closest, and if ids
   * that do not fit their address are among them, as many more as make `k` that
   * do. So ids made up around a target cannot take it over.
   *
   * @returns Nodes that answered, closest first; at most twice `k`.
   */
  closest(): LookupNode[] {
    const result: LookupNode[] = [];
    let verified = 0;
    for (const entry of this.#entries) {
      if (entry.state !== "answered") continue;
      if (result.length >= this.#k && !entry.verified) continue;
      result.push(entry);
      if (entry.verified) verified++;
      if (verified >= this.#k) break;
    }
    return result;
  }

  /** The next node worth asking, if there is one. */
  #candidate(): Entry | undefined {
    for (const seed of this.#seeds) if (seed.state === "fresh") return seed;
    let all = 0;
    let verified = 0;
    for (const entry of this.#entries) {
      if (entry.state === "failed" || entry.state === "slow") continue;
      if (all >= this.#k && !entry.verified) continue;
      if (entry.state === "fresh") return entry;
      all++;
      if (entry.verified) verified++;
      if (verified >= this.#k) return undefined;
    }
    if (this.#answered >= this.#k) return undefined;
    return this.#doubted.find(({ state, key }) =>
      state === "fresh" && !this.#known.has(key)
    );
  }

  /** Gives an entry its place, unless another stands for its subnet. */
  #enter(entry: Entry): boolean {
    const id = entry.id!;
    const rival = this.#subnets.get(entry.subnet);
    if (rival !== undefined) {
      // The closer one of those that were not asked stands for the subnet.
      if (
        rival.state !== "fresh" || rival.id === undefined ||
        (rival.verified && !entry.verified) ||
        (rival.verified === entry.verified &&
          compareNodeDistance(this.#target, rival.id, id) <= 0)
      ) {
        this.#spare(entry);
        return false;
      }
      this.#remove(rival);
      this.#known.delete(rival.key);
      this.#spare(rival);
    }
    if (this.#entries.length >= MAX_ENTRIES) {
      // Whatever became of the farthest, closer ones matter more.
      const last = this.#entries.at(-1)!;
      if (compareNodeDistance(this.#target, last.id!, id) <= 0) return false;
      this.#remove(last);
    }
    this.#known.add(entry.key);
    this.#subnets.set(entry.subnet, entry);
    this.#insert(entry);
    return true;
  }

  /** Has one that answers stand for its subnet, unless another does that answers. */
  #stand(entry: Entry): void {
    const rival = this.#subnets.get(entry.subnet);
    if (rival === entry) return;
    this.#remove(entry);
    if (rival?.state === "answered") return;
    if (rival?.state === "fresh") this.#remove(rival);
    this.#subnets.set(entry.subnet, entry);
    this.#insert(entry);
  }

  /** Keeps one of a subnet in case that the one that stands for it is dead. */
  #spare(entry: Entry): void {
    const spares = this.#spares.get(entry.subnet) ?? [];
    if (
      spares.length < MAX_SPARES &&
      spares.every(({ teller }) => teller !== entry.teller)
    ) this.#spares.set(entry.subnet, [...spares, entry]);
  }

  /** Has the next one stand for a subnet. */
  #promote(subnet: string): void {
    const spares = this.#spares.get(subnet);
    while (spares !== undefined && !this.#subnets.has(subnet)) {
      const entry = spares.shift();
      if (entry === undefined) return;
      if (!this.#known.has(entry.key) && !isDoubted(entry.teller)) {
        this.#enter(entry);
      }
    }
  }

  #fail(entry: Entry): void {
    entry.state = "failed";
    this.#failed++;
    this.#release(entry);
    this.#miss(entry);
    this.#promote(entry.subnet);
  }

  /**
   * Notes that a node does not answer. Who tells of many such wants to keep us
   * from others: what else it told is left for the end.
   */
  #miss({ teller }: Entry): void {
    if (teller === undefined) return;
    teller.missing++;
    if (!isDoubted(teller)) return;
    const told = this.#entries.filter((one) =>
      one.teller === teller && one.state === "fresh"
    );
    for (const entry of told) {
      this.#remove(entry);
      // Others may tell of it, too.
      this.#known.delete(entry.key);
      if (this.#doubted.length < MAX_ENTRIES) this.#doubted.push(entry);
      this.#promote(entry.subnet);
    }
  }

  /** Notes that a node that another told of answers. */
  #trust(teller: Entry): void {
    teller.alive++;
    if (this.#doubted.length === 0 || isDoubted(teller)) return;
    for (const entry of this.#doubted) {
      if (
        entry.teller === teller && entry.state === "fresh" &&
        !this.#known.has(entry.key)
      ) this.#enter(entry);
    }
  }

  #settle(entry: Entry): boolean {
    if (entry.state === "asked") this.#waiting--;
    else if (entry.state === "slow") {
      this.#slow--;
      if (entry.teller !== undefined) entry.teller.missing--;
      if (entry.id === undefined) this.#slowSeeds--;
    } else return false;
    return true;
  }

  #insert(entry: Entry): void {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#entries[middle]!.id!;
      if (compareNodeDistance(this.#target, other, entry.id!) <= 0) {
        low = middle + 1;
      } else high = middle;
    }
    this.#entries.splice(low, 0, entry);
  }

  #remove(entry: Entry): void {
    const index = this.#entries.indexOf(entry);
    if (index >= 0) this.#entries.splice(index, 1);
    this.#release(entry);
  }

  #release(entry: Entry): void {
    if (this.#subnets.get(entry.subnet) === entry) {
      this.#subnets.delete(entry.subnet);
    }
  }
}

function isDoubted(teller: Entry | undefined): boolean {
  return teller !== undefined &&
    teller.missing > MAX_MISSING + 2 * teller.alive;
}
