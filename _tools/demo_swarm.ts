/**
 * The demo's swarm: a tracker, a seeder and leechers in one process.
 *
 * All share one isolate: on two cores a worker for each peer moved bytes 1.4
 * to 1.8 times as fast but took 2 s longer to start, which comes to the same.
 *
 * @module
 */
import { Session, type Torrent } from "../client/mod.ts";
import type { PeerRow } from "./demo_display.ts";
import { type DemoTracker, startTracker } from "./demo_tracker.ts";

/** A peer of the demo. */
export interface DemoPeer {
  /** Such as `leecher 1`. */
  readonly name: string;
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
  const events = torrent.events();
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
    events.close();
  }
}

/** A tracker, a seeder and leechers on loopback. */
export class DemoSwarm implements AsyncDisposable {
  /** The tracker. */
  readonly tracker: DemoTracker;
  readonly #options: DemoSwarmOptions;
  readonly #sessions: Session[] = [];
  readonly #peers: DemoPeer[] = [];

  private constructor(options: DemoSwarmOptions) {
    this.#options = options;
    this.tracker = startTracker();
  }

  /**
   * Starts tracker, seeder and leechers. The seeder checks the payload first.
   *
   * @param options See {@linkcode DemoSwarmOptions}.
   * @returns The swarm, at work.
   */
  static async open(options: DemoSwarmOptions): Promise<DemoSwarm> {
    const { folder, leechers, makeTorrent, signal } = options;
    const swarm = new DemoSwarm(options);
    try {
      const bytes = await makeTorrent(swarm.tracker.url);
      await swarm.#add("seeder", `${folder}/seeder`, bytes, true);
      for (let i = 1; i <= leechers; i++) {
        signal.throwIfAborted();
        await swarm.#add(`leecher ${i}`, `${folder}/leecher ${i}`, bytes);
      }
      return swarm;
    } catch (error) {
      await swarm[Symbol.asyncDispose]();
      throw error;
    }
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

  /** Closes peers, then the tracker, which they tell that they leave. */
  async [Symbol.asyncDispose](): Promise<void> {
    await using _tracker = this.tracker;
    await Promise.all(this.#sessions.splice(0).map((it) => it.close()));
  }

  async #add(
    name: string,
    dir: string,
    source: Uint8Array,
    readOnly = false,
  ): Promise<void> {
    await Deno.mkdir(dir, { recursive: true });
    const session = await Session.open({
      listen: { hostname: "127.0.0.1", port: 0 },
    });
    this.#sessions.push(session);
    const torrent = session.add(source, { dir, readOnly });
    this.#peers.push({ name, dir, torrent });
  }
}
