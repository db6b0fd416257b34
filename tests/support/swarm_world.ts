/** Whole swarms of sessions in memory: virtual time, seeded chance. */
import { assert, assertEquals } from "@std/assert";
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection, ByteTransport } from "../../_shared/byte_conn.ts";
import { randomInt, seededRandom } from "../../_shared/random.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { Session } from "../../client/session.ts";
import type { Torrent } from "../../client/torrent.ts";
import type {
  AddTorrentOptions,
  SessionOptions,
  TorrentEvent,
  TrackerClient,
} from "../../client/types.ts";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import {
  createMetainfo,
  diskPaths,
  type Metainfo,
  parseMetainfo,
} from "../../metainfo/mod.ts";
import { AnnounceAudit } from "./announce_audit.ts";
import { MemoryNetwork } from "./memory_transport.ts";
import { SimClock } from "./sim_clock.ts";
import { WaitAudit } from "./wait_audit.ts";
import { auditConnection, WireTotals, type WireTruth } from "./wire_audit.ts";

/** Paths in a torrent and lengths. */
export type SimFiles = readonly (readonly [path: string, length: number])[];

/** A torrent and its content. */
export interface SimTorrent {
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  /** Content by path below the download folder, `/` between components. */
  readonly content: ReadonlyMap<string, Uint8Array>;
}

/** Makes a torrent of seeded content. */
export async function simTorrent(
  files: SimFiles,
  options: {
    readonly version?: "v1" | "v2" | "hybrid";
    readonly pieceLength?: number;
    readonly private?: boolean;
    readonly trackers?: readonly (readonly string[])[];
    readonly seed?: number;
  } = {},
): Promise<SimTorrent> {
  const { seed = 1, pieceLength = 32768, version = "v1" } = options;
  const inputs = files.map(([path, length], i) => ({
    path: ["sim", ...path.split("/")],
    bytes: seededRandom(seed * 1000 + i)(new Uint8Array(length)),
  }));
  const single = files.length === 1 && !files[0]![0].includes("/");
  const bytes = await createMetainfo({
    inputs: single
      ? [{ path: [files[0]![0]], bytes: inputs[0]!.bytes }]
      : inputs,
    version,
    pieceLength,
    private: options.private,
    trackers: options.trackers,
    creationDate: null,
  });
  const metainfo = parseMetainfo(bytes);
  const content = new Map<string, Uint8Array>();
  for (const { path, bytes } of inputs) {
    content.set((single ? path.slice(1) : path).join("/"), bytes);
  }
  return { bytes, metainfo, content };
}

/** Content laid out on a file system. */
export function filled(
  torrent: SimTorrent,
  files: MemoryFileSystem = new MemoryFileSystem(),
): MemoryFileSystem {
  for (const [path, bytes] of torrent.content) {
    files.open(path.split("/"), { write: true }).write(bytes, 0);
  }
  return files;
}

/** Whether a piece of a torrent is stored byte for byte. */
export function truthOf(
  torrent: SimTorrent,
  files: MemoryFileSystem,
): WireTruth {
  const { layout } = torrent.metainfo;
  const paths = diskPaths(torrent.metainfo);
  const open = new Map<number, ReturnType<MemoryFileSystem["open"]>>();
  const known = new Set<number>();
  const isStored = (pieceIndex: number): boolean => {
    if (known.has(pieceIndex)) return true;
    for (
      const span of layout.spans(pieceIndex, 0, layout.pieceSize(pieceIndex))
    ) {
      if (span.pad || span.length === 0) continue;
      const path = paths[span.fileIndex]!;
      let handle = open.get(span.fileIndex);
      try {
        handle ??= files.open(path);
      } catch {
        return false;
      }
      open.set(span.fileIndex, handle);
      const there = new Uint8Array(span.length);
      if (handle.read(there, span.fileOffset) !== span.length) return false;
      const right = torrent.content.get(path.join("/"))!
        .subarray(span.fileOffset, span.fileOffset + span.length);
      if (!equal(there, right)) return false;
    }
    known.add(pieceIndex);
    return true;
  };
  const payloadSize = (pieceIndex: number) => layout.payloadSize(pieceIndex);
  return { isStored, payloadSize, pieceCount: layout.pieceCount };
}

