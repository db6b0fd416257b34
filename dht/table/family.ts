/**
 * What a node has for one IP version: a routing table and its upkeep.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  formatIp,
  type IpFamily,
} from "../../_shared/address.ts";
import type { RandomSource } from "../../_shared/random.ts";
import type { NodeContact } from "../compact_node.ts";
import { ExternalIpVotes } from "./external_ip.ts";
import {
  compareNodeDistance,
  isSecureNodeId,
  randomNodeId,
  randomNodeIdNear,
  secureNodeId,
} from "../node_id.ts";
import type { DhtContactKind, DhtNodeEvent } from "../node_types.ts";
import type { RoutingUpdate } from "./routing_node.ts";
import { RoutingTable } from "./routing_table.ts";

/** What the upkeep needs of the node. */
export interface FamilyHost {
  /**
   * Pings without anybody waiting; false when too many wait already. The id may
   * be unknown.
   */
  ping(
    contact: {
      readonly id?: Uint8Array | undefined;
      readonly address: Endpoint;
    },
    now: number,
  ): boolean;
  /** Looks an id up; `whenDone` is called once. */
  findNode(
    family: IpFamily,
    target: Uint8Array,
    seeds: readonly Endpoint[],
    whenDone: (now: number) => void,
    now: number,
  ): void;
  emit(event: DhtNodeEvent): void;
  needRouters(): void;
}

/** Options of a family. */
export interface FamilyOptions {
  readonly family: IpFamily;
  readonly host: FamilyHost;
  readonly random: RandomSource;
  readonly now: number;
  /** Our id, which then stays. */
  readonly id: Uint8Array | undefined;
  /** Our id of an earlier run, which may change. */
  readonly savedId: Uint8Array | undefined;
  readonly restrictAddresses: boolean;
  readonly secureIds: "ignore" | "prefer" | "require";
  readonly firstBucketSizes: readonly number[] | undefined;
}

/** Time between two lookups of ourselves, in ms. */
const SELF_LOOKUP_MS = 10 * 60_000;
/** Time from the first to the second, in ms. */
const SECOND_LOOKUP_MS = 60_000;
/** First and longest pause before another attempt to find anybody, in ms. */
const RETRY_MS = 5000;
const MAX_RETRY_MS = 5 * 60_000;
/** Addresses to begin with that are kept. */
const MAX_SEEDS = 64;
const MAX_FIRST = 64;
/** Saved or unverified nodes that one lookup begins with. */
const MAX_TRIED = 32;
/** Pings of one round of the upkeep. */
const PINGS = 4;
/** Far buckets that are filled once we found the near ones. */
const FILL_BITS = 4;

/** Least time between two pings of one unknown address, in ms. */
const PROBE_PAUSE_MS = 60_000;
const MAX_PROBED = 256;
/** Newcomers that are looked at, and strangers pinged, in a second. */
const MAX_MET = 32;
/** Neighbours that share a key (BEP 5). */
const K = 8;

/** The routing table of one IP version, and what keeps it filled. */
export class Family {
  readonly family: IpFamily;
  readonly table: RoutingTable;
  readonly #host: FamilyHost;
  readonly #random: RandomSource;
  readonly #keepsId: boolean;
  readonly #votes: ExternalIpVotes;
  readonly #probed = new Map<string, number>();
  /** Whom to begin with whenever nobody is known. */
  readonly #first = new Map<string, Endpoint>();
  readonly #routers = new Set<string>();
  #seeds: Endpoint[] = [];
  #busy = 0;
  #fill = 0;
  #selfAt: number;
  #retryMs = RETRY_MS;
  #metAt = -Infinity;
  #lastPort = 0;
  #lastHostname = "";
  #lastAt = -Infinity;
  #met = 0;
  #externalIp: Uint8Array | undefined;
  /** Whether a lookup of ourselves found somebody. */
  bootstrapped = false;

  constructor(options: FamilyOptions) {
    const { family, random, now, firstBucketSizes } = options;
    this.family = family;
    this.#host = options.host;
    this.#random = random;
    this.#keepsId = options.id !== undefined;
    this.#selfAt = now;
    this.#votes = new ExternalIpVotes();
    this.table = new RoutingTable({
      ownId: options.id ?? options.savedId ?? randomNodeId(random),
      family,
      random,
      now,
      restrictAddresses: options.restrictAddresses,
      secureIds: options.secureIds,
      firstBucketSizes,
    });
  }

