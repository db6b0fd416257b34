/**
 * What both directions of a handshaker share: settings, bookkeeping, events,
 * and the handshake over an open connection.
 *
 * @module
 */
import {
  type Endpoint,
  type PeerCandidate,
  shareKey,
  siteKey,
} from "../../_shared/address.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";
import { FairBucket } from "../../_shared/token_bucket.ts";
import {
  ConnectionTable,
  type Slot,
  TrackedConnection,
} from "./connection_table.ts";
import { EventBuffer } from "./event_buffer.ts";
import { type Exchange, startExchange } from "./exchange.ts";
import {
  connectFailure,
  DescriptorGuard,
  isOutOfDescriptors,
} from "./failure.ts";
import {
  inboundProtocols,
  type Negotiation,
  type NegotiationContext,
} from "./negotiation.ts";
import type { HandshakerSettings } from "./settings.ts";
import { torrentKey, TorrentRegistry } from "./torrent_registry.ts";
import {
  failure,
  type HandshakeError,
  type HandshakeErrorCode,
} from "../error.ts";
import type {
  HandshakeConnected,
  HandshakeEvent,
  HandshakeFailed,
} from "../event.ts";
import { EncryptedConnection } from "../encryption/encrypted_connection.ts";
import { allowsPlain, mseMethods } from "../encryption_policy.ts";
import { type MseComplete, MseMachine } from "../encryption/mse_machine.ts";
import { ExtensionBits } from "../extension_bits.ts";
import type { HandshakeDirection } from "../filter.ts";
import { HandshakeMachine } from "../handshake_machine.ts";
import {
  BITTORRENT_PROTOCOL,
  type HandshakeFields,
  handshakeHeader,
} from "../message.ts";

/** A connection in the making that can be ended from outside. */
export interface Pending {
  /** Its torrent, once known. */
  key: string | undefined;
  /** Where it comes from, when it came by itself. */
  readonly site?: string | undefined;
  /** Ends it. */
  fail(error: HandshakeError): void;
}

/** What {@linkcode HandshakerCore.shake} must know of an outbound connection. */
export interface Outbound {
  /** What to say first. */
  readonly opening: HandshakeFields;
  /** Whether to exchange keys first. */
  readonly encrypted: boolean;
  /** Who was dialled. */
  readonly candidate: PeerCandidate;
  /** Ends the attempt, whatever it is doing. */
  readonly pending: Pending;
}

/** So many may go on shaking hands where descriptors are few. */
const FEW_PENDING = 8;
/** Most bytes of a handshake that are handed on without a wrapper. */
const MAX_HEAD = 48;

/**
 * Encrypted connections accepted in a second, in all and of one host once half
 * are used up: their keys cost time.
 */
const ENCRYPTED_PER_SECOND = 200;
const ENCRYPTED_PER_SECOND_A_HOST = 10;

/** What both directions of a handshaker share. */
export class HandshakerCore {
  /** Checked options. */
  readonly settings: HandshakerSettings;
  /** What negotiations need. */
  readonly context: NegotiationContext;
  /** Torrents that are answered for. */
  readonly torrents: TorrentRegistry = new TorrentRegistry();
  /** Who is connected. */
  readonly table: ConnectionTable;
  /** Outcomes that no call waits for. */
  readonly events: EventBuffer;
  /** Leaves descriptors for others. */
  readonly descriptors: DescriptorGuard = new DescriptorGuard();
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
  readonly #encrypted: FairBucket;
  readonly #tasks = new Set<Promise<void>>();

