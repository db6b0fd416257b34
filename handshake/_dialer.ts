/**
 * The outbound side of a handshaker.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { CandidateSinks } from "./_candidate_sinks.ts";
import { connectWithin } from "./_connect.ts";
import type { Slot } from "./_connection_table.ts";
import type { HandshakerCore, Pending } from "./_core.ts";
import { DialQueue } from "./_dial_queue.ts";
import { checkCandidate, connectFailure, failure } from "./_failure.ts";
import { Negotiation, openingFor } from "./_negotiation.ts";
import { torrentKey } from "./_torrent_registry.ts";
import { BITTORRENT_PROTOCOL } from "./message.ts";

/** A candidate on its way. Its slot holds the address while it waits. */
interface Attempt {
  readonly candidate: PeerCandidate;
  readonly slot: Slot;
}

/** Dials candidates as fast as the limits allow. */
export class Dialer {
  readonly #core: HandshakerCore;
  readonly #queue: DialQueue<Attempt>;
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
      full: () => this.#queue.full,
      connect: (candidate) => this.connect(candidate),
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

  /** Queues a candidate. */
  connect(candidate: PeerCandidate): void {
    const { infoHash, address, peerId, protocol } = candidate;
    const error = checkCandidate(candidate);
    if (error !== undefined) {
      return this.#core.fail(error, address, "outbound", candidate);
    }
    const key = this.#key(protocol ?? BITTORRENT_PROTOCOL, infoHash);
    const code = this.#core.table.check(key, address, peerId);
    if (code !== undefined || this.#queue.full) {
      const refused = failure(code ?? "queue-full");
      return this.#core.fail(refused, address, "outbound", candidate);
    }
    const slot = this.#core.table.openOutbound(key, address);
    this.#queue.push(key, { candidate, slot });
    this.pump();
  }

  /** Drops what waits for a torrent. */
  remove(key: string): void {
    for (const { candidate, slot } of this.#queue.remove(key)) {
      this.#core.table.close(slot);
      const error = failure("torrent-removed");
      this.#core.fail(error, candidate.address, "outbound", candidate);
    }
    this.sinks.wake();
  }

  /** Ends; nothing is dialled after this. */
  close(): void {
    this.#cancelPump?.();
    this.#queue.clear();
    this.sinks.close();
  }

  /** Dials as many as the limits allow and wakes up for the next. */
  pump(): void {
    if (this.#core.closed || this.#pumping) return;
    const { clock } = this.#core.settings;
    this.#cancelPump?.();
    this.#cancelPump = undefined;
    this.#pumping = true;
    while (!this.#core.events.full) {
      const dial = this.#queue.take(clock.now());
      if (dial === undefined) break;
      this.#core.track(this.#dial(dial.key, dial.item));
    }
    this.#pumping = false;
    this.sinks.wake();
    if (this.#core.events.full) return;
    const at = this.#queue.nextAt(clock.now());
    if (at !== undefined) {
      this.#cancelPump = clock.schedule(at, () => this.pump());
    }
  }

  async #dial(key: string, { candidate, slot }: Attempt): Promise<void> {
    const { address } = candidate;
    let connection: ByteConnection | undefined;
    try {
      const opening = openingFor(this.#core.context, candidate);
      const unwanted = new Negotiation(this.#core.context, address, opening)
        .precheck();
      if (unwanted !== undefined) throw unwanted;
      connection = await this.#connectTo(address, key);
      const { remote } = connection;
      const code = this.#core.table.resolve(slot, remote);
      if (code !== undefined) throw failure(code);
      const { peerId } = candidate;
      const policy = new Negotiation(
        this.#core.context,
        remote,
        opening,
        peerId,
      );
      // A DNS name has become an address, of which filters may know more.
      const blocked = policy.precheck();
      if (blocked !== undefined) throw blocked;
      await this.#core.shake(connection, policy, slot, {
        opening,
        candidate,
        key,
      });
    } catch (cause) {
      connection?.close();
      this.#core.table.close(slot);
      const error = connectFailure(cause);
      if (error.code === "self") this.#core.table.rememberSelf(address);
      this.#core.fail(error, address, "outbound", candidate);
    } finally {
      this.#queue.done(key);
      this.pump();
    }
  }

  async #connectTo(address: Endpoint, key: string): Promise<ByteConnection> {
    const { clock, limits, transport } = this.#core.settings;
    const stop = new AbortController();
    const { signal } = stop;
    const pending: Pending = { key, fail: (error) => stop.abort(error) };
    const timeoutMs = limits.connectTimeoutMs;
    this.#core.pending.add(pending);
    try {
      const options = { transport, clock, timeoutMs, signal };
      return await connectWithin(address, options);
    } finally {
      this.#core.pending.delete(pending);
    }
  }

  #key(protocol: string, infoHash: Uint8Array): string {
    return this.#core.torrents.find(protocol, infoHash)?.key ??
      torrentKey(protocol, infoHash);
  }
}