/** Bytes of a torrent that are not stored. */
function missingBytes(truth: WireTruth): number {
  let missing = 0;
  for (let i = 0; i < truth.pieceCount; i++) {
    if (!truth.isStored(i)) missing += truth.payloadSize(i);
  }
  return missing;
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Asserts that every file (or those named) is there, byte for byte. */
export function assertFiles(
  torrent: SimTorrent,
  files: MemoryFileSystem,
  only?: readonly string[],
): void {
  for (const [path, right] of torrent.content) {
    if (only !== undefined && !only.includes(path)) continue;
    const there = files.contents(path.split("/"));
    assert(there !== undefined, `${path} is missing`);
    assert(equal(there, right), `${path} differs`);
  }
}

/** Options of {@linkcode SwarmWorld.host}. */
export interface SimHostOptions extends SessionOptions {
  /** Changes each connection this host opens or accepts. */
  readonly wrap?: (connection: ByteConnection) => ByteConnection;
  /** Whether dialling fails. */
  readonly refuses?: (remote: Endpoint) => boolean;
  readonly files?: MemoryFileSystem;
  /** Its IP address. @default one that nobody has */
  readonly hostname?: string;
}

/** A session on its own host. */
export class SimHost {
  readonly world: SwarmWorld;
  readonly session: Session;
  readonly files: MemoryFileSystem;
  readonly wire: WireTotals;
  readonly announces: AnnounceAudit;
  readonly waits: WaitAudit;
  readonly events: TorrentEvent[] = [];
  /** What is stored, by info-hash as hex. */
  readonly truths: Map<string, WireTruth>;

  constructor(
    world: SwarmWorld,
    session: Session,
    files: MemoryFileSystem,
    wire: WireTotals,
    announces: AnnounceAudit,
    waits: WaitAudit,
    truths: Map<string, WireTruth>,
  ) {
    this.world = world;
    this.session = session;
    this.files = files;
    this.wire = wire;
    this.announces = announces;
    this.waits = waits;
    this.truths = truths;
  }

  get address(): Endpoint {
    return this.session.local!;
  }

  /** Adds a torrent on this host's file system. */
  add(torrent: SimTorrent, options: AddTorrentOptions = {}): Torrent {
    this.#know(torrent, options);
    return this.watch(
      this.session.add(torrent.bytes, { fileSystem: this.files, ...options }),
    );
  }

  /** Adds a torrent by a link. */
  addMagnet(
    link: string,
    torrent: SimTorrent,
    options: AddTorrentOptions = {},
  ): Torrent {
    this.#know(torrent, options);
    return this.watch(
      this.session.add(link, { fileSystem: this.files, ...options }),
    );
  }

  #know(
    torrent: SimTorrent,
    { fileSystem = this.files }: AddTorrentOptions,
  ): void {
    if (!(fileSystem instanceof MemoryFileSystem)) return;
    const { infoHashV1, infoHashV2Truncated } = torrent.metainfo;
    const truth = truthOf(torrent, fileSystem);
    for (const hash of [infoHashV1, infoHashV2Truncated]) {
      if (hash !== undefined) this.truths.set(hash.toHex(), truth);
    }
  }

  /** Notes every event. */
  watch(torrent: Torrent): Torrent {
    void (async () => {
      for await (const event of torrent.events()) this.events.push(event);
    })();
    return torrent;
  }

  /** The first torrent. */
  get torrent(): Torrent {
    return this.session.torrents[0]!;
  }

  /** The addresses of peers in a state. */
  peersIn(state: "banned" | "connected" | "disconnected" | "failed"): string[] {
    return this.events.flatMap((event) =>
      "address" in event && event.type === `peer-${state}`
        ? [event.address.hostname]
        : []
    );
  }
}

/** Between two looks at what must always hold, in milliseconds. */
const CHECK_MS = 1000;

/** Hosts, network and time of one test. */
export class SwarmWorld implements AsyncDisposable {
  readonly clock = new SimClock();
  readonly network: MemoryNetwork;
  readonly random: RandomSource;
  readonly hosts: SimHost[] = [];
  /** Open ends of connections. */
  open = 0;
  readonly #seed: number;
  #next = 1;
  #checkAt = 0;

  constructor(
    options: { seed?: number; latencyMs?: number; windowBytes?: number } = {},
  ) {
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

  /** An IP address that nobody has. */
  ip(): string {
    const n = this.#next++;
    return `10.${n >> 8}.${n & 255}.7`;
  }

  /** The transport of a host that counts what is open. */
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

  /** Opens a session on a new host. */
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
      ...rest,
      ...(httpTracker ? { httpTracker: tracker(httpTracker) } : {}),
      ...(udpTracker ? { udpTracker: tracker(udpTracker) } : {}),
    });
    const host = new SimHost(
      this,
      session,
      files,
      wire,
      announces,
      waits,
      truths,
    );
    this.hosts.push(host);
    return host;
  }

  /** A host that has everything. */
  async seeder(
    torrent: SimTorrent,
    options: SimHostOptions = {},
    add: AddTorrentOptions = {},
  ): Promise<SimHost> {
    const host = await this.host({ files: filled(torrent), ...options });
    host.add(torrent, { readOnly: true, ...add });
    return host;
  }

  /** Lets time pass until something is so; fails when it takes too long. */
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

  /** Lets time pass until a promise settles. */
  async run<T>(promise: Promise<T>, limitMs = 60_000): Promise<T> {
    let settled = false;
    const note = () => settled = true;
    promise.then(note, note);
    await this.until(() => settled, limitMs, "a promise");
    return await promise;
  }

  /** Lets time pass until a promise rejects; gives the reason. */
  async fails(promise: Promise<unknown>, limitMs = 60_000): Promise<unknown> {
    const outcome = promise.then(
      () => ({ reason: undefined, failed: false }),
      (reason) => ({ reason, failed: true }),
    );
    const { reason, failed } = await this.run(outcome, limitMs);
    assert(failed, "the promise was fulfilled");
    return reason;
  }

  /** An integer from 0 up to a bound. */
  int(below: number): number {
    return randomInt(this.random, below);
  }

  /** Every attempt to connect is counted once. */
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

  /** Nothing is waited for longer than there is patience for. */
  assertWaits(): void {
    for (const { session, waits, wire } of this.hosts) {
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

  /** No rule of the wire or of trackers was broken by any host. */
  assertWire(): void {
    for (const { wire, announces, session } of this.hosts) {
      const violations = [...wire.violations, ...announces.violations];
      assertEquals(violations, [], JSON.stringify(session.local));
    }
  }

  /** Closes everything; nothing may be left. */
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
