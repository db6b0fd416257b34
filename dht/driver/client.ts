/**
 * What can be asked of the DHT, in terms of a machine's requests.
 *
 * @module
 */
import { onAborted } from "../../_shared/abort.ts";
import type {
  Endpoint,
  IpFamily,
  PeerCandidate,
} from "../../_shared/address.ts";
import { timeoutError } from "../../_shared/clock.ts";
import { EventQueue } from "../../_shared/event_queue.ts";
import type { RandomSource } from "../../_shared/random.ts";
import { BloomFilter } from "../bloom_filter.ts";
import type { Signer } from "./ed25519.ts";
import type { NodeContact } from "../compact_node.ts";
import {
  immutableItemTarget,
  itemSignatureMessage,
  MAX_ITEM_LENGTH,
  MAX_SALT_LENGTH,
  mutableItemTarget,
} from "../item.ts";
import type {
  DhtAnnounceOptions,
  DhtGetOptions,
  DhtGetPeersOptions,
  DhtMutableKey,
  DhtPong,
  DhtPut,
  DhtPutResult,
  DhtRequestOptions,
  DhtSampleOptions,
  DhtScrape,
  DhtStoreResult,
} from "../mainline_options.ts";
import { checkLength } from "../check_options.ts";
import { compareNodeDistance, randomNodeId } from "../node_id.ts";
import type {
  DhtItem,
  DhtNodeInput,
  DhtProgress,
  DhtSample,
  DhtSearchRequest,
  DhtStoreNode,
  DhtStoreRequest,
} from "../node_types.ts";

/** What the client needs of the node. */
export interface ClientHost {
  readonly random: RandomSource;
  readonly families: readonly IpFamily[];
  readonly input: (input: DhtNodeInput) => void;
  /** IP addresses of an endpoint. */
  readonly resolve: (endpoint: Endpoint) => Promise<Endpoint[]>;
  readonly importSecretKey: (secretKey: Uint8Array) => Promise<Signer>;
}

/** What is asked of the machine, without the number of the request. */
type RequestInput =
  | Omit<Extract<DhtNodeInput, { readonly type: "ping" }>, "requestId">
  | Omit<Extract<DhtNodeInput, { readonly type: "search" }>, "requestId">
  | Omit<Extract<DhtNodeInput, { readonly type: "store" }>, "requestId">;

/** What may wait to be taken of one request: more than a lookup can give. */
const MAX_PROGRESS = 16_384;

/** Turns calls into requests to the machine, and its progress into results. */
export class Client {
  readonly #host: ClientHost;
  readonly #requests = new Map<number, (progress: DhtProgress) => void>();
  readonly #queues = new Set<EventQueue<DhtProgress>>();
  #nextRequestId = 0;
  #isClosed = false;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  /** Takes what the machine reports. */
  progress(requestId: number, progress: DhtProgress): void {
    this.#requests.get(requestId)?.(progress);
  }

