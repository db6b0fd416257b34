/**
 * Many uTP connections over one UDP socket, which other protocols may share.
 *
 * @module
 */
import {
  type Endpoint,
  normalizeHostname,
  shareKey,
} from "../_shared/address.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import { type DatagramSocket, serveDatagrams } from "../_shared/datagram.ts";
import {
  FairBucket,
  TokenBucket,
  TokenBuckets,
} from "../_shared/token_bucket.ts";
import {
  randomInt,
  type RandomSource,
  systemRandom,
} from "../_shared/random.ts";
import { UtpAcceptor } from "./acceptor.ts";
import { UtpConnection, type UtpPort } from "./driver/connection.ts";
import { Outbox } from "./driver/outbox.ts";
import { SharedSocket } from "./driver/shared_socket.ts";
import { UtpError } from "./error.ts";
import {
  classifyDatagram,
  createUtpPacket,
  tryDecodeUtpPacket,
  UTP_HEADER_LENGTH,
  type UtpPacket,
  writeUtpHeader,
} from "./packet.ts";
import { UtpSocketMachine } from "./socket_machine.ts";

/** Longest datagram that is received. */
const MAX_RECEIVED = 65_536;
/** Connections of different hosts that may have one id. */
const MAX_SAME_ID = 8;
/** Accepted connections that nobody has taken yet. */
const MAX_BACKLOG = 128;
/** SYNs answered in a second, in all, and of one host once half are used up. */
const SYNS_PER_SECOND = 1000;
const MAX_SYNS_AT_ONCE = 2000;
const SYNS_PER_SECOND_A_HOST = 1;
/** Tokens a second of a host without connections: a SYN costs one. */
const STRANGERS_PER_SECOND = 100;
/** What a packet costs that follows no answer: it may be a guess at one. */
const GUESS_COST = 5;
const MAX_HOSTS = 1024;
/** Connections that are closed here and wait for the other side. */
const MAX_CLOSING = 256;
/** RESETs sent in a second to those who have no connection. */
const RESETS_PER_SECOND = 20;

/** Options of {@linkcode UtpMultiplexer}. */
export interface UtpMultiplexerOptions {
  /** The socket; it is closed with the multiplexer. */
  readonly socket: DatagramSocket;
  /** Connections at a time, both ways. @default {2000} */
  readonly maxConnections?: number | undefined;
  /** Clock to use. @default {systemClock} */
  readonly clock?: Clock | undefined;
  /** Source of ids and sequence numbers. @default {systemRandom} */
  readonly random?: RandomSource | undefined;
}

/**
 * Tells uTP from other protocols by the first bytes of a datagram (BEP 29), and
 * connections by the sender's address and the connection id.
 */
