/**
 * The outbound side of a handshaker.
 *
 * @module
 */
import { formatEndpoint, type PeerCandidate } from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import { CandidateSinks, type Dial, DialQueue } from "./dial_queue.ts";
import { connectWithin, race } from "./race.ts";
import type { Slot } from "../core/connection_table.ts";
import type { HandshakerCore, Pending } from "../core/core.ts";
import {
  connectTimeoutMs,
  type DialAttempt,
  dialLanes,
  DialPlan,
  headStartMs,
  PastDials,
} from "./dial_plan.ts";
import { checkCandidate, connectFailure } from "../core/failure.ts";
import { Negotiation, openingFor } from "../core/negotiation.ts";
import { torrentKey } from "../core/torrent_registry.ts";
import { failure, HandshakeError, type HandshakeErrorCode } from "../error.ts";
import type { HandshakeEvent, HandshakeFailed } from "../event.ts";
import type { DialOptions } from "../handshaker_options.ts";
import { BITTORRENT_PROTOCOL } from "../message.ts";

/** A candidate on its way. */
interface Attempt {
  readonly candidate: PeerCandidate;
  /** Holds the address. */
  readonly slot: Slot;
}

/** A call that waits for a turn. */
interface Waiter {
  /** Chooses the candidate when the turn comes; `undefined` for none. */
  begin(): Attempt | HandshakeFailed | undefined;
  /** Takes the outcome. */
  settle(outcome: HandshakeEvent | undefined): void;
  /** Takes what `begin` threw. */
  reject(cause: unknown): void;
  /** How to dial. */
  readonly options: DialOptions;
  /** Makes the outcome when the turn never comes. */
  refuse(error: HandshakeError): HandshakeFailed | undefined;
  /** Ends the attempt: others need its place. */
  readonly late: AbortController;
}

/** How it looks when a peer does not like the first bytes. */
const HUNG_UP: ReadonlySet<HandshakeErrorCode> = new Set([
  "connection-lost",
  "encryption-failed",
]);

/** How it looks when a transport does not lead to a peer. */
const NO_WAY: ReadonlySet<HandshakeErrorCode> = new Set([
  "connect-failed",
  "connect-timeout",
]);

/** Why an attempt was called off. */
function calledOff({ reason }: AbortSignal): HandshakeError {
  return reason instanceof HandshakeError ? reason : failure("aborted");
}

/** Dials candidates as fast as the limits allow. */
export class Dialer {
  readonly #core: HandshakerCore;
  readonly #queue: DialQueue<Waiter>;
  readonly #past = new PastDials();
  #pumping = false;
  #cancelPump: (() => void) | undefined;
  /** Streams that candidates come from. */
  readonly sinks: CandidateSinks;

  /** Makes an idle dialer. */
  constructor(core: HandshakerCore) {
    const { limits, clock } = core.settings;
    this.#core = core;
    this.#queue = new DialQueue(limits, clock.now());
    this.sinks = new CandidateSinks({
      full: () => this.#queue.full || core.events.full,
      connect: (candidate) =>
        void this.dial(candidate, {})
          .then((outcome) => core.events.push(outcome)),
    });
  }

  /** Candidates waiting. */
  get queued(): number {
    return this.#queue.size;
  }

  /** Connections in the making. */
  get halfOpen(): number {
    return this.#queue.halfOpen;
  }