  /** Ends everything that runs. */
  close(): void {
    this.#isClosed = true;
    for (const queue of this.#queues) queue.close();
  }

  async ping(
    endpoint: Endpoint,
    options: DhtRequestOptions = {},
  ): Promise<DhtPong> {
    const { signal } = options;
    const addresses = await this.#host.resolve(endpoint);
    // A name may have addresses that cannot be reached from here.
    const pings = addresses.map((
      address,
    ) => ({ type: "ping", address } as const));
    let refused: Error | undefined;
    for await (const progress of this.#run(pings, signal)) {
      if (progress.type === "pong") return progress;
      if (progress.type === "refused") refused ??= progress.error;
    }
    if (refused !== undefined) throw refused;
    throw timeoutError(
      `No answer from ${endpoint.hostname} port ${endpoint.port}`,
    );
  }

  async findNode(
    target: Uint8Array,
    options: DhtRequestOptions = {},
  ): Promise<NodeContact[]> {
    const search = { method: "find_node", target } as const;
    const found = await this.#closest(search, options);
    return found.flat()
      .sort((a, b) => compareNodeDistance(target, a.id, b.id))
      .map(({ id, address }) => ({ id, address }));
  }

  async *getPeers(
    infoHash: Uint8Array,
    options: DhtGetPeersOptions = {},
  ): AsyncGenerator<PeerCandidate, void, undefined> {
    const { announcePort, impliedPort = false, noSeed, seed = false } = options;
    if (announcePort !== undefined) checkPort(announcePort);
    const closest: (readonly DhtStoreNode[])[] = [];
    const search = { method: "get_peers", target: infoHash, noSeed } as const;
    for await (const progress of this.#search(search, options)) {
      if (progress.type === "done") closest.push(progress.closest);
      else if (progress.type === "peers") {
        for (const address of progress.peers) {
          // Those that our own node knows announced themselves.
          const teller = (progress.from ?? address).hostname;
          yield { infoHash, address, source: "dht", teller };
        }
      }
    }
    if (announcePort === undefined && !impliedPort) return;
    await this.#store(closest, {
      method: "announce_peer",
      infoHash,
      port: announcePort ?? 0,
      impliedPort,
      seed,
    }, options.signal);
  }

  async announce(
    infoHash: Uint8Array,
    options: DhtAnnounceOptions = {},
  ): Promise<DhtStoreResult> {
    const { port, seed = false, signal } = options;
    if (port !== undefined) checkPort(port);
    const search = { method: "get_peers", target: infoHash } as const;
    const closest = await this.#closest(search, options);
    return await this.#store(closest, {
      method: "announce_peer",
      infoHash,
      port: port ?? 0,
      impliedPort: port === undefined,
      seed,
    }, signal);
  }

  async scrape(
    infoHash: Uint8Array,
    options: DhtRequestOptions = {},
  ): Promise<DhtScrape | undefined> {
    const seeds = new BloomFilter();
    const peers = new BloomFilter();
    let isKnown = false;
    const search = {
      method: "get_peers",
      target: infoHash,
      scrape: true,
    } as const;
    for await (const progress of this.#search(search, options)) {
      if (progress.type !== "filters") continue;
      isKnown = true;
      seeds.union(new BloomFilter(progress.seeds));
      peers.union(new BloomFilter(progress.peers));
    }
    return isKnown
      ? {
        seeds: Math.round(seeds.estimate()),
        peers: Math.round(peers.estimate()),
      }
      : undefined;
  }

  async get(
    key: Uint8Array | DhtMutableKey,
    options: DhtGetOptions = {},
  ): Promise<DhtItem | undefined> {
    const { first = false, seq } = options;
    const isTarget = key instanceof Uint8Array;
    if (!isTarget) checkMutable(key.publicKey, key.salt);
    const target = isTarget ? key : mutableItemTarget(key.publicKey, key.salt);
    const salt = isTarget ? undefined : key.salt;
    let best: DhtItem | undefined;
    const search = { method: "get", target, salt, seq } as const;
    for await (
      const progress of this.#search({ ...search, first }, options)
    ) {
      if (progress.type !== "item") continue;
      const { item } = progress;
      if (best?.seq === undefined || (item.seq ?? 0n) > best.seq) best = item;
      if (first || item.seq === undefined) return best;
    }
    return best;
  }

  async put(
    put: DhtPut,
    options: DhtRequestOptions = {},
  ): Promise<DhtPutResult> {
    const { value } = put;
    if (value.length > MAX_ITEM_LENGTH) {
      throw new RangeError(
        `Cannot put a value of ${value.length} bytes: the most is ${MAX_ITEM_LENGTH}`,
      );
    }
    const isMutable = "secretKey" in put || "publicKey" in put;
    const signer = "secretKey" in put
      ? await this.#host.importSecretKey(put.secretKey)
      : undefined;
    const publicKey = "publicKey" in put ? put.publicKey : signer?.publicKey;
    const salt = isMutable ? put.salt : undefined;
    if (publicKey !== undefined) checkMutable(publicKey, salt);
    const target = publicKey === undefined
      ? immutableItemTarget(value)
      : mutableItemTarget(publicKey, salt);
    let highest = 0n;
    const search = { method: "get", target, salt, first: false } as const;
    const closest = await this.#closest(search, options, (progress) => {
      if (progress.type !== "item") return;
      const { seq = 0n } = progress.item;
      if (seq > highest) highest = seq;
    });
    if (!isMutable || publicKey === undefined) {
      const request = { method: "put", target, value } as const;
      const result = await this.#store(closest, request, options.signal);
      return { target, publicKey, seq: undefined, ...result };
    }
    const seq = put.seq ?? highest + 1n;
    const message = itemSignatureMessage({ salt, seq, value });
    const signature = "signature" in put
      ? put.signature
      : await ("sign" in put ? put.sign(message) : signer!.sign(message));
    const mutable = { publicKey, seq, signature, salt, cas: put.cas };
    const request = { method: "put", target, value, mutable } as const;
    const result = await this.#store(closest, request, options.signal);
    return { target, publicKey, seq, ...result };
  }

  async *sampleInfohashes(
    options: DhtSampleOptions = {},
  ): AsyncGenerator<DhtSample, void, undefined> {
    const { target = randomNodeId(this.#host.random) } = options;
    const search = { method: "sample_infohashes", target } as const;
    for await (const progress of this.#search(search, options)) {
      if (progress.type === "sample") yield progress.sample;
    }
  }

  /** Runs requests side by side; their progress comes as one. */
  async *#run(
    requests: readonly RequestInput[],
    signal: AbortSignal | undefined,
  ): AsyncGenerator<DhtProgress, void, undefined> {
    signal?.throwIfAborted();
    if (this.#isClosed || requests.length === 0) return;
    const queue = new EventQueue<DhtProgress>(MAX_PROGRESS);
    const running = new Set<number>();
    const forget = onAborted(signal, () => queue.close(signal?.reason));
    this.#queues.add(queue);
    try {
      const inputs = requests.map((request): DhtNodeInput => {
        const requestId = this.#nextRequestId++;
        running.add(requestId);
        this.#requests.set(requestId, (progress) => {
          queue.push(progress);
          if (progress.type !== "done") return;
          running.delete(requestId);
          this.#requests.delete(requestId);
          if (running.size === 0) queue.close();
        });
        return { ...request, requestId };
      });
      for (const input of inputs) this.#host.input(input);
      while (true) {
        const progress = await queue.next();
        signal?.throwIfAborted();
        if (progress === undefined) return;
        yield progress;
      }
    } finally {
      forget();
      queue.close();
      this.#queues.delete(queue);
      for (const requestId of running) {
        this.#requests.delete(requestId);
        this.#host.input({ type: "cancel", requestId });
      }
    }
  }

  async *#search(
    search: Omit<DhtSearchRequest, "family">,
    options: DhtRequestOptions,
  ): AsyncGenerator<DhtProgress, void, undefined> {
    checkLength("a target", search.target, 20);
    const { families = this.#host.families, signal } = options;
    const searches = families
      .filter((family) => this.#host.families.includes(family))
      .map((family) => (
        { type: "search", search: { ...search, family } } as const
      ));
    yield* this.#run(searches, signal);
  }

  /** Searches, and gives the closest nodes of each IP version. */
  async #closest(
    search: Omit<DhtSearchRequest, "family">,
    options: DhtRequestOptions,
    onProgress: (progress: DhtProgress) => void = () => {},
  ): Promise<(readonly DhtStoreNode[])[]> {
    const closest: (readonly DhtStoreNode[])[] = [];
    for await (const progress of this.#search(search, options)) {
      if (progress.type === "done") closest.push(progress.closest);
      else onProgress(progress);
    }
    return closest;
  }

  /** Stores at the closest nodes of each IP version. */
  async #store(
    closest: readonly (readonly DhtStoreNode[])[],
    store: DhtStoreRequest,
    signal: AbortSignal | undefined,
  ): Promise<DhtStoreResult> {
    const stored: NodeContact[] = [];
    const refused: DhtStoreResult["refused"][number][] = [];
    const unanswered: Endpoint[] = [];
    const stores = closest.map((nodes) => (
      { type: "store", nodes, store } as const
    ));
    for await (const progress of this.#run(stores, signal)) {
      if (progress.type === "stored") stored.push(progress.node);
      else if (progress.type === "unanswered") {
        unanswered.push(progress.address);
      } else if (progress.type === "refused") {
        const { address, error } = progress;
        refused.push({ address, error });
      }
    }
    return { stored, refused, unanswered };
  }
}

function checkPort(port: number): void {
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    throw new RangeError(
      `Cannot announce port ${port}: it must be an integer from 1 to 65535`,
    );
  }
}

function checkMutable(
  publicKey: Uint8Array,
  salt: Uint8Array | undefined,
): void {
  checkLength("a public key", publicKey, 32);
  if (salt !== undefined && salt.length > MAX_SALT_LENGTH) {
    throw new RangeError(
      `Cannot use a salt of ${salt.length} bytes: the most is ${MAX_SALT_LENGTH}`,
    );
  }
}
