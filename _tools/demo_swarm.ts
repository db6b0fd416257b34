/**
 * The demo's swarm: trackers, a DHT, a seeder and leechers in one process.
 *
 * All share one isolate: on two cores a worker for each peer moved bytes 1.4
 * to 1.8 times as fast but took 2 s longer to start, which comes to the same.
 *
 * @module
 */
import { Session, type Torrent } from "../client/mod.ts";
import { MainlineDht, type MainlineDhtOptions } from "../dht/mod.ts";
import { HttpTrackerServer } from "../htracker/mod.ts";
import { formatMagnet, magnetOf, parseMetainfo } from "../metainfo/mod.ts";
import { UdpTrackerServer } from "../utracker/mod.ts";
import type { PeerRow } from "./demo_display.ts";

/** A peer of the demo. */
export interface DemoPeer {
  /** Such as `leecher 1`. */
  readonly name: string;
  /** What it has of the torrent, and where it asks for peers. */
  readonly start: string;
  /** Folder that holds the payload's folder. */
  readonly dir: string;
  /** The running torrent. */
  readonly torrent: Torrent;
}

/** Options of {@linkcode DemoSwarm.open}. */
export interface DemoSwarmOptions {
  /** Folder of all peers; each gets one of its own inside. */
  readonly folder: string;
  /** How many leechers. */
  readonly leechers: number;
  /**
   * Makes the torrent file when the tracker's URL is known.
   *
   * @param announceUrl The tracker.
   * @returns Bytes of the torrent file.
   */
  readonly makeTorrent: (announceUrl: string) => Promise<Uint8Array>;
  /** Ends the opening. */
  readonly signal: AbortSignal;
}

/** Rejects when the signal fires. */
function whenAborted(
  signal: AbortSignal,
): { readonly promise: Promise<never> } & Disposable {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  promise.catch(() => {});
  if (signal.aborted) abort();
  else signal.addEventListener("abort", abort, { once: true });
  return {
    promise,
    [Symbol.dispose]: () => signal.removeEventListener("abort", abort),
  };
}

/** Waits until a torrent is complete; rejects with what stopped it. */
async function completion(torrent: Torrent): Promise<void> {
  const ending = new AbortController();
  const events = torrent.events(ending);
  const failure = async (): Promise<void> => {
    for await (const event of events) {
      if (event.type === "error") throw event.error;
    }
    // The torrent was closed, and completed rejects.
    await torrent.completed;
  };
  try {
    if (torrent.error !== undefined) throw torrent.error;
    await Promise.race([torrent.completed, failure()]);
  } finally {
    ending.abort();
  }
}

/** Where everything listens. */
const HOSTNAME = "127.0.0.1";

/** Longest wait for the seeder's announces, in milliseconds. */
const KNOWN_MS = 10_000;

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function hasPeers(
  node: MainlineDht,
  infoHash: Uint8Array,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const _peer of node.getPeers(infoHash, { signal })) return true;
  return false;
}

/** A DHT in which all nodes share one address, and that is on no network. */
function dhtOptions(bootstrap: MainlineDhtOptions["bootstrap"] = []) {
  return {
    hostname: HOSTNAME,
    bootstrap,
    scopes: ["loopback"],
    restrictAddresses: false,
    secureIds: "ignore",
  } satisfies MainlineDhtOptions;
}

/** How a peer begins. */
interface Start {
  /** In words. */
  readonly text: string;
  /** What it has of the torrent. */
  readonly source: Uint8Array | string;
  /** Whether it asks trackers. */
  readonly trackers: boolean;
  /** Whether it asks the DHT. */
  readonly dht: boolean;
}

/** Trackers, a DHT, a seeder and leechers on loopback. */
export class DemoSwarm implements AsyncDisposable {
  readonly #options: DemoSwarmOptions;
  readonly #http: HttpTrackerServer;
  readonly #udp: UdpTrackerServer;
  /** The node that the others' nodes begin with. */
  readonly #router: MainlineDht;
  readonly #sessions: Session[] = [];
  readonly #peers: DemoPeer[] = [];

  private constructor(
    options: DemoSwarmOptions,
    http: HttpTrackerServer,
    udp: UdpTrackerServer,
    router: MainlineDht,
  ) {
    this.#options = options;
    this.#http = http;
    this.#udp = udp;
    this.#router = router;
  }