  /** Makes the shared part; `onRoom` is called when events were taken. */
  constructor(settings: HandshakerSettings, onRoom: () => void) {
    const { limits, peerId, extensions, filters, acceptAny } = settings;
    this.settings = settings;
    this.#encrypted = new FairBucket(
      { perSecond: ENCRYPTED_PER_SECOND, each: ENCRYPTED_PER_SECOND_A_HOST },
      settings.clock.now(),
    );
    const torrents = this.torrents;
    this.context = { peerId, extensions, filters, acceptAny, torrents };
    this.table = new ConnectionTable(settings);
    this.events = new EventBuffer({
      capacity: limits.maxWaiting,
      revise: (event) => this.#revise(event),
      onRoom,
    });
  }

  /** Aborts when the handshaker closes. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Whether nothing new may begin. */
  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Waits for a task when closing. */
  track(task: Promise<void>): void {
    this.#tasks.add(task);
    const forget = () => this.#tasks.delete(task);
    task.then(forget, forget);
  }

  /** Counts a failure, and makes its event. */
  fail(
    error: HandshakeError,
    address: Endpoint,
    direction: HandshakeDirection,
    candidate?: PeerCandidate,
  ): HandshakeFailed {
    this.failed[error.code] = (this.failed[error.code] ?? 0) + 1;
    return {
      type: "failed",
      reason: error.code,
      fault: error.fault,
      error,
      address,
      direction,
      ...(candidate ? { candidate } : {}),
    };
  }

  /** Makes room when the system has refused a descriptor. */
  noteRefusal(cause: unknown): void {
    if (!isOutOfDescriptors(cause)) return;
    const now = this.settings.clock.now();
    this.descriptors.refused(this.open(), now);
    while (this.open() > this.descriptors.limit(now) && this.dropOldest());
  }

  /** Connections that are open or shaking hands. */
  open(): number {
    return this.table.established + this.pending.size;
  }

  /** Lets a connection go, if it can: of those shaking hands when they are many. */
  makeRoom(): boolean {
    const isCrowd = this.pendingInbound.size > FEW_PENDING;
    return isCrowd && this.dropOldest() || this.settings.makeRoom() ||
      this.dropOldest();
  }

  /**
   * Lets an inbound connection that is shaking hands go, if there is one: the
   * oldest of the site that has most of them.
   */
  dropOldest(): boolean {
    const counts = new Map<string, number>();
    for (const { site = "" } of this.pendingInbound) {
      counts.set(site, (counts.get(site) ?? 0) + 1);
    }
    let oldest: Pending | undefined;
    let most = 0;
    for (const pending of this.pendingInbound) {
      const count = counts.get(pending.site ?? "")!;
      if (count <= most) continue;
      most = count;
      oldest = pending;
    }
    if (oldest === undefined) return false;
    this.pendingInbound.delete(oldest);
    this.pending.delete(oldest);
    oldest.fail(failure("overloaded"));
    return true;
  }

  /** A peer that gave way to another connection before anybody took it. */
  #revise(event: HandshakeConnected): HandshakeEvent {
    if (!(event.connection as TrackedConnection).isClosed) return event;
    const { address, direction, candidate } = event;
    this.connected[direction]--;
    return this.fail(
      failure("duplicate-peer-id"),
      address,
      direction,
      candidate,
    );
  }

  /** Ends everything in the making and waits for it. */
  async close(): Promise<void> {
    const error = failure("closed");
    this.#closing.abort(error);
    this.events.close();
    for (const pending of [...this.pending]) pending.fail(error);
    await Promise.allSettled([...this.#tasks]);
  }

  /** Starts to agree on encryption, where that may be needed. */
  #exchangeKeys(
    connection: ByteConnection,
    startedAt: number,
    outbound: Outbound | undefined,
    initialPayload: Uint8Array,
  ): Exchange<MseComplete> | undefined {
    const { clock, limits, encryption, random } = this.settings;
    const common = {
      methods: mseMethods(encryption),
      random,
      startedAt,
      timeoutMs: limits.handshakeTimeoutMs,
    };
    if (outbound !== undefined) {
      if (!outbound.encrypted) return undefined;
      const { opening } = outbound;
      const machine = new MseMachine({
        ...common,
        direction: "outbound",
        infoHash: opening.infoHash,
        initialPayload,
      });
      return startExchange<MseComplete>(connection, machine, clock);
    }
    const protocols = inboundProtocols(this.context);
    if (encryption === "off" || protocols === "any") return undefined;
    const machine = new MseMachine({
      ...common,
      direction: "inbound",
      headers: protocols.map(handshakeHeader),
      plainAllowed: allowsPlain(encryption),
      admit: () =>
        this.#encrypted.take(shareKey(connection.remote.hostname), clock.now()),
      findInfoHash: (name) => this.torrents.findEncrypted(name),
    });
    return startExchange<MseComplete>(connection, machine, clock);
  }

  /** Shakes hands over an open connection; throws when that fails. */
  async shake(
    connection: ByteConnection,
    policy: Negotiation,
    slot: Slot,
    transport: string,
    outbound?: Outbound,
  ): Promise<HandshakeConnected> {
    const { clock, limits } = this.settings;
    const { direction } = slot;
    const opening = outbound?.opening;
    const startedAt = clock.now();
    const machine = new HandshakeMachine({
      opening,
      protocols: opening
        ? [opening.protocol ?? BITTORRENT_PROTOCOL]
        : inboundProtocols(this.context),
      policy,
      startedAt,
      timeoutMs: limits.handshakeTimeoutMs,
    });
    const pending: Pending = outbound?.pending ??
      {
        key: undefined,
        site: siteKey(connection.remote.hostname),
        fail: () => {},
      };
    if (outbound === undefined) {
      policy.onTorrent = (entry) => pending.key = entry?.key;
    }
    this.pending.add(pending);
    if (direction === "inbound") this.pendingInbound.add(pending);
    let current: { readonly heard: boolean } | undefined;
    try {
      // With the keys goes an ordinary handshake, which saves a round trip.
      const { protocol: dialled = BITTORRENT_PROTOCOL } = opening ?? {};
      const first = outbound?.encrypted && dialled === BITTORRENT_PROTOCOL
        ? machine.poll()
        : undefined;
      const exchanged = this.#exchangeKeys(
        connection,
        startedAt,
        outbound,
        first?.type === "send" ? first.data : new Uint8Array(0),
      );
      current = exchanged;
      pending.fail = exchanged?.fail ?? pending.fail;
      const secured = await exchanged?.done;
      const { ciphers, payload } = secured ?? {};
      // A few bytes go straight into the handshake: most connections are plain.
      const head = ciphers === undefined && (payload?.length ?? 0) <= MAX_HEAD
        ? payload
        : undefined;
      const stream = payload === head
        ? connection
        : new EncryptedConnection(connection, ciphers, payload!);
      const exchange = startExchange(stream, machine, clock, head);
      if (secured === undefined) current = exchange;
      pending.fail = exchange.fail;
      const { message, sent } = await exchange.done;
      if (this.isClosed) throw failure("closed");
      const { protocol, peerId, extensions } = message;
      const told = direction === "outbound" ? message : sent;
      const wireInfoHash = told.infoHash;
      const { entry } = policy;
      const key = entry?.key ?? torrentKey(protocol, wireInfoHash);
      if (
        entry !== undefined &&
        this.torrents.find(protocol, entry.infoHash)?.key !== key
      ) throw failure("torrent-removed");
      // Another way to the same peer was faster.
      if (slot.connection !== undefined) throw failure("aborted");
      const code = this.table.establish(slot, key, peerId, clock.now());
      if (code !== undefined) throw failure(code);
      const tracked = new TrackedConnection(
        stream,
        transport,
        this.table,
        slot,
      );
      slot.connection = tracked;
      this.connected[direction]++;
      const candidate = outbound?.candidate;
      return {
        type: "connected",
        connection: tracked,
        infoHash: entry?.infoHash ?? wireInfoHash,
        wireInfoHash,
        peerId,
        extensions: sent.extensions?.and(extensions) ?? new ExtensionBits(),
        remoteExtensions: extensions,
        protocol,
        address: connection.remote,
        transport: tracked.transport,
        encryption: ciphers ? "rc4" : secured?.exchanged ? "plaintext" : "none",
        direction,
        ...(candidate ? { candidate } : {}),
      };
    } catch (cause) {
      const isOver = connectFailure(cause).code === "connection-lost";
      // Another of its ways to us was faster.
      throw isOver && direction === "inbound" && current?.heard === false
        ? failure("aborted")
        : cause;
    } finally {
      this.pending.delete(pending);
      this.pendingInbound.delete(pending);
    }
  }
}