  /** See `Handshaker.dial`. */
  async dial(
    candidate: PeerCandidate,
    options: DialOptions,
  ): Promise<HandshakeEvent> {
    const attempt = this.#begin(candidate);
    if ("type" in attempt) return attempt;
    const { slot } = attempt;
    const outcome = await this.#wait(
      candidate.infoHash,
      candidate.protocol,
      options,
      () => attempt,
      (error) => {
        this.#core.table.close(slot);
        return this.#fail(error, candidate);
      },
    );
    return outcome!;
  }

  /** See `Handshaker.dialNext`. */
  dialNext(
    infoHash: Uint8Array,
    choose: () => PeerCandidate | undefined,
    options: DialOptions,
  ): Promise<HandshakeEvent | undefined> {
    const begin = () => {
      const candidate = choose();
      return candidate && this.#begin(candidate);
    };
    return this.#wait(infoHash, undefined, options, begin, () => undefined);
  }

  /** Drops what waits for a torrent. */
  remove(key: string): void {
    this.#refuse(this.#queue.remove(key), failure("torrent-removed"));
    this.sinks.wake();
  }

  /** Ends; nothing is dialled after this. */
  close(): void {
    this.#cancelPump?.();
    this.#refuse(this.#queue.clear(), failure("closed"));
    this.sinks.close();
  }

  /** Dials as many as the limits allow and wakes up for the next. */
  pump(): void {
    if (this.#core.isClosed || this.#pumping) return;
    const { clock } = this.#core.settings;
    this.#cancelPump?.();
    this.#cancelPump = undefined;
    this.#pumping = true;
    while (true) {
      const turn = this.#queue.take(clock.now());
      if (turn === undefined) break;
      this.#core.track(this.#serve(turn));
    }
    this.#queue.takeLate(clock.now())?.item.late.abort(
      failure("connect-timeout", "it takes long and others wait"),
    );
    this.#pumping = false;
    this.sinks.wake();
    const at = this.#queue.nextAt(clock.now());
    if (at !== undefined) {
      this.#cancelPump = clock.schedule(at, () => this.pump());
    }
  }

  /** Takes the address of a candidate, if it may be dialled. */
  #begin(candidate: PeerCandidate): Attempt | HandshakeFailed {
    const { infoHash, address, peerId, protocol } = candidate;
    const { table } = this.#core;
    const key = this.#key(protocol ?? BITTORRENT_PROTOCOL, infoHash);
    const impossible = checkCandidate(candidate);
    if (impossible !== undefined) return this.#fail(impossible, candidate);
    const code = table.check(key, address, peerId);
    if (code !== undefined) return this.#fail(failure(code), candidate);
    return { candidate, slot: table.openOutbound(key, address) };
  }

  /** Waits for a turn and for what comes of it. */
  #wait(
    infoHash: Uint8Array,
    protocol: string = BITTORRENT_PROTOCOL,
    options: DialOptions,
    begin: Waiter["begin"],
    refuse: Waiter["refuse"],
  ): Promise<HandshakeEvent | undefined> {
    const key = this.#key(protocol, infoHash);
    const { signal } = options;
    const refusal = this.#core.isClosed
      ? failure("closed")
      : signal?.aborted
      ? failure("aborted")
      : this.#queue.full
      ? failure("queue-full")
      : undefined;
    if (refusal !== undefined) return Promise.resolve(refuse(refusal));
    const { promise, resolve, reject } = Promise.withResolvers<
      HandshakeEvent | undefined
    >();
    const onAbort = () => {
      if (!this.#queue.removeItem(key, waiter)) return;
      settle(refuse(failure("aborted")));
      this.sinks.wake();
    };
    const settle = (outcome: HandshakeEvent | undefined) => {
      signal?.removeEventListener("abort", onAbort);
      resolve(outcome);
    };
    const late = new AbortController();
    const waiter: Waiter = { begin, settle, reject, refuse, options, late };
    this.#queue.push(key, waiter);
    signal?.addEventListener("abort", onAbort, { once: true });
    this.pump();
    return promise;
  }

  #refuse(waiters: readonly Waiter[], error: HandshakeError): void {
    for (const waiter of waiters) waiter.settle(waiter.refuse(error));
  }

  async #serve(turn: Dial<Waiter>): Promise<void> {
    const { key, item: waiter } = turn;
    try {
      const attempt = waiter.begin();
      waiter.settle(
        attempt === undefined || "type" in attempt
          ? attempt
          : await this.#dial(key, attempt, waiter),
      );
    } catch (cause) {
      waiter.reject(cause);
    } finally {
      this.#queue.done(turn);
      this.pump();
    }
  }

  async #dial(
    key: string,
    { candidate, slot }: Attempt,
    { options: { signal, transport: only }, late }: Waiter,
  ): Promise<HandshakeEvent> {
    const { address } = candidate;
    const { table, settings } = this.#core;
    const { clock, encryption, transports } = settings;
    const name = formatEndpoint(address);
    const past = this.#past.of(name);
    const lanes = dialLanes(
      only === undefined
        ? transports
        : transports.filter((transport) => transport.name === only),
      { encryption, hints: candidate.hints, past },
    );
    // What is known is tried alone; what hangs up once gets the other kind then.
    const kinds = lanes[0]?.encrypted.length ?? 0;
    let hungUp = 0;
    try {
      if (lanes.length === 0) throw failure("connect-failed");
      const headStart = headStartMs(candidate.hints);
      return await race(new DialPlan(lanes, clock.now(), headStart), {
        clock,
        run: async (attempt, turn, lost) => {
          const ended = AbortSignal.any(
            [lost, late.signal, ...(signal ? [signal] : [])],
          );
          try {
            const event = await this.#try(
              key,
              candidate,
              slot,
              attempt,
              turn,
              ended,
            );
            this.#past.worked(name, attempt);
            return event;
          } catch (cause) {
            const { code } = connectFailure(cause);
            if (ended.aborted) throw cause;
            if (NO_WAY.has(code)) {
              this.#past.failed(name, attempt.transport.name);
            } else if (
              code === "handshake-timeout" ||
              (HUNG_UP.has(code) && ++hungUp >= kinds)
            ) this.#past.guess(name, !attempt.encrypted);
            throw cause;
          }
        },
        judge: (cause) => {
          const { code } = connectFailure(cause);
          return HUNG_UP.has(code)
            ? "hung-up"
            : NO_WAY.has(code)
            ? "failed"
            : "final";
        },
        lost: failure("aborted"),
      });
    } catch (cause) {
      const error = connectFailure(cause);
      table.close(slot);
      this.#core.noteRefusal(cause);
      if (error.code === "self") table.rememberSelf(address);
      return this.#fail(error, candidate);
    }
  }

  /** Makes one connection and shakes hands over it. */
  async #try(
    key: string,
    candidate: PeerCandidate,
    slot: Slot,
    { transport, encrypted }: DialAttempt,
    turn: (signal: AbortSignal) => Promise<void>,
    signal: AbortSignal,
  ): Promise<HandshakeEvent> {
    const { address, peerId } = candidate;
    const { context, table, settings } = this.#core;
    const stop = new AbortController();
    const pending: Pending = { key, fail: (error) => stop.abort(error) };
    const onAbort = () => pending.fail(calledOff(signal));
    this.#core.pending.add(pending);
    signal.addEventListener("abort", onAbort, { once: true });
    let connection: ByteConnection | undefined;
    try {
      if (this.#core.isClosed) throw failure("closed");
      if (signal.aborted) throw calledOff(signal);
      const opening = openingFor(context, candidate);
      const unwanted = new Negotiation(context, address, opening).precheck();
      if (unwanted !== undefined) throw unwanted;
      connection = await connectWithin(address, {
        transport,
        clock: settings.clock,
        timeoutMs: connectTimeoutMs(
          settings.limits.connectTimeoutMs,
          candidate.hints,
        ),
        signal: stop.signal,
      });
      stop.signal.throwIfAborted();
      const { remote } = connection;
      const code = table.resolve(slot, remote);
      if (code !== undefined) throw failure(code);
      const policy = new Negotiation(context, remote, opening, peerId);
      // A DNS name has become an address, of which filters may know more.
      const blocked = policy.precheck();
      if (blocked !== undefined) throw blocked;
      await turn(stop.signal);
      const outbound = { opening, candidate, encrypted, pending };
      const { name } = transport;
      return await this.#core.shake(connection, policy, slot, name, outbound);
    } catch (cause) {
      connection?.close();
      throw cause;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#core.pending.delete(pending);
    }
  }

  #fail(error: HandshakeError, candidate: PeerCandidate): HandshakeFailed {
    return this.#core.fail(error, candidate.address, "outbound", candidate);
  }

  #key(protocol: string, infoHash: Uint8Array): string {
    return this.#core.torrents.find(protocol, infoHash)?.key ??
      torrentKey(protocol, infoHash);
  }
}
