/**
 * Who is connected or connecting: limits per IP, duplicates, ourselves.
 *
 * Invariant: every slot that was opened is closed exactly once, and only open
 * slots are counted or found by address or peer id.
 *
 * @module
 */
import {
  type Endpoint,
  formatEndpoint,
  hostKey,
  ipScope,
  normalizeHostname,
  tryParseIp,
} from "../../_shared/address.ts";
import { compareBytes, toByteString } from "../../_shared/bytes.ts";
import { TokenBuckets } from "../../_shared/token_bucket.ts";
import type { HandshakeErrorCode } from "../error.ts";
import type { HandshakeDirection } from "../filter.ts";
import type { HandshakerSettings } from "./settings.ts";
import type { ByteConnection } from "../../_shared/byte_conn.ts";

/** Passes everything on; frees its slot at the first close. */
export class TrackedConnection implements ByteConnection {
  readonly #inner: ByteConnection;
  readonly #table: ConnectionTable;
  readonly #slot: Slot;
  /** Whether it was closed on this side. */
  isClosed = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly transport: string;

  /** Wraps an open connection. */
  constructor(
    inner: ByteConnection,
    transport: string,
    table: ConnectionTable,
    slot: Slot,
  ) {
    this.#inner = inner;
    this.#table = table;
    this.#slot = slot;
    this.local = inner.local;
    this.remote = inner.remote;
    this.transport = inner.transport ?? transport;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#inner.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#inner.write(data);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#inner.close();
    this.#table.close(this.#slot);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** One connection, from its first moment to its end. */
export class Slot {
  /** Who opened it. */
  readonly direction: HandshakeDirection;
  /** The port that was dialled, ours or theirs. */
  readonly listenPort: number;
  /** The connection behind it, once the handshake is done. */
  connection: Disposable | undefined;
  /** The other side's host; absent when not yet known. */
  host: string | undefined;
  /** The same for the limits; absent when exempt. */
  ip: string | undefined;
  /** Keys under which it is found by address. */
  readonly addressKeys: string[] = [];
  /** Key under which it is found by peer. */
  peerKey: string | undefined;
  /** Key of its torrent and IP. */
  torrentIpKey: string | undefined;
  /** When the handshake was complete, in ms. */
  establishedAt: number | undefined;
  /** Whether it was closed. */
  closed = false;

  /** Makes one that is found by nothing. */
  constructor(direction: HandshakeDirection, listenPort: number) {
    this.direction = direction;
    this.listenPort = listenPort;
  }
}

/** Own addresses remembered; more cannot be ours. */
const MAX_SELF = 64;
/** IPs whose inbound rate is remembered. */
const MAX_RATES = 4096;

function addressKey(torrent: string, address: Endpoint): string {
  return `${formatEndpoint(normal(address))} ${torrent}`;
}

function normal(address: Endpoint): Endpoint {
  return {
    hostname: normalizeHostname(address.hostname),
    port: address.port,
  };
}

/** A peer of a torrent, as far as one host can tell. */
function peerKey(
  torrent: string,
  host: string | undefined,
  peerId: Uint8Array,
): string {
  return `${torrent}${toByteString(peerId)}${host ?? ""}`;
}

/** All slots, found by address and by peer. */
export class ConnectionTable {
  readonly #settings: HandshakerSettings;
  readonly #counts = new Map<string, number>();
  readonly #rates: TokenBuckets;
  readonly #byAddress = new Map<string, Slot>();
  readonly #byPeer = new Map<string, Slot>();
  readonly #self = new Set<string>();
  /** Connections with a complete handshake. */
  established = 0;

  /** Makes an empty table. */
  constructor(settings: HandshakerSettings) {
    this.#settings = settings;
    const perSecond = settings.limits.inboundPerIpPerSecond;
    const burst = Math.max(1, 2 * perSecond);
    this.#rates = new TokenBuckets(perSecond, burst, MAX_RATES);
  }

  /** Why a candidate need not even wait in a queue. */
  check(
    torrent: string,
    address: Endpoint,
    peerId: Uint8Array | undefined,
  ): HandshakeErrorCode | undefined {
    if (this.#self.has(formatEndpoint(normal(address)))) return "self";
    if (this.#byAddress.has(addressKey(torrent, address))) {
      return "duplicate-address";
    }
    if (peerId !== undefined) {
      if (compareBytes(peerId, this.#settings.peerId) === 0) return "self";
      const identity = peerKey(torrent, hostKey(address.hostname), peerId);
      // Who came by itself may be anybody: only dialling tells.
      if (this.#byPeer.get(identity)?.direction === "outbound") {
        return "duplicate-peer-id";
      }
    }
    return undefined;
  }

  /** Opens a slot for a candidate; it holds its address from now on. */
  openOutbound(torrent: string, address: Endpoint): Slot {
    const slot = new Slot("outbound", address.port);
    this.#addAddress(slot, addressKey(torrent, address));
    return slot;
  }

  /**
   * Opens a slot for a connection that was accepted on a port of ours, if there
   * is room.
   */
  openInbound(
    address: Endpoint,
    listenPort: number,
    now: number,
  ): Slot | HandshakeErrorCode {
    const host = hostKey(address.hostname);
    const ip = this.#limitKey(host, address);
    if (ip !== undefined) {
      const { maxPerIp, maxPendingInboundPerIp } = this.#settings.limits;
      if (
        !this.#rates.use(ip, now).take(now) || this.#count(ip) >= maxPerIp ||
        this.#count("pending " + ip) >= maxPendingInboundPerIp
      ) return "too-many-from-ip";
      this.#add(ip, 1);
      this.#add("pending " + ip, 1);
    }
    const slot = new Slot("inbound", listenPort);
    slot.host = host;
    slot.ip = ip;
    return slot;
  }

  /** Counts an outbound slot once the real address is known. */
  resolve(slot: Slot, remote: Endpoint): HandshakeErrorCode | undefined {
    if (slot.ip !== undefined) return undefined;
    slot.host = hostKey(remote.hostname);
    const ip = this.#limitKey(slot.host, remote);
    if (ip === undefined || slot.closed) return undefined;
    if (this.#count(ip) >= this.#settings.limits.maxPerIp) {
      return "too-many-from-ip";
    }
    this.#add(ip, 1);
    slot.ip = ip;
    return undefined;
  }

  /** Remembers an address as our own. */
  rememberSelf(address: Endpoint): void {
    if (this.#self.size >= MAX_SELF) {
      const [oldest] = this.#self;
      this.#self.delete(oldest!);
    }
    this.#self.add(formatEndpoint(normal(address)));
  }

  /**
   * Marks a slot as connected to a peer.
   *
   * Of two connections that two hosts opened to each other, both keep the one
   * that the side with the lower listening port opened, whenever the other
   * comes: so does libtorrent. With equal ports, where it leaves it to chance,
   * the greater peer id decides. The loser is closed here.
   *
   * From another host anybody may pretend to be the peer, whose id is no
   * secret: both connections stay. So do one that came long ago and one that we
   * dial now: if it is the peer, it ends one of them by the rule above.
   */
  establish(
    slot: Slot,
    torrent: string,
    peerId: Uint8Array,
    now: number,
  ): HandshakeErrorCode | undefined {
    const identity = peerKey(torrent, slot.host, peerId);
    const existing = this.#byPeer.get(identity);
    const isCheck = slot.direction === "outbound" &&
      existing?.direction === "inbound" &&
      now - existing.establishedAt! > this.#settings.limits.handshakeTimeoutMs;
    const rival = isCheck ? undefined : existing;
    if (rival !== undefined && !this.#replaces(slot, rival, peerId)) {
      // Spares dialling the same peer by this address again. Who came by itself
      // may not be it.
      if (rival.direction === "outbound" && rival.addressKeys.length < 4) {
        for (const key of slot.addressKeys.splice(0)) {
          this.#byAddress.delete(key);
          this.#addAddress(rival, key);
        }
      }
      return "duplicate-peer-id";
    }
    const key = slot.ip === undefined ? undefined : `${slot.ip} ${torrent}`;
    if (key !== undefined) {
      const leaving = rival?.torrentIpKey === key ? 1 : 0;
      if (
        this.#count(key) - leaving >= this.#settings.limits.maxPerIpPerTorrent
      ) {
        return "too-many-from-ip";
      }
    }
    if (rival !== undefined) {
      rival.connection?.[Symbol.dispose]();
      this.close(rival);
    }
    if (key !== undefined) {
      this.#add(key, 1);
      slot.torrentIpKey = key;
      if (slot.direction === "inbound") this.#add("pending " + slot.ip, -1);
    }
    slot.establishedAt = now;
    slot.peerKey = identity;
    this.#byPeer.set(identity, slot);
    this.established++;
    return undefined;
  }

  /** Whether a second connection with a peer takes the place of the first. */
  #replaces(slot: Slot, existing: Slot, peerId: Uint8Array): boolean {
    return slot.direction !== existing.direction &&
      slot.direction === this.#winner(slot, existing, peerId);
  }

  /** Which of an inbound and an outbound connection with one peer to keep. */
  #winner(a: Slot, b: Slot, peerId: Uint8Array): HandshakeDirection {
    const [ours, theirs] = a.direction === "inbound"
      ? [a.listenPort, b.listenPort]
      : [b.listenPort, a.listenPort];
    const order = ours === theirs
      ? compareBytes(peerId, this.#settings.peerId)
      : ours - theirs;
    return order < 0 ? "outbound" : "inbound";
  }

  /** Frees a slot. Idempotent. */
  close(slot: Slot): void {
    if (slot.closed) return;
    slot.closed = true;
    for (const key of slot.addressKeys) this.#byAddress.delete(key);
    const { peerKey: key } = slot;
    if (key !== undefined && this.#byPeer.get(key) === slot) {
      this.#byPeer.delete(key);
    }
    if (slot.torrentIpKey !== undefined) this.#add(slot.torrentIpKey, -1);
    if (slot.ip !== undefined) {
      this.#add(slot.ip, -1);
      if (slot.direction === "inbound" && slot.establishedAt === undefined) {
        this.#add("pending " + slot.ip, -1);
      }
    }
    if (slot.establishedAt !== undefined) this.established--;
  }

  #addAddress(slot: Slot, key: string): void {
    slot.addressKeys.push(key);
    this.#byAddress.set(key, slot);
  }

  /** The host as far as the limits hold for it. */
  #limitKey(
    host: string,
    address: Endpoint,
  ): string | undefined {
    const bytes = tryParseIp(address.hostname);
    if (bytes === undefined) return undefined;
    return this.#settings.exemptLoopback && ipScope(bytes) === "loopback"
      ? undefined
      : host;
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #add(key: string, change: number): void {
    const count = this.#count(key) + change;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
