/**
 * Who is introduced to whom by holepunch (BEP 55): as the one who asks, as the
 * relay between two, and as the one who is asked for.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  hostKey,
  type IpScope,
  ipScope,
  mayTellOf,
  normalizeHostname,
  tryParseIp,
} from "../../_shared/address.ts";
import type { Machine } from "../../_shared/machine.ts";
import { isServicePort } from "../../_shared/reach.ts";
import { remember } from "../../_shared/recent.ts";
import { TokenBucket } from "../../_shared/token_bucket.ts";
import {
  HOLEPUNCH_ERROR,
  type UtHolepunchMessage,
} from "../../peer/ut_holepunch.ts";
import { PEX_FLAG, type UtPexMessage } from "../../peer/ut_pex.ts";
import type { PeerKey } from "../../select/selection_strategy.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";

/** Peers that one introducer may have named. */
const MAX_NAMED = 100;
/** Times that one introducer is asked for one peer. */
const MAX_TRIES = 2;
/** Introducers that are waited for at a time. */
const MAX_ASKED = 20;
/** How long an introducer is waited for, in milliseconds. */
const ANSWER_MS = 10_000;
/** Between two dials of one host that introducers tell of, in milliseconds. */
const GAP_MS = 10_000;
/** Hosts that are remembered: dialled of late, and with a budget. */
const MAX_HOSTS = 500;
/** What one host may ask us to relay: at once, and a second. */
const RELAY_BURST = 10;
const RELAYS_PER_SECOND = 0.5;
/** Unasked introductions by one host that we follow: at once, and a second. */
const FOLLOW_BURST = 5;
const FOLLOWS_PER_SECOND = 0.2;

/** What is needed to know of a connected peer. */
export type PunchPeer =
  & Pick<SwarmPeer, "address" | "transport" | "listening">
  & {
    readonly connection: Pick<SwarmPeer["connection"], "supports">;
  };

/** What a {@linkcode HolepunchMachine} is told. */
export type HolepunchInput =
  /** A peer tells of others (BEP 11). */
  | {
    readonly type: "told";
    readonly key: PeerKey;
    readonly message: UtPexMessage;
  }
  /** Somebody could not be dialled. */
  | { readonly type: "unreachable"; readonly endpoint: Endpoint }
  /** A peer sent a message of ut_holepunch. */
  | {
    readonly type: "message";
    readonly key: PeerKey;
    readonly message: UtHolepunchMessage;
  }
  /** A peer is gone. */
  | { readonly type: "gone"; readonly key: PeerKey };

/** What a {@linkcode HolepunchMachine} wants done. */
export type HolepunchOutput =
  | {
    readonly type: "send";
    readonly key: PeerKey;
    readonly message: UtHolepunchMessage;
  }
  /** To be dialled by uTP now, as the other side does. */
  | { readonly type: "dial"; readonly endpoint: Endpoint };

/** An introducer that is waited for. */
interface Asked {
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly until: number;
}

/** The limits of a host, which outlast its connections. */
interface Budget {
  /** What it asks of us as a relay. */
  readonly relays: TokenBucket;
  /** What it is told by us as a relay. */
  readonly told: TokenBucket;
  /** Unasked introductions by it. */
  readonly follows: TokenBucket;
}