  /**
   * Starts trackers, DHT, seeder and leechers. The seeder checks the payload
   * first. The leechers begin in four ways, in turn: with the torrent file or
   * only a magnet link, and with a tracker or only the DHT.
   *
   * @param options See {@linkcode DemoSwarmOptions}.
   * @returns The swarm, at work.
   */
  static async open(options: DemoSwarmOptions): Promise<DemoSwarm> {
    const { folder, leechers, makeTorrent, signal } = options;
    await using stack = new AsyncDisposableStack();
    const listen = { hostname: HOSTNAME, port: 0 };
    const http = stack.use(HttpTrackerServer.open({ listen }));
    // Both know the same swarms.
    const { service } = http;
    const udp = stack.use(await UdpTrackerServer.open({ listen, service }));
    const router = stack.use(await MainlineDht.open(dhtOptions()));
    const swarm = stack.use(new DemoSwarm(options, http, udp, router));
    const bytes = await makeTorrent(http.url);
    const starts = swarm.#starts(bytes);
    await swarm.#add("seeder", `${folder}/seeder`, {
      text: "torrent file, HTTP tracker and DHT",
      source: bytes,
      trackers: true,
      dht: true,
    }, true);
    await swarm.#untilSeederIsKnown();
    for (let i = 1; i <= leechers; i++) {
      signal.throwIfAborted();
      const start = starts[(i - 1) % starts.length]!;
      await swarm.#add(`leecher ${i}`, `${folder}/leecher ${i}`, start);
    }
    stack.move();
    return swarm;
  }

  /** The one that has the payload. */
  get seeder(): DemoPeer {
    return this.#peers[0]!;
  }

  /** Those that fetch it. */
  get leechers(): readonly DemoPeer[] {
    return this.#peers.slice(1);
  }

  /**
   * Reads the figures of every peer.
   *
   * @returns A row each; the seeder's is the first.
   */
  rows(): PeerRow[] {
    return this.#peers.map(({ name, torrent }) => ({
      name,
      ...torrent.stats(),
    }));
  }

  /**
   * Waits until every leecher has everything.
   *
   * @param onComplete Is told of each leecher when it is complete.
   * @throws What stopped a peer, or the signal's reason.
   */
  async completed(onComplete: (peer: DemoPeer) => void): Promise<void> {
    using aborted = whenAborted(this.#options.signal);
    const seederFailed = completion(this.seeder.torrent)
      .then(() => new Promise<never>(() => {}));
    await Promise.race([
      aborted.promise,
      seederFailed,
      Promise.all(this.leechers.map(async (peer) => {
        await completion(peer.torrent);
        onComplete(peer);
      })),
    ]);
  }

  /** Closes peers, then trackers and DHT, which they tell that they leave. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using _http = this.#http;
    await using _udp = this.#udp;
    await using _router = this.#router;
    await Promise.all(this.#sessions.splice(0).map((it) => it.close()));
  }

  /**
   * Waits until trackers and DHT know the seeder: anyone who asks earlier asks
   * again only much later.
   */
  async #untilSeederIsKnown(): Promise<void> {
    const { signal } = this.#options;
    const { torrent } = this.seeder;
    while (torrent.state === "checking") await pause(20, signal);
    if (torrent.error !== undefined) throw torrent.error;
    const giveUpAt = performance.now() + KNOWN_MS;
    while (performance.now() < giveUpAt) {
      const inDht = await hasPeers(this.#router, torrent.infoHash, signal);
      if (inDht && this.#http.stats().announces > 0) return;
      await pause(50, signal);
    }
  }

  #starts(bytes: Uint8Array): Start[] {
    const magnet = magnetOf(parseMetainfo(bytes));
    const linkOf = (trackers: string[]) =>
      formatMagnet({ ...magnet, trackers });
    const { port } = this.#udp.locals[0]!;
    return [
      {
        text: "torrent file, HTTP tracker",
        source: bytes,
        trackers: true,
        dht: false,
      },
      {
        text: "magnet link, DHT",
        source: linkOf([]),
        trackers: false,
        dht: true,
      },
      {
        text: "magnet link, UDP tracker",
        source: linkOf([`udp://${HOSTNAME}:${port}`]),
        trackers: true,
        dht: false,
      },
      {
        text: "torrent file, DHT",
        source: bytes,
        trackers: false,
        dht: true,
      },
    ];
  }

  async #add(
    name: string,
    dir: string,
    start: Start,
    readOnly = false,
  ): Promise<void> {
    const { source, text, trackers } = start;
    await Deno.mkdir(dir, { recursive: true });
    const session = await Session.open({
      listen: { hostname: HOSTNAME, port: 0 },
      trackers,
      dht: start.dht && dhtOptions(this.#router.locals),
    });
    this.#sessions.push(session);
    const torrent = session.add(source, { dir, readOnly });
    this.#peers.push({ name, start: text, dir, torrent });
  }
}
