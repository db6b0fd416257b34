/**
 * What both directions of a handshaker share: settings, bookkeeping, events,
 * and the handshake over an open connection.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import { ConnectionTable, type Slot } from "./_connection_table.ts";
import { EventBuffer } from "./_event_buffer.ts";
import { startExchange } from "./_exchange.ts";
import { failure } from "./_failure.ts";
import {
  inboundProtocols,
  type Negotiation,
  type NegotiationContext,
} from "./_negotiation.ts";
import type { HandshakerSettings } from "./_settings.ts";
import { torrentKey, TorrentRegistry } from "./_torrent_registry.ts";
import { TrackedConnection } from "./_tracked_connection.ts";
import type { HandshakeError, HandshakeErrorCode } from "./error.ts";
import type { HandshakeConnected, HandshakeEvent } from "./event.ts";
import { ExtensionBits } from "./extension_bits.ts";
import type { HandshakeDirection } from "./filter.ts";
import { HandshakeMachine } from "./handshake_machine.ts";
import { BITTORRENT_PROTOCOL, type HandshakeFields } from "./message.ts";

/** A connection in the making that can be ended from outside. */
export interface Pending {
  /** Its torrent, once known. */
  key: string | undefined;
  /** Ends it. */
  fail(error: HandshakeError): void;
}

/** What {@linkcode HandshakerCore.shake} must know of an outbound connection. */
export interface Outbound {
  /** What to say first. */
  readonly opening: HandshakeFields;
  /** Who was dialled. */
  readonly candidate: PeerCandidate;
  /** The torrent's key. */
  readonly key: string;
}

/** Failure events that wait for somebody to take them. */
const MAX_FAILED_EVENTS = 1024;

/** See the module. */
export class HandshakerCore {
  /** Checked options. */
  readonly settings: HandshakerSettings;
  /** What negotiations need. */
  readonly context: NegotiationContext;
  /** Torrents that are answered for. */
  readonly torrents: TorrentRegistry = new TorrentRegistry();
  /** Who is connected. */
  readonly table: ConnectionTable;
  /** What happened. */
  readonly events: EventBuffer;
  /** Everything in the making. */
  readonly pending: Set<Pending> = new Set();
  /** The inbound part of it, oldest first. */
  readonly pendingInbound: Set<Pending> = new Set();
  /** Completed handshakes. */
  readonly connected: Record<HandshakeDirection, number> = {
    inbound: 0,
    outbound: 0,
  };
  /** Failures by reason. */
  readonly failed: Partial<Record<HandshakeErrorCode, number>> = {};
  readonly #closing = new AbortController();
  readonly #tasks = new Set<Promise<void>>();

  /** Makes the shared part; `onRoom` is called when events were taken. */
  constructor(settings: HandshakerSettings, onRoom: () => void) {
    const { limits, peerId, extensions, filters, acceptAny } = settings;
    this.settings = settings;
    const torrents = this.torrents;
    this.context = { peerId, extensions, filters, acceptAny, torrents };
    this.table = new ConnectionTable({
      ...limits,
      peerId,
      exemptLoopback: settings.exemptLoopback,
      simultaneousMs: limits.handshakeTimeoutMs,
    });
    this.events = new EventBuffer({
      maxConnected: limits.maxWaiting,
      maxFailed: MAX_FAILED_EVENTS,
      revise: (event) => this.#revise(event),
      onRoom,
    });
  }

  /** Aborts when the handshaker closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether nothing new may begin. */
  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Waits for a task when closing. */
  track(task: Promise<void>): void {
    this.#tasks.add(task);
    const forget = () => this.#tasks.delete(task);
    task.then(forget, forget);
  }

  /** Reports a failure. */
  fail(
    error: HandshakeError,
    address: Endpoint,
    direction: HandshakeDirection,
    candidate?: PeerCandidate,
  ): void {
    if (this.closed) return;
    const reason = error.code;
    this.failed[reason] = (this.failed[reason] ?? 0) + 1;
    this.events.push({
      type: "failed",
      reason,
      error,
      address,
      direction,
      ...(candidate ? { candidate } : {}),
    });
  }

  /** A peer that gave way to another connection before anybody took it. */
  #revise(event: HandshakeConnected): HandshakeEvent {
    if (!(event.connection as TrackedConnection).closed) return event;
    const error = failure("duplicate-peer-id");
    const { address, direction, candidate } = event;
    this.connected[direction]--;
    this.failed[error.code] = (this.failed[error.code] ?? 0) + 1;
    return {
      type: "failed",
      reason: error.code,
      error,
      address,
      direction,
      ...(candidate ? { candidate } : {}),
    };
  }

  /** Ends everything in the making and waits for it. */
  async close(): Promise<void> {
    const error = failure("closed");
    this.#closing.abort(error);
    this.events.close();
    for (const pending of [...this.pending]) pending.fail(error);
    await Promise.allSettled([...this.#tasks]);
  }

  /** Shakes hands over an open connection; throws when that fails. */
  async shake(
    connection: ByteConnection,
    policy: Negotiation,
    slot: Slot,
    outbound?: Outbound,
  ): Promise<void> {
    const { clock, limits } = this.settings;
    const { direction } = slot;
    const opening = outbound?.opening;
    const machine = new HandshakeMachine({
      opening,
      protocols: opening
        ? [opening.protocol ?? BITTORRENT_PROTOCOL]
        : inboundProtocols(this.context),
      policy,
      startedAt: clock.now(),
      timeoutMs: limits.handshakeTimeoutMs,
    });
    const exchange = startExchange(connection, machine, clock);
    const pending: Pending = { key: outbound?.key, fail: exchange.fail };
    policy.onTorrent = (entry) => pending.key = entry?.key;
    this.pending.add(pending);
    if (direction === "inbound") this.pendingInbound.add(pending);
    try {
      const { message, sent } = await exchange.done;
      if (this.closed) throw failure("closed");
      const { protocol, peerId, extensions } = message;
      const told = direction === "outbound" ? message : sent;
      const wireInfoHash = told.infoHash;
      const { entry } = policy;
      const key = entry?.key ?? torrentKey(protocol, wireInfoHash);
      if (
        entry !== undefined &&
        this.torrents.find(protocol, entry.infoHash)?.key !== key
      ) throw failure("torrent-removed");
      const code = this.table.establish(slot, key, peerId, clock.now());
      if (code !== undefined) throw failure(code);
      const tracked = new TrackedConnection(
        connection,
        () => this.table.close(slot),
      );
      slot.close = () => tracked.close();
      this.connected[direction]++;
      const candidate = outbound?.candidate;
      this.events.push({
        type: "connected",
        connection: tracked,
        infoHash: entry?.infoHash ?? wireInfoHash,
        wireInfoHash,
        peerId,
        extensions: sent.extensions?.and(extensions) ?? new ExtensionBits(),
        remoteExtensions: extensions,
        protocol,
        address: connection.remote,
        direction,
        ...(candidate ? { candidate } : {}),
      });
    } finally {
      this.pending.delete(pending);
      this.pendingInbound.delete(pending);
    }
  }
}
