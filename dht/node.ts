/**
 * The Mainline DHT on real sockets.
 *
 * @module
 */
import { onAborted } from "../_shared/abort.ts";
import type { Endpoint, IpFamily, PeerCandidate } from "../_shared/address.ts";
import { type Clock, systemClock } from "../_shared/clock.ts";
import {
  type DatagramSocket,
  serveDatagrams,
  systemResolve,
} from "../_shared/datagram.ts";
import { Driver } from "../_shared/drive.ts";
import { type RandomSource, systemRandom } from "../_shared/random.ts";
import { Client } from "./driver/client.ts";
import { importSecretKey, verifySignature } from "./driver/ed25519.ts";
import {
  machineOptions,
  openSockets,
  resolveEndpoint,
} from "./driver/sockets.ts";
import { Watchers } from "./driver/watchers.ts";
import { familyOf, type NodeContact } from "./compact_node.ts";
import {
  DHT_ROUTERS,
  type DhtAnnounceOptions,
  type DhtEventsOptions,
  type DhtGetOptions,
  type DhtGetPeersOptions,
  type DhtMutableKey,
  type DhtPong,
  type DhtPut,
  type DhtPutResult,
  type DhtRequestOptions,
  type DhtSampleOptions,
  type DhtScrape,
  type DhtStoreResult,
  type MainlineDhtOptions,
} from "./mainline_options.ts";
import { DhtNodeMachine } from "./node_machine.ts";
import type {
  DhtContactKind,
  DhtItem,
  DhtNodeEvent,
  DhtNodeInput,
  DhtNodeOutput,
  DhtNodeStats,
  DhtSample,
} from "./node_types.ts";
import {
  type DhtState,
  encodeDhtState,
  tryDecodeDhtState,
} from "./routing_state.ts";

/** Bytes that are read of a datagram: some nodes send more than fits one frame. */
const MAX_REQUEST = 8192;
/** Bytes of an answer, more than any has. */
const MAX_ANSWER = 1500;

type Sent = Extract<DhtNodeOutput, { readonly type: "send" }>;

/**
 * A node of the Mainline DHT (BEP 5): finds peers and nodes, announces, keeps
 * and gets items, and answers others.
 *
 * A private torrent must not be given to it. Needs `--allow-net`.
 */
