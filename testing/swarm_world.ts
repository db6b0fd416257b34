/**
 * Whole swarms of sessions in memory: virtual time, seeded chance.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import type { ByteConnection, ByteTransport } from "../_shared/byte_conn.ts";
import { randomInt, seededRandom } from "../_shared/random.ts";
import type { RandomSource } from "../_shared/random.ts";
import { Session } from "../client/session.ts";
import type { AddTorrentOptions, TrackerClient } from "../client/types.ts";
import { MemoryFileSystem } from "../disk/memory_file_system.ts";
import { AnnounceAudit } from "./audit/announce_audit.ts";
import { MemoryNetwork } from "./memory_network.ts";
import { SimClock } from "./sim_clock.ts";
import { WaitAudit } from "./audit/wait_audit.ts";
import {
  auditConnection,
  WireTotals,
  type WireTruth,
} from "./audit/wire_audit.ts";
import { missingBytes } from "./audit/wire_truth.ts";
import { SimHost, type SimHostOptions } from "./sim_host.ts";
import { filled, type SimTorrent } from "./sim_torrent.ts";

/** Options of {@linkcode SwarmWorld}. */
export interface SwarmWorldOptions {
  /** What all chance comes from, an integer. @default {1} */
  readonly seed?: number;
  /** One-way delay between hosts, in milliseconds. @default {10} */
  readonly latencyMs?: number;
  /** Bytes that a host may have unread on the other side. @default {262144} */
  readonly windowBytes?: number;
}

/** Between two looks at what must always hold, in milliseconds. */
const CHECK_MS = 1000;

/**
 * Hosts, network and time of one test. While time passes it holds each session
 * against the rules of the wire and of trackers; disposing closes all sessions
 * and fails when a timer or a connection is left.
 *
 * @example
 * ```ts
 * import { assertFiles, simTorrent, SwarmWorld } from "@bip/bip/testing";
 *
 * await using world = new SwarmWorld({ seed: 7 });
 * const torrent = await simTorrent([["a.bin", 100_000]]);
 * const seeder = await world.seeder(torrent);
 * const leecher = await world.host();
 * const download = leecher.add(torrent, { peers: [seeder.address] });
 * await world.run(download.completed);
 * assertFiles(torrent, leecher.files);
 * world.assertWire();
 * ```
 */
export class SwarmWorld implements AsyncDisposable {
  /** Time of all hosts. */
  readonly clock: SimClock = new SimClock();
  /** What the hosts are connected by. */
  readonly network: MemoryNetwork;
  /** A source of chance for the test. */
  readonly random: RandomSource;
  /** All hosts that were made. */
  readonly hosts: SimHost[] = [];
  /** Open ends of connections. */
  open = 0;
  readonly #waits = new Map<SimHost, WaitAudit>();
  readonly #seed: number;
  #next = 1;
  #checkAt = 0;

