/**
 * The candidates of one torrent, and the attempts to connect to them.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../../_shared/address.ts";
import { randomInt } from "../../_shared/random.ts";
import type { HandshakeFailed } from "../../handshake/event.ts";
import { PeerList } from "../peer_list.ts";
import type { Swarm } from "./swarm.ts";
import type { TorrentEvent } from "../types.ts";

/** The event of an attempt that failed, perhaps after an introduction (BEP 55). */
export function peerFailed(
  { address, direction, reason, error }: HandshakeFailed,
  isPunch: boolean,
): TorrentEvent {
  const type = "peer-failed";
  if (isPunch) {
    const message =
      "Another peer introduced us, but nothing came through: its router or ours uses a different port for each connection";
    return { type, address, direction, reason: "punch-failed", message };
  }
  const message = `${error.message}${
    error.cause instanceof Error && error.cause.name !== "NotCapable"
      ? `: ${error.cause.message.replace(/ \(os error \d+\).*$/s, "")}`
      : ""
  }`;
  return { type, address, direction, reason, message };
}

/** An attempt that takes longer hardly needs a place, in milliseconds. */
const SLOW_MS = 4_000;
/** Between two wishes for a turn when none came, in milliseconds. */
const RETRY_MS = 1000;

/**
 * Dials candidates while there is room: at any time it waits for one turn, for
 * the moment when somebody may be tried again, or for nothing.
 */
export class CandidateDialer {
  /** The candidates. */
  readonly list: PeerList;
  readonly #host: Swarm;
  /** When the attempts under way were begun, the oldest first. */
  readonly #begun: number[] = [];
  #isWaiting = false;
  #cancelTimer: (() => void) | undefined;
  #isActive = false;

  constructor(host: Swarm) {
    const { random, sources, hosts } = host.context;
    this.#host = host;
    this.list = new PeerList({
      randomInt: (below) => randomInt(random, below),
      sources,
      hosts,
    });
  }

  /** Attempts under way. */
  get connecting(): number {
    return this.#begun.length;
  }

  /** Whether connections may be made. */
  get active(): boolean {
    return this.#isActive;
  }
  set active(active: boolean) {
    this.#isActive = active;
    this.connectMore();
  }

  /** Others are of use than before. */
  wake(): void {
    this.list.wake();
    this.connectMore();
  }

  /** Adds candidates and dials if there is room. */
  add(candidates: Iterable<PeerCandidate>): number {
    let added = 0;
    const { isBlocked } = this.#host.context;
    for (const candidate of candidates) {
      if (isBlocked(candidate.address.hostname)) continue;
      if (this.list.add(candidate)) added++;
    }
    this.connectMore();
    return added;
  }

  /** Asks for a turn if there is room and somebody to dial. */
  connectMore(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (!this.#mayDial()) return;
    const { clock } = this.#host.context;
    const now = clock.now();
    const at = this.#hasRoom(now) ? this.list.quietUntil : this.#roomAt(now);
    if (at > now) {
      if (at < Infinity) {
        this.#cancelTimer = clock.schedule(at, () => this.connectMore());
      }
      return;
    }
    this.#isWaiting = true;
    void this.#dial();
  }

  #mayDial(): boolean {
    return this.#isActive && !this.#isWaiting;
  }

  /** Whether there is room, without the places of attempts that are slow. */
  #hasRoom(now: number): boolean {
    const slow = this.#begun.filter((at) => at + SLOW_MS <= now).length;
    return this.#host.places.roomFor(this.connecting - slow) > 0;
  }

  /** When there is room for somebody, as far as is known. */
  #roomAt(now: number): number {
    const next = this.#begun.find((at) => at + SLOW_MS > now) ?? Infinity;
    return Math.min(this.list.namedReadyAt, next + SLOW_MS);
  }

  async #dial(): Promise<void> {
    const { infoHash, context } = this.#host;
    const { clock, handshaker } = context;
    let hasCome = false;
    let begunAt: number | undefined;
    const outcome = await handshaker.dialNext(infoHash, () => {
      hasCome = true;
      this.#isWaiting = false;
      const candidate = this.#choose();
      if (candidate !== undefined) begunAt = this.#begin();
      this.connectMore();
      return candidate;
    });
    this.#end(begunAt);
    if (outcome?.type === "connected") this.#host.attach(outcome);
    else if (outcome !== undefined) this.#fail(outcome);
    if (hasCome) return this.connectMore();
    // The torrent was removed, perhaps to be answered for otherwise.
    this.#isWaiting = false;
    if (!this.#isActive) return;
    this.#cancelTimer?.();
    const at = clock.now() + RETRY_MS;
    this.#cancelTimer = clock.schedule(at, () => this.connectMore());
  }

  /**
   * Dials by uTP whom an introducer tells of, who dials us now. What comes of it
   * says nothing of other ways to the peer; it is not tried again before another
   * introduction.
   */
  async punch(address: Endpoint): Promise<void> {
    const { infoHash, context } = this.#host;
    let begunAt: number | undefined;
    const choose = () => {
      if (
        !this.#isActive || !this.#hasRoom(context.clock.now()) ||
        this.list.isBanned(address.hostname) ||
        context.isBlocked(address.hostname)
      ) return undefined;
      begunAt = this.#begin();
      return { infoHash, address, source: "pex" };
    };
    const outcome = await context.handshaker.dialNext(infoHash, choose, {
      transport: "utp",
    });
    if (begunAt === undefined) return;
    this.#end(begunAt);
    if (outcome?.type === "connected") this.#host.attach(outcome, true);
    else if (outcome !== undefined && isUnreachable(outcome)) {
      this.#host.dialFailed(outcome, true);
    }
    this.connectMore();
  }

  #begin(): number {
    const now = this.#host.context.clock.now();
    this.#begun.push(now);
    return now;
  }

  #end(begunAt: number | undefined): void {
    if (begunAt === undefined) return;
    this.#begun.splice(this.#begun.indexOf(begunAt), 1);
  }

  #choose(): PeerCandidate | undefined {
    if (!this.#mayDial()) return undefined;
    const { infoHash, context, isComplete } = this.#host;
    const now = context.clock.now();
    const next = this.list.next(now, {
      skipSeeds: isComplete,
      namedOnly: !this.#hasRoom(now),
    });
    return next && { infoHash, ...next };
  }

  #fail(event: HandshakeFailed): void {
    const { candidate, reason, fault } = event;
    const { address } = candidate!;
    if (
      reason === "self" || reason === "invalid-candidate" ||
      reason === "blocked"
    ) this.list.remove(address);
    else {
      const outcome = reason === "torrent-removed"
        ? "stopped"
        : fault === "remote"
        ? "failed"
        : "local";
      this.list.released(address, this.#host.context.clock.now(), outcome);
      if (reason === "duplicate-peer-id") this.#host.adopt(address);
      if (isUnreachable(event)) this.#host.unreachable(candidate!);
    }
    this.#host.dialFailed(event);
  }
}

/** Whether nobody answered. */
function isUnreachable({ reason }: HandshakeFailed): boolean {
  return reason === "connect-failed" || reason === "connect-timeout";
}