export class MainlineDht implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #random: RandomSource;
  readonly #options: MainlineDhtOptions;
  readonly #machine: DhtNodeMachine;
  readonly #driver: Driver<DhtNodeInput, DhtNodeOutput>;
  readonly #sockets: ReadonlyMap<IpFamily, DatagramSocket>;
  readonly #tasks = new Set<Promise<void>>();
  readonly #client: Client;
  readonly #watchers: Watchers;
  readonly #bootstrapped = Promise.withResolvers<void>();
  #detachSignal = () => {};
  #sendErrors = 0;
  readonly #closed = Promise.withResolvers<void>();
  #isClosing = false;

  private constructor(
    options: MainlineDhtOptions,
    sockets: ReadonlyMap<IpFamily, DatagramSocket>,
    saved: DhtState | undefined,
  ) {
    const { clock = systemClock, random = systemRandom } = options;
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
    this.#sockets = sockets;
    this.#bootstrapped.promise.catch(() => {
      // Callers who wait for it see it.
    });
    this.#machine = new DhtNodeMachine(
      machineOptions(options, sockets, saved, random, clock.now()),
    );
    this.#driver = new Driver<DhtNodeInput, DhtNodeOutput>(this.#machine, {
      clock,
      perform: (output) => this.#perform(output),
    });
    this.#watchers = new Watchers(
      options.maxEvents,
      (queries) => this.#driver.input({ type: "watch", queries }),
    );
    this.#client = new Client({
      random,
      families: this.#machine.families,
      input: (input) => this.#driver.input(input),
      resolve: (endpoint) => this.#resolve(endpoint),
      importSecretKey,
    });
  }

  /**
   * Opens a node and lets it look for others.
   *
   * @param options See {@linkcode MainlineDhtOptions}.
   * @returns The node; {@linkcode MainlineDht.bootstrapped} tells when it has
   * found somebody.
   * @throws {RangeError} If an option makes no sense.
   * @throws {Error} What the system says, if no socket can be opened.
   * @throws {unknown} `signal.reason` when aborted already.
   */
  static async open(options: MainlineDhtOptions = {}): Promise<MainlineDht> {
    const { signal, state, nodes = [] } = options;
    signal?.throwIfAborted();
    const saved = state && tryDecodeDhtState(state);
    const sockets = await openSockets(options);
    let dht: MainlineDht;
    try {
      dht = new MainlineDht(options, sockets, saved);
    } catch (error) {
      for (const socket of sockets.values()) socket.close();
      throw error;
    }
    for (const socket of sockets.values()) dht.#track(dht.#serve(socket));
    dht.#driver.start();
    if (saved !== undefined) {
      const found = [...saved.nodes, ...saved.nodes6];
      if (found.length > 0) dht.#driver.input({ type: "saved", nodes: found });
    }
    dht.#learn(nodes, "node");
    dht.#findRouters();
    dht.#detachSignal = onAborted(signal, () => void dht.close());
    if (signal?.aborted) {
      await dht.close();
      throw signal.reason;
    }
    return dht;
  }

  /** Resolves when somebody was found; rejects when it is closed before. */
  get bootstrapped(): Promise<void> {
    return this.#bootstrapped.promise;
  }

  /** Resolves when the node is closed and its sockets with it. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Where it listens: one address for each IP version. */
  get locals(): Endpoint[] {
    return [...this.#sockets.values()].map(({ local }) => local);
  }

  /** IP versions it takes part with. */
  get families(): IpFamily[] {
    return this.#machine.families;
  }

  /**
   * Tells our id among nodes of an IP version.
   *
   * @param family Which. @default the first that is open
   * @returns 20 bytes, or `undefined` if that is not open.
   */
  id(family: IpFamily = this.families[0]!): Uint8Array | undefined {
    return this.#machine.id(family);
  }

  /**
   * Tells our address as most others see it (BEP 42).
   *
   * @param family Which IP version. @default the first that is open
   * @returns The IP address, or `undefined` until enough others agree.
   */
  externalHostname(family: IpFamily = this.families[0]!): string | undefined {
    return this.#machine.externalHostname(family);
  }

  /**
   * Tells what goes on.
   *
   * @returns A snapshot.
   */
  stats(): DhtNodeStats & { readonly sendErrors: number } {
    return { ...this.#machine.stats(), sendErrors: this.#sendErrors };
  }

  /**
   * Saves what is worth it, for the next run.
   *
   * @returns Bytes for {@linkcode MainlineDhtOptions.state}.
   */
  state(): Uint8Array {
    return encodeDhtState({
      id: this.#machine.id(4),
      id6: this.#machine.id(6),
      nodes: this.#machine.bestNodes(4),
      nodes6: this.#machine.bestNodes(6),
      savedAt: Date.now(),
    });
  }

  /**
   * Tells the node of another one: of a torrent's `nodes`, or of a peer that
   * sent a PORT message (BEP 5). It is pinged before it is believed.
   *
   * @param endpoint Name or address, and port.
   */
  addNode(endpoint: Endpoint): void {
    this.#learn([endpoint], "node");
  }

  /**
   * Asks one node whether it is there.
   *
   * @param endpoint Name or address, and port.
   * @param options See {@linkcode DhtRequestOptions}.
   * @returns Its answer.
   * @throws {DOMException} `TimeoutError` if it does not answer.
   * @throws {KrpcError} If it answers with an error.
   * @throws {unknown} `signal.reason` when aborted.
   */
  ping(endpoint: Endpoint, options: DhtRequestOptions = {}): Promise<DhtPong> {
    return this.#client.ping(endpoint, options);
  }

  /**
   * Finds the nodes whose ids are closest to an id.
   *
   * @param target 20 bytes.
   * @param options See {@linkcode DhtRequestOptions}.
   * @returns Those that answered, closest first.
   * @throws {RangeError} If the target does not have 20 bytes.
   * @throws {unknown} `signal.reason` when aborted.
   */
  findNode(
    target: Uint8Array,
    options: DhtRequestOptions = {},
  ): Promise<NodeContact[]> {
    return this.#client.findNode(target, options);
  }

  /**
   * Finds peers of a torrent, or of anything that has a 20-byte hash. Ends
   * with the lookup; on an empty table at once.
   *
   * @param infoHash 20 bytes; never of a private torrent.
   * @param options See {@linkcode DhtGetPeersOptions}.
   * @returns The peers, each once, as they are found.
   * @throws {RangeError} If the hash or the port is impossible.
   * @throws {unknown} `signal.reason` when aborted.
   */
  getPeers(
    infoHash: Uint8Array,
    options: DhtGetPeersOptions = {},
  ): AsyncGenerator<PeerCandidate, void, undefined> {
    return this.#client.getPeers(infoHash, options);
  }

  /**
   * Announces us as a peer, at the nodes closest to the hash.
   *
   * @param infoHash 20 bytes; never of a private torrent.
   * @param options See {@linkcode DhtAnnounceOptions}.
   * @returns What became of it. Repeat it every 15 minutes.
   * @throws {RangeError} If the hash or the port is impossible.
   * @throws {unknown} `signal.reason` when aborted.
   */
  announce(
    infoHash: Uint8Array,
    options: DhtAnnounceOptions = {},
  ): Promise<DhtStoreResult> {
    return this.#client.announce(infoHash, options);
  }

  /**
   * Estimates how many peers a torrent has (BEP 33).
   *
   * @param infoHash 20 bytes.
   * @param options See {@linkcode DhtRequestOptions}.
   * @returns The estimate; `undefined` when no node knows.
   * @throws {RangeError} If the hash does not have 20 bytes.
   * @throws {unknown} `signal.reason` when aborted.
   */
  scrape(
    infoHash: Uint8Array,
    options: DhtRequestOptions = {},
  ): Promise<DhtScrape | undefined> {
    return this.#client.scrape(infoHash, options);
  }

  /**
   * Gets an item (BEP 44, BEP 46). What comes was verified.
   *
   * @param key 20-byte key of an immutable item, or the public key of a mutable
   * one.
   * @param options See {@linkcode DhtGetOptions}.
   * @returns The item, the newest if it is mutable; `undefined` when nobody has
   * it.
   * @throws {RangeError} If the key is impossible.
   * @throws {unknown} `signal.reason` when aborted.
   */
  get(
    key: Uint8Array | DhtMutableKey,
    options: DhtGetOptions = {},
  ): Promise<DhtItem | undefined> {
    return this.#client.get(key, options);
  }

  /**
   * Puts an item at the nodes closest to its key (BEP 44).
   *
   * @param put See {@linkcode DhtPut}.
   * @param options See {@linkcode DhtRequestOptions}.
   * @returns What became of it. Repeat it every hour.
   * @throws {RangeError} If something is too long or of the wrong length.
   * @throws {unknown} `signal.reason` when aborted, or what `sign` rejects
   * with.
   */
  put(put: DhtPut, options: DhtRequestOptions = {}): Promise<DhtPutResult> {
    return this.#client.put(put, options);
  }

  /**
   * Asks nodes on the way to an id which info-hashes they have peers for
   * (BEP 51).
   *
   * @param options See {@linkcode DhtSampleOptions}.
   * @returns A sample of each node that gives one.
   * @throws {RangeError} If the target does not have 20 bytes.
   * @throws {unknown} `signal.reason` when aborted.
   */
  sampleInfohashes(
    options: DhtSampleOptions = {},
  ): AsyncGenerator<DhtSample, void, undefined> {
    return this.#client.sampleInfohashes(options);
  }

  /**
   * Watches what happens: every query that comes in, as crawlers want to know,
   * our external address, and whether we found others. A reader that is too slow
   * misses the oldest.
   *
   * @param options See {@linkcode DhtEventsOptions}.
   * @returns Events from now on; leave the loop, or close the node, to end.
   */
  events(
    options: DhtEventsOptions = {},
  ): AsyncGenerator<DhtNodeEvent, void, undefined> {
    return this.#watchers.watch(options);
  }

  /**
   * Stops and ends everything that runs. Idempotent.
   *
   * @returns {@linkcode MainlineDht.closed}.
   */
  close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#close().then(this.#closed.resolve);
    }
    return this.#closed.promise;
  }

  /** Same as {@linkcode MainlineDht.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#detachSignal();
    this.#driver.close();
    this.#bootstrapped.reject(
      new DOMException("The DHT node was closed", "AbortError"),
    );
    this.#client.close();
    this.#watchers.close();
    for (const socket of this.#sockets.values()) socket.close();
    await Promise.allSettled([...this.#tasks]);
  }

  #perform(output: DhtNodeOutput): void {
    switch (output.type) {
      case "send": {
        const { data, to } = output;
        this.#sockets.get(familyOf(to))?.send(data, to)
          .catch(() => this.#unsent(output));
        return;
      }
      case "progress":
        this.#client.progress(output.requestId, output.progress);
        return;
      case "event":
        if (output.event.type === "bootstrapped") this.#bootstrapped.resolve();
        this.#watchers.push(output.event);
        return;
      case "verify": {
        const { verificationId, publicKey, signature, message } = output;
        verifySignature(publicKey, signature, message).then((valid) =>
          this.#driver.input({ type: "verified", verificationId, valid })
        );
        return;
      }
      case "need-routers":
        this.#findRouters();
    }
  }

  #serve(socket: DatagramSocket): Promise<void> {
    const isV6 = socket.local.hostname.includes(":");
    return serveDatagrams(socket, (data, from, out) => {
      // A socket for both IP versions has no business with IPv4 here.
      if (this.#isClosing || isV6 && from.hostname.startsWith("::ffff:")) {
        return 0;
      }
      const now = this.#clock.now();
      const length = this.#machine.respond(data, from, now, out);
      // What else the datagram led to.
      this.#driver.start();
      return length;
    }, {
      maxRequest: MAX_REQUEST,
      maxAnswer: MAX_ANSWER,
      onSent: (error) => {
        if (error !== undefined) this.#sendErrors++;
      },
    });
  }

  #unsent({ transactionId, to }: Sent): void {
    this.#sendErrors++;
    if (transactionId === undefined) return;
    this.#driver.input({ type: "unsent", transactionId, to });
  }

  #track(task: Promise<void>): void {
    this.#tasks.add(task);
    const forget = () => this.#tasks.delete(task);
    task.then(forget, forget);
  }

  #findRouters(): void {
    const { bootstrap } = this.#options;
    if (bootstrap === undefined) this.#learn(DHT_ROUTERS, "router");
    else this.#learn(bootstrap, "bootstrap");
  }

  /** Looks names up side by side; each helps as soon as it is found. */
  #learn(endpoints: readonly Endpoint[], kind: DhtContactKind): void {
    for (const endpoint of endpoints) {
      this.#resolve(endpoint).then((contacts) => {
        if (contacts.length === 0) return;
        // A node named in a private network means to take part there.
        const widens = kind === "bootstrap" &&
          this.#options.scopes === undefined;
        this.#driver.input({ type: "contacts", kind, contacts, widens });
      });
    }
  }

  #resolve(endpoint: Endpoint): Promise<Endpoint[]> {
    const { resolve = systemResolve } = this.#options;
    return resolveEndpoint(endpoint, this.families, resolve);
  }
}