  /**
   * Makes a world without hosts.
   *
   * @param options See {@linkcode SwarmWorldOptions}.
   */
  constructor(options: SwarmWorldOptions = {}) {
    const { seed = 1, latencyMs = 10, windowBytes = 262_144 } = options;
    this.#seed = seed;
    this.clock.onQuiet = () => {
      if (this.clock.now() < this.#checkAt) return;
      this.#checkAt = this.clock.now() + CHECK_MS;
      this.assertAttempts();
      this.assertWaits();
    };
    this.random = seededRandom(seed);
    this.network = new MemoryNetwork({
      clock: this.clock,
      latencyMs,
      windowBytes,
    });
  }

  /**
   * Finds a place for a host.
   *
   * @returns An IP address that nobody has.
   */
  ip(): string {
    const n = this.#next++;
    return `10.${n >> 8}.${n & 255}.7`;
  }

  /**
   * Makes a transport for something that is no session.
   *
   * @param hostname Its IP address.
   * @param options How it changes and refuses connections.
   * @returns The transport; its connections are counted as open.
   */
  transport(hostname: string, options: SimHostOptions = {}): ByteTransport {
    const inner = this.network.transport(hostname);
    const { wrap = (connection) => connection, refuses } = options;
    const count = (connection: ByteConnection): ByteConnection => {
      this.open++;
      let closed = false;
      const close = () => {
        if (!closed) this.open--;
        closed = true;
        connection.close();
      };
      return {
        local: connection.local,
        remote: connection.remote,
        read: (buffer) => connection.read(buffer),
        write: (data) => connection.write(data),
        close,
        [Symbol.dispose]: close,
      };
    };
    return {
      name: "sim",
      connect: async (remote, more) => {
        if (refuses?.(remote)) {
          throw new Deno.errors.ConnectionRefused("Connection refused");
        }
        return wrap(count(await inner.connect(remote, more)));
      },
      listen: async (local) => {
        const listener = await inner.listen(local);
        return {
          local: listener.local,
          accept: async () => {
            const connection = await listener.accept();
            return connection && wrap(count(connection));
          },
          close: () => listener.close(),
          [Symbol.dispose]: () => listener.close(),
        };
      },
    };
  }

  /**
   * Opens a session on a new host.
   *
   * @param options See {@linkcode SimHostOptions}.
   * @returns The host.
   */
  async host(options: SimHostOptions = {}): Promise<SimHost> {
    const {
      wrap,
      refuses,
      files = new MemoryFileSystem(),
      hostname = this.ip(),
      ...rest
    } = options;
    const wire = new WireTotals();
    const waits = new WaitAudit(this.clock);
    const truths = new Map<string, WireTruth>();
    const audited = (connection: ByteConnection) =>
      waits.connection(auditConnection(
        wrap?.(connection) ?? connection,
        this.clock,
        wire,
        (infoHash) => truths.get(infoHash),
      ));
    const announces = new AnnounceAudit(this.clock, (infoHash) => {
      const truth = truths.get(infoHash.toHex());
      return truth && missingBytes(truth);
    });
    const tracker = (client: TrackerClient) =>
      announces.wrap(waits.tracker(client));
    const transport = this.transport(hostname, {
      wrap: audited,
      ...(refuses ? { refuses } : {}),
    });
    const dialling: ByteTransport = {
      ...transport,
      connect: (remote, more) =>
        waits.of("dial", transport.connect(remote, more), remote.hostname),
    };
    const { httpTracker, udpTracker } = rest;
    const session = await Session.open({
      clock: this.clock,
      random: seededRandom(this.#seed * 7919 + this.#next),
      transports: [dialling],
      listen: { hostname, port: 6881 },
      // The wire is audited, which needs it in the clear.
      encryption: "off",
      ...rest,
      ...(httpTracker ? { httpTracker: tracker(httpTracker) } : {}),
      ...(udpTracker ? { udpTracker: tracker(udpTracker) } : {}),
    });
    const host = new SimHost(
      session,
      files,
      wire,
      announces,
      truths,
    );
    this.#waits.set(host, waits);
    this.hosts.push(host);
    return host;
  }

  /**
   * Opens a session on a new host that has a torrent's content.
   *
   * @param torrent The torrent.
   * @param options See {@linkcode SimHostOptions}.
   * @param add How the torrent is added; read-only by default.
   * @returns The host.
   */
  async seeder(
    torrent: SimTorrent,
    options: SimHostOptions = {},
    add: AddTorrentOptions = {},
  ): Promise<SimHost> {
    const host = await this.host({ files: filled(torrent), ...options });
    host.add(torrent, { readOnly: true, ...add });
    return host;
  }

  /**
   * Lets time pass until a condition is met; fails when that takes too long.
   *
   * @param condition The condition.
   * @param limitMs Longest virtual time, in milliseconds.
   * @param what What the failure is to call it.
   */
  async until(
    condition: () => boolean,
    limitMs = 60_000,
    what: string | (() => string) = "the condition",
  ): Promise<void> {
    const met = await this.clock.runUntil(
      this.clock.now() + limitMs,
      condition,
    );
    const text = typeof what === "string" ? what : what();
    assert(met, `${text} did not come true in ${limitMs} ms of virtual time`);
  }

  /**
   * Lets time pass until a promise settles.
   *
   * @param promise The promise.
   * @param limitMs Longest virtual time, in milliseconds.
   * @returns What it is fulfilled with.
   */
  async run<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let settled = false;
    const note = () => settled = true;
    promise.then(note, note);
    await this.until(() => settled, limitMs, "a promise");
    return await promise;
  }

  /**
   * Lets time pass until a promise rejects.
   *
   * @param promise The promise.
   * @param limitMs Longest virtual time, in milliseconds.
   * @returns The reason.
   */
  async fails(promise: Promise<unknown>, limitMs = 60_000): Promise<unknown> {
    const outcome = promise.then(
      () => ({ reason: undefined, failed: false }),
      (reason) => ({ reason, failed: true }),
    );
    const { reason, failed } = await this.run(outcome, limitMs);
    assert(failed, "the promise was fulfilled");
    return reason;
  }

  /**
   * Draws an integer.
   *
   * @param below The bound, exclusive.
   * @returns An integer from 0 on.
   */
  int(below: number): number {
    return randomInt(this.random, below);
  }

  /** Asserts that every attempt to connect is counted once. */
  assertAttempts(): void {
    for (const { session } of this.hosts) {
      let connecting = 0;
      for (const torrent of session.torrents) {
        connecting += torrent.stats().connecting;
      }
      const { halfOpen } = session.stats().handshakes;
      assertEquals(connecting, halfOpen, "attempts counted, attempts open");
    }
  }

  /** Asserts that nothing is waited for longer than it may take. */
  assertWaits(): void {
    for (const [{ session, wire }, waits] of this.#waits) {
      const { halfOpen, queued, failed, connected } =
        session.stats().handshakes;
      // Turns are taken, whether or not somebody could be dialled then.
      const turns = JSON.stringify([queued, failed, connected]);
      waits.goesOn(session, "turn", queued > 0 && halfOpen === 0, turns);
      for (const torrent of session.torrents) {
        const { state } = torrent;
        const isChecked = state === "checking" && !torrent.isPaused;
        waits.goesOn(torrent, "check", isChecked);
        const offers = wire.metadata.get(torrent.infoHash.toHex());
        if (offers === undefined) continue;
        const isWanted = state === "metadata" && offers.open > 0;
        waits.goesOn(offers, "metadata", isWanted, `${offers.requests}`);
      }
      assertEquals(waits.overdue(), [], JSON.stringify(session.local));
    }
  }

  /** Asserts that no host broke a rule of the wire or of trackers. */
  assertWire(): void {
    for (const { wire, announces, session } of this.hosts) {
      const violations = [...wire.violations, ...announces.violations];
      assertEquals(violations, [], JSON.stringify(session.local));
    }
  }

  /** Closes all sessions; asserts that nothing is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const { session, announces } of this.hosts) {
      await this.run(session.close().catch(() => {}), 10_000);
      announces.assertLeft();
      assertEquals(announces.violations, [], JSON.stringify(session.local));
    }
    await this.clock.advance(1000);
    assertEquals(this.clock.pending, 0, "timers left");
    assertEquals(this.open, 0, "connections left");
  }
}