/** Rendezvous of one public torrent. */
export class HolepunchMachine
  implements Machine<HolepunchInput, HolepunchOutput> {
  readonly #peers: ReadonlyMap<PeerKey, PunchPeer>;
  /** Who named whom, and how often it was asked. */
  readonly #named = new Map<PeerKey, Map<string, number>>();
  readonly #asked = new Map<string, Asked>();
  readonly #budgets = new Map<string, Budget>();
  /** When hosts were dialled. */
  readonly #recent = new Map<string, number>();
  readonly #outputs: HolepunchOutput[] = [];

  /** Begins; looks at the connected peers when it needs to. */
  constructor(peers: ReadonlyMap<PeerKey, PunchPeer>) {
    this.#peers = peers;
  }

  handle(input: HolepunchInput, now: number): void {
    switch (input.type) {
      case "told":
        return this.#onTold(input.key, input.message);
      case "unreachable":
        return this.#ask(input.endpoint, now);
      case "message":
        return this.#onMessage(input.key, input.message, now);
      case "gone":
        this.#named.delete(input.key);
        for (const [text, { key }] of this.#asked) {
          if (key === input.key) this.#asked.delete(text);
        }
    }
  }

  poll(): HolepunchOutput | undefined {
    return this.#outputs.shift();
  }

  get deadline(): number | undefined {
    let earliest: number | undefined;
    for (const { until } of this.#asked.values()) {
      earliest = Math.min(earliest ?? until, until);
    }
    return earliest;
  }

  handleTimeout(now: number): void {
    for (const [text, { until, endpoint }] of [...this.#asked]) {
      if (until > now) continue;
      this.#asked.delete(text);
      this.#ask(endpoint, now);
    }
  }

  #onTold(key: PeerKey, { added, dropped }: UtPexMessage): void {
    const named = this.#named.get(key) ?? new Map<string, number>();
    for (const endpoint of dropped) named.delete(textOf(endpoint));
    for (const peer of added) {
      if (((peer.flags ?? 0) & PEX_FLAG.holepunch) === 0) continue;
      const text = textOf(peer);
      if (!named.has(text)) named.set(text, 0);
      if (named.size <= MAX_NAMED) continue;
      const [oldest] = named.keys();
      named.delete(oldest!);
    }
    if (named.size === 0) this.#named.delete(key);
    else this.#named.set(key, named);
  }

  /** Asks the next who named a peer. */
  #ask(endpoint: Endpoint, now: number): void {
    const text = textOf(endpoint);
    if (this.#asked.has(text) || this.#asked.size >= MAX_ASKED) return;
    let best: { key: PeerKey; tries: number } | undefined;
    for (const [key, named] of this.#named) {
      const tries = named.get(text) ?? MAX_TRIES;
      if (tries >= (best?.tries ?? MAX_TRIES)) continue;
      if (this.#speaks(key)) best = { key, tries };
    }
    if (best === undefined) return;
    const { key, tries } = best;
    this.#named.get(key)!.set(text, tries + 1);
    this.#asked.set(text, { key, endpoint, until: now + ANSWER_MS });
    this.#send(key, "rendezvous", endpoint);
  }

  #onMessage(
    key: PeerKey,
    { type, endpoint }: UtHolepunchMessage,
    now: number,
  ): void {
    const peer = this.#peers.get(key);
    if (peer === undefined || !this.#speaks(key)) return;
    if (type === "rendezvous") return this.#relay(key, peer, endpoint, now);
    const text = textOf(endpoint);
    if (type === "connect") return this.#follow(key, peer, endpoint, now);
    if (this.#asked.get(text)?.key !== key) return;
    this.#asked.delete(text);
    this.#ask(endpoint, now);
  }

  /** Introduces two peers of ours to each other. */
  #relay(key: PeerKey, peer: PunchPeer, wanted: Endpoint, now: number): void {
    if (!this.#budget(peer, now).relays.take(now)) return;
    const fail = (errorCode: number) =>
      this.#send(key, "error", wanted, errorCode);
    const own = punchable(peer);
    if (own === undefined || !isUsable(wanted)) {
      return fail(HOLEPUNCH_ERROR.noSuchPeer);
    }
    const found = this.#find(wanted);
    if (found === undefined) return fail(HOLEPUNCH_ERROR.notConnected);
    const [target, other] = found;
    if (target === key) return fail(HOLEPUNCH_ERROR.noSelf);
    if (!this.#speaks(target)) return fail(HOLEPUNCH_ERROR.noSupport);
    const theirs = punchable(other) ?? wanted;
    if (!areAlike(own, theirs)) return fail(HOLEPUNCH_ERROR.noSuchPeer);
    // Nobody is sent after others by many who take turns.
    if (!this.#budget(other, now).told.take(now)) return;
    this.#send(key, "connect", theirs);
    this.#send(target, "connect", own);
  }

  /** Dials whom an introducer tells of. */
  #follow(key: PeerKey, peer: PunchPeer, told: Endpoint, now: number): void {
    const isAsked = this.#takeAsked(key, told);
    if (!isUsable(told) || this.#find(told) !== undefined) return;
    const { hostname, port } = told;
    const scope = scopeOf(told);
    if (
      !mayTellOf(scope, scopeOf(peer.address)) ||
      isServicePort(port, scope === "global")
    ) return;
    if (!isAsked && !this.#budget(peer, now).follows.take(now)) return;
    const host = hostKey(hostname);
    const at = this.#recent.get(host);
    if (at !== undefined && now - at < GAP_MS) return;
    remember(this.#recent, host, now, MAX_HOSTS);
    this.#outputs.push({ type: "dial", endpoint: told });
  }

  /** Whether we asked that peer for this one; its port may be told anew. */
  #takeAsked(key: PeerKey, { hostname }: Endpoint): boolean {
    const host = normalizeHostname(hostname);
    for (const [text, asked] of this.#asked) {
      if (
        asked.key !== key ||
        normalizeHostname(asked.endpoint.hostname) !== host
      ) continue;
      return this.#asked.delete(text);
    }
    return false;
  }

  /** Finds a connected peer, by its socket's end or by where it listens. */
  #find(endpoint: Endpoint): [PeerKey, PunchPeer] | undefined {
    const text = textOf(endpoint);
    let found: [PeerKey, PunchPeer] | undefined;
    for (const entry of this.#peers) {
      const { address, listening } = entry[1];
      if (textOf(address) === text) return entry;
      if (listening !== undefined && textOf(listening) === text) found = entry;
    }
    return found;
  }

  #speaks(key: PeerKey): boolean {
    return this.#peers.get(key)?.connection.supports("ut_holepunch") ?? false;
  }

  #budget({ address }: PunchPeer, now: number): Budget {
    const key = hostKey(address.hostname);
    let budget = this.#budgets.get(key);
    if (budget === undefined) {
      const relays = () => new TokenBucket(RELAYS_PER_SECOND, RELAY_BURST, now);
      budget = {
        relays: relays(),
        told: relays(),
        follows: new TokenBucket(FOLLOWS_PER_SECOND, FOLLOW_BURST, now),
      };
    }
    remember(this.#budgets, key, budget, MAX_HOSTS);
    return budget;
  }

  #send(
    key: PeerKey,
    type: UtHolepunchMessage["type"],
    endpoint: Endpoint,
    errorCode = 0,
  ): void {
    const { hostname, port } = endpoint;
    const message = { type, endpoint: { hostname, port }, errorCode };
    this.#outputs.push({ type: "send", key, message });
  }
}

function textOf({ hostname, port }: Endpoint): string {
  return formatEndpoint({ hostname: normalizeHostname(hostname), port });
}

/** Where datagrams of a peer come from, as far as is known. */
function punchable(peer: PunchPeer): Endpoint | undefined {
  return peer.transport === "utp" ? peer.address : peer.listening;
}

function scopeOf({ hostname }: Endpoint): IpScope {
  const ip = tryParseIp(hostname);
  return ip === undefined ? "unspecified" : ipScope(ip);
}

/** Whether anybody can be at an endpoint. */
function isUsable(endpoint: Endpoint): boolean {
  return endpoint.port > 0 &&
    !["multicast", "unspecified", "reserved"].includes(scopeOf(endpoint));
}

/** Whether two can reach each other: one family, both local or both public. */
function areAlike(a: Endpoint, b: Endpoint): boolean {
  const [x, y] = [a, b].map(({ hostname }) => normalizeHostname(hostname));
  return x!.includes(":") === y!.includes(":") &&
    (scopeOf(a) === "global") === (scopeOf(b) === "global");
}