export class UtpMultiplexer implements Disposable {
  readonly #socket: DatagramSocket;
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #maxConnections: number;
  readonly #port: UtpPort;
  /** Connections by the id of what they receive. */
  readonly #byId = new Map<number, UtpConnection[]>();
  #count = 0;
  readonly #closing = new Set<UtpConnection>();
  readonly #accepted: UtpConnection[] = [];
  #onAccepted: (() => void) | undefined;
  #isListening = false;
  #isClosed = false;
  readonly #packet = createUtpPacket();
  /** Who has received something since the last pump, and when that began. */
  readonly #batch: (UtpConnection | undefined)[] = [];
  #batchLength = 0;
  #batchAt: number | undefined;
  readonly #outbox: Outbox;
  readonly #acceptor: UtpAcceptor;
  readonly #syns: FairBucket;
  readonly #strangers = new TokenBuckets(
    STRANGERS_PER_SECOND,
    STRANGERS_PER_SECOND,
    MAX_HOSTS,
  );
  readonly #resets: TokenBucket;
  readonly #running: Promise<void>;
  /** What is no uTP, for other protocols on the same port, by IP version. */
  readonly others: Readonly<Record<"ipv4" | "ipv6", SharedSocket>>;

  /**
   * Takes over a socket.
   *
   * @param options See {@linkcode UtpMultiplexerOptions}.
   */
  constructor(options: UtpMultiplexerOptions) {
    const { socket, clock = systemClock, random = systemRandom } = options;
    this.#socket = socket;
    this.#clock = clock;
    this.#random = random;
    this.#maxConnections = options.maxConnections ?? 2000;
    this.#acceptor = new UtpAcceptor(random, clock.now());
    this.#syns = new FairBucket(
      {
        perSecond: SYNS_PER_SECOND,
        burst: MAX_SYNS_AT_ONCE,
        each: SYNS_PER_SECOND_A_HOST,
      },
      clock.now(),
    );
    this.#resets = new TokenBucket(
      RESETS_PER_SECOND,
      RESETS_PER_SECOND,
      clock.now(),
    );
    // What listens on all addresses may be reached by both versions.
    const isDual = socket.local.hostname === "::";
    this.others = {
      ipv4: new SharedSocket(socket, isDual ? "0.0.0.0" : undefined),
      ipv6: new SharedSocket(socket),
    };
    const outbox = this.#outbox = new Outbox(socket);
    this.#port = {
      local: socket.local,
      now: () => this.#batchAt ?? clock.now(),
      schedule: (at, callback) => clock.schedule(at, callback),
      get out() {
        return outbox.out;
      },
      send: (length, connection) =>
        outbox.send(length, connection.remote, connection),
      maySend: (connection) => outbox.maySend(connection),
      closing: (connection) => this.#waitForEnd(connection),
      ended: (connection) => this.#forget(connection),
    };
    this.#running = this.#run();
  }

  /** The bound address. */
  get local(): Endpoint {
    return this.#socket.local;
  }

  /** Whether the socket is closed, by us or by the system. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Connections that are open or closing. */
  get connections(): number {
    return this.#count;
  }

  /** Resolves when the socket is closed; never rejects. */
  get closed(): Promise<void> {
    return this.#running;
  }

  /**
   * Connects.
   *
   * @param remote An IP address and a port.
   * @param signal Calls it off.
   * @returns The open connection.
   * @throws {UtpError} If the peer refuses, does not answer in 4.5 seconds or
   * cannot be reached, or there are too many connections; `signal.reason` when
   * aborted.
   */
  async connect(
    remote: Endpoint,
    signal?: AbortSignal,
  ): Promise<UtpConnection> {
    signal?.throwIfAborted();
    if (this.#isClosed) throw new UtpError("closed", "The socket is closed");
    if (this.#count >= this.#maxConnections) {
      throw new UtpError("too-many", "There are too many uTP connections");
    }
    const address = {
      hostname: normalizeHostname(remote.hostname),
      port: remote.port,
    };
    let connectionId: number;
    do connectionId = randomInt(this.#random, 0x10000); while (
      this.#find(connectionId, address) !== undefined
    );
    const machine = new UtpSocketMachine({
      connectionId,
      seqNr: randomInt(this.#random, 0x10000),
    }, this.#clock.now());
    const connection = new UtpConnection(machine, address, this.#port);
    if (!this.#add(connection)) {
      throw new UtpError("too-many", "There are too many uTP connections");
    }
    const onAbort = () => connection.abort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      connection.pump();
      await connection.opened;
      return connection;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
  }

  /** Answers SYNs from now on; each connection is told by `onAccepted`. */
  listen(onAccepted: () => void): void {
    this.#isListening = true;
    this.#onAccepted = onAccepted;
  }

  /** Answers SYNs with a RESET from now on. */
  unlisten(): void {
    this.#isListening = false;
    this.#onAccepted = undefined;
    for (const connection of this.#accepted.splice(0)) connection.abort();
  }

  /** The next connection that was accepted, if there is one. */
  takeAccepted(): UtpConnection | undefined {
    return this.#accepted.shift();
  }

  /** Breaks every connection off and closes the socket. Idempotent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const onAccepted = this.#onAccepted;
    this.unlisten();
    // Who waits for a connection is told that none will come.
    onAccepted?.();
    for (const list of [...this.#byId.values()]) {
      for (const connection of [...list]) connection.abort();
    }
    this.others.ipv4.end();
    this.others.ipv6.end();
    this.#socket.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #run(): Promise<void> {
    const take = (data: Uint8Array, from: Endpoint): number => {
      if (classifyDatagram(data) !== "utp") {
        const family = from.hostname.includes(":") ? "ipv6" : "ipv4";
        this.others[family].take(data, from);
      } else {
        const packet = tryDecodeUtpPacket(data, this.#packet);
        if (packet !== undefined) this.#receive(packet, from);
      }
      return 0;
    };
    await serveDatagrams(this.#socket, take, {
      maxRequest: MAX_RECEIVED,
      maxAnswer: 0,
      onSent: () => {},
    }).catch(() => {});
    this.close();
  }

  #receive(packet: UtpPacket, from: Endpoint): void {
    const { type, connectionId } = packet;
    const connection = type === "reset"
      ? this.#findAny(connectionId, from)
      : this.#find(
        type === "syn" ? (connectionId + 1) & 0xffff : connectionId,
        from,
      );
    if (connection !== undefined) this.#give(packet, connection);
    else if (type !== "reset") this.#meet(packet, from);
  }

  /** What comes at a time is answered at a time. */
  #give(packet: UtpPacket, connection: UtpConnection): void {
    if (this.#batchAt === undefined) {
      this.#batchAt = this.#clock.now();
      queueMicrotask(this.#pumpBatch);
    }
    connection.receive(packet);
    const batch = this.#batch;
    for (let i = 0; i < this.#batchLength; i++) {
      if (batch[i] === connection) return;
    }
    batch[this.#batchLength++] = connection;
  }

  readonly #pumpBatch = () => {
    this.#batchAt = undefined;
    const batch = this.#batch;
    for (let i = 0; i < this.#batchLength; i++) {
      batch[i]!.pump();
      batch[i] = undefined;
    }
    this.#batchLength = 0;
  };

  /** Answers who has no connection. */
  #meet(packet: UtpPacket, from: Endpoint): void {
    if (!this.#isListening) return this.#reset(packet, from);
    const now = this.#clock.now();
    const host = shareKey(from.hostname);
    const share = this.#strangers.use(host, now);
    if (
      this.#count >= this.#maxConnections ||
      this.#accepted.length >= MAX_BACKLOG || share.level(now) < 1
    ) return;
    if (packet.type === "syn") {
      const outbox = this.#outbox;
      if (!outbox.hasRoom || !this.#syns.take(host, now)) return;
      share.spend(1, now);
      outbox.send(this.#acceptor.answer(packet, from, outbox.out, now), from);
      return;
    }
    const options = this.#acceptor.accept(packet, from, now);
    if (options === undefined) {
      share.spend(GUESS_COST, now);
      return this.#reset(packet, from);
    }
    const connection = new UtpConnection(
      new UtpSocketMachine(options, now),
      { hostname: normalizeHostname(from.hostname), port: from.port },
      this.#port,
    );
    if (!this.#add(connection)) return;
    this.#give(packet, connection);
    this.#accepted.push(connection);
    this.#onAccepted?.();
  }

  /** Who does not answer our end makes room for others. */
  #waitForEnd(connection: UtpConnection): void {
    if (this.#closing.size >= MAX_CLOSING) {
      const [oldest] = this.#closing;
      oldest!.abort();
    }
    this.#closing.add(connection);
  }

  /** Tells a stranger, now and then, that there is no such connection. */
  #reset(packet: UtpPacket, to: Endpoint): void {
    const outbox = this.#outbox;
    if (!outbox.hasRoom || !this.#resets.take(this.#clock.now())) return;
    writeUtpHeader({
      type: "reset",
      connectionId: packet.connectionId,
      timestamp: 0,
      timestampDifference: 0,
      windowSize: 0,
      seqNr: randomInt(this.#random, 0x10000),
      ackNr: packet.seqNr,
    }, outbox.out);
    outbox.send(UTP_HEADER_LENGTH, to);
  }

  #find(id: number, from: Endpoint): UtpConnection | undefined {
    const list = this.#byId.get(id);
    if (list === undefined) return undefined;
    // For each datagram: no iterator.
    for (let i = 0; i < list.length; i++) {
      if (isSame(list[i]!.remote, from)) return list[i];
    }
    return undefined;
  }

  /** A RESET may bear either id of a connection. */
  #findAny(id: number, from: Endpoint): UtpConnection | undefined {
    for (const near of [id, (id + 1) & 0xffff, (id - 1) & 0xffff]) {
      const found = this.#find(near, from);
      if (found?.receiveId === id || found?.sendId === id) return found;
    }
    return undefined;
  }

  #add(connection: UtpConnection): boolean {
    const list = this.#byId.get(connection.receiveId);
    if (list !== undefined && list.length >= MAX_SAME_ID) return false;
    if (list === undefined) this.#byId.set(connection.receiveId, [connection]);
    else list.push(connection);
    this.#count++;
    return true;
  }

  #forget(connection: UtpConnection): void {
    const list = this.#byId.get(connection.receiveId);
    const at = list?.indexOf(connection) ?? -1;
    if (at < 0) return;
    list!.splice(at, 1);
    if (list!.length === 0) this.#byId.delete(connection.receiveId);
    this.#count--;
    this.#closing.delete(connection);
    this.#outbox.forget(connection);
  }
}

function isSame(a: Endpoint, b: Endpoint): boolean {
  return a.port === b.port &&
    (a.hostname === b.hostname || a.hostname === normalizeHostname(b.hostname));
}