  /** Our id. */
  get id(): Uint8Array {
    return this.table.ownId;
  }

  /** Our address as others see it, once enough of them agree. */
  get externalHostname(): string | undefined {
    return this.#externalIp && formatIp(this.#externalIp);
  }

  /** Takes addresses to begin with. */
  addContacts(
    contacts: readonly Endpoint[],
    kind: DhtContactKind,
    now: number,
  ): void {
    if (kind === "node" && this.table.size >= K) {
      // A peer may tell us of nodes as often as it likes (BEP 5): where there
      // are others to ask, one ping each is enough.
      for (const contact of contacts) this.#probe(contact, now);
      return;
    }
    let hasNews = false;
    for (const contact of contacts) {
      const key = formatEndpoint(contact);
      if (kind === "node") {
        if (this.#seeds.length < MAX_SEEDS) this.#seeds.push(contact);
      } else if (!this.#first.has(key) && this.#first.size < MAX_FIRST) {
        this.#first.set(key, contact);
        if (kind === "router") this.#routers.add(key);
        hasNews = true;
      }
    }
    // Those that were no help before have to wait for their time.
    if ((hasNews && this.table.size === 0) || this.#seeds.length > 0) {
      this.#selfAt = now;
    }
    this.upkeep(now);
  }

  /** A saved node: to be pinged before it is believed. */
  addSaved({ id, address }: NodeContact, now: number): void {
    this.table.heard(id, address, now);
    this.#selfAt = now;
  }

  /** Whom a lookup can begin with when the table has nobody. */
  get firstContacts(): Endpoint[] {
    return [...this.#first.values(), ...this.#seeds];
  }

  /** Takes note of an answer to a query of ours. */
  responded(
    id: Uint8Array,
    address: Endpoint,
    now: number,
  ): void {
    // A router only tells of others (as it would be everybody's node).
    if (this.#isRouter(address)) return;
    this.#after(this.table.responded(id, address, now), now);
  }

  /** Whether a query of somebody changes nothing: looked at once a second. */
  hasJustAsked(address: Endpoint, now: number): boolean {
    return address.port === this.#lastPort && now - this.#lastAt < 1000 &&
      address.hostname === this.#lastHostname;
  }

  /** Takes note of a query of somebody who wants to be remembered. */
  queried(id: Uint8Array, address: Endpoint, now: number): void {
    if (this.hasJustAsked(address, now)) return;
    this.#lastPort = address.port;
    this.#lastHostname = address.hostname;
    this.#lastAt = now;
    const { type } = this.table.queried(id, address, now);
    if (type === "waiting") this.#meet(id, address, now);
  }

  /** Takes note of a query of ours that was not answered. */
  failed(id: Uint8Array, address: Endpoint, now: number): void {
    this.#after(this.table.failed(id, address, now), now);
  }

  /** Counts what somebody says is our address. */
  vote(ip: Uint8Array, voter: Uint8Array, now: number): void {
    if (ip.length !== (this.family === 4 ? 4 : 16)) return;
    const winner = this.#votes.vote(voter, ip, now);
    if (winner === undefined) return;
    this.#externalIp = winner;
    if (!this.#keepsId && !isSecureNodeId(this.id, winner)) {
      this.table.setOwnId(secureNodeId(winner, this.#random), now);
      // Others are near to us now.
      this.#selfAt = now;
    }
    this.#host.emit({
      type: "external-address",
      family: this.family,
      hostname: formatIp(winner),
      id: this.id,
    });
  }

  /** Pings who is due, and looks up what is due. */
  upkeep(now: number): void {
    const { table } = this;
    for (let i = 0; i < PINGS; i++) {
      const node = table.nextUnverified(now);
      if (node === undefined || !this.#host.ping(node, now)) break;
    }
    for (let i = 0; i < PINGS; i++) {
      const node = table.nextQuestionable(now);
      if (node === undefined || !this.#host.ping(node, now)) break;
    }
    if (this.#busy > 0) {
      if (table.size === 0) this.#repeatFirst(now);
      return;
    }
    if (this.#fill > 0) {
      const target = randomNodeIdNear(this.id, --this.#fill, this.#random);
      return this.#lookup(target, now);
    }
    if (now >= this.#selfAt) return this.#lookupSelf(now);
    const target = table.nextRefresh(now);
    if (target !== undefined) this.#lookup(target, now);
  }

  #isRouter(address: Endpoint): boolean {
    return this.#routers.size > 0 &&
      this.#routers.has(formatEndpoint(address));
  }

  #after(update: RoutingUpdate, now: number): void {
    if (update.type === "ping") this.#host.ping(update.node, now);
    else if (
      update.type === "added" && this.table.size === 1 && !this.bootstrapped
    ) {
      // Somebody found us, or a saved node is there still.
      this.#lookupSelf(now);
    }
  }

  /**
   * Pings a newcomer at once if it is a neighbour of ours, as those answer for
   * the same keys as we do; others have to wait.
   */
  #meet(id: Uint8Array, address: Endpoint, now: number): void {
    if (!this.#takeTurn(now)) return;
    const neighbours = this.table.closest(this.id, K, now, "usable");
    const last = neighbours[K - 1];
    if (
      last !== undefined && compareNodeDistance(this.id, last.id, id) <= 0
    ) return;
    if (this.#mayProbe(address, now)) {
      const { hostname, port } = address;
      const contact = { id: id.slice(), address: { hostname, port } };
      this.#host.ping(contact, now);
    }
  }

  /** Pings an address that somebody told us of. */
  #probe(address: Endpoint, now: number): void {
    if (this.#takeTurn(now) && this.#mayProbe(address, now)) {
      this.#host.ping({ address }, now);
    }
  }

  /** Pings those to begin with: what was sent to them first may be lost. */
  #repeatFirst(now: number): void {
    for (const contact of this.#first.values()) {
      if (!this.#isRouter(contact)) this.#probe(contact, now);
    }
  }

  /** Whether the share of strangers is not used up for this second. */
  #takeTurn(now: number): boolean {
    if (now - this.#metAt >= 1000) {
      this.#metAt = now;
      this.#met = 0;
    }
    return this.#met++ < MAX_MET;
  }

  /** Whether an address was left alone for a while: it may be a victim. */
  #mayProbe(address: Endpoint, now: number): boolean {
    const key = formatEndpoint(address);
    const last = this.#probed.get(key);
    if (last !== undefined && now - last < PROBE_PAUSE_MS) return false;
    if (this.#probed.size >= MAX_PROBED) this.#probed.clear();
    this.#probed.set(key, now);
    return true;
  }

  #lookupSelf(now: number): void {
    const { table } = this;
    const seeds = this.#seeds;
    this.#seeds = [];
    if (table.size === 0) {
      seeds.push(...this.#first.values());
      for (let i = 0; i < MAX_TRIED; i++) {
        const saved = table.nextUnverified(now);
        if (saved === undefined) break;
        seeds.push(saved.address);
      }
    }
    if (table.size === 0 && seeds.length === 0) {
      this.#host.needRouters();
      this.#retryLater(now);
      return;
    }
    this.#busy++;
    this.#host.findNode(this.family, this.id, seeds, (end) => {
      this.#busy = 0;
      if (table.size === 0) {
        this.#host.needRouters();
        // As long as there are others to be tried, at once.
        if (table.unverifiedSize > 0) this.#selfAt = end;
        else this.#retryLater(end);
        return;
      }
      // The first time we may have come in a hurry with others.
      this.#selfAt = end +
        (this.bootstrapped ? SELF_LOOKUP_MS : SECOND_LOOKUP_MS);
      this.#retryMs = RETRY_MS;
      if (!this.bootstrapped) {
        this.bootstrapped = true;
        this.#fill = FILL_BITS;
        this.#host.emit({ type: "bootstrapped", family: this.family });
      }
      this.upkeep(end);
    }, now);
  }

  #retryLater(now: number): void {
    this.#selfAt = now + this.#retryMs;
    this.#retryMs = Math.min(MAX_RETRY_MS, 2 * this.#retryMs);
  }

  #lookup(target: Uint8Array, now: number): void {
    this.#busy++;
    this.#host.findNode(this.family, target, [], (end) => {
      this.#busy = 0;
      this.upkeep(end);
    }, now);
  }
}
