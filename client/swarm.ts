/**
 * The connected peers of one torrent: takes them in, routes what they say,
 * keeps their number right.
 *
 * @module
 */
import type { Endpoint, PeerCandidate } from "../_shared/address.ts";
import type { Clock } from "../_shared/clock.ts";
import type { RandomSource } from "../_shared/random.ts";
import { randomInt } from "../_shared/random.ts";
import type {
  HandshakeConnected,
  HandshakeFailed,
} from "../handshake/event.ts";
import { PeerConnection } from "../peer/connection.ts";
import type {
  PeerConnectionEvent,
  PeerConnectionOptions,
} from "../peer/connection_options.ts";
import type { PeerExtension } from "../peer/extension_registry.ts";
import type { PeerSessionEvent } from "../peer/session_types.ts";
import { RequestWindow } from "../select/request_window.ts";
import type { PieceLayout } from "../metainfo/mod.ts";
import { CandidateDialer } from "./candidate_dialer.ts";
import type { HashServer } from "./hash_server.ts";
import type { MetadataExchange } from "./metadata_exchange.ts";
import type { PieceRevealer } from "./reveal.ts";
import type { PeerExchange } from "./peer_exchange.ts";
import { isOpenSource, type PeerList } from "./peer_list.ts";
import type { RateLimiter } from "./rate_limiter.ts";
import type { ExtensionPeer } from "./policy_options.ts";
import { readGate } from "./read_gate.ts";
import { clientName, type SwarmPeer } from "./swarm_peer.ts";
import type { TorrentEvent } from "./types.ts";

/** A connection that ends so soon counts as a failure, in milliseconds. */
const SHORT_LIVED_MS = 5_000;

/** What becomes known once there is an info dictionary. */
export interface SwarmContent {
  /** Pieces and files. */
  readonly layout: PieceLayout;
  /** Tells peers of it. */
  readonly revealer: PieceRevealer;
  /** Takes a peer in. */
  addPeer(peer: SwarmPeer): void;
  /** Forgets a peer. */
  removePeer(peer: SwarmPeer): void;
  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void;
  /** Serves merkle hashes of v2 torrents (BEP 52). */
  readonly hashes: HashServer | undefined;
  /** Bytes of a piece that peers may ask for. */
  readonly servedSize: (pieceIndex: number) => number;
  /** Defined while sockets should not be read. */
  readonly pressure: () => Promise<void> | undefined;
}

/** What a swarm needs of its torrent. */
export interface SwarmOptions {
  /** 20-byte info-hash to dial with. */
  readonly infoHash: Uint8Array;
  readonly clock: Clock;
  readonly random: RandomSource;
  /** Most connections. */
  readonly maxPeers: number;
  /** Bytes that one read of a socket may bring. */
  readonly maxReadBytes: number;
  /** Whether the session has room for one more. */
  readonly hasRoom: () => boolean;
  /** Dials. */
  readonly connect: (candidate: PeerCandidate) => void;
  /** Wants to be ticked from now on. */
  readonly onBusy: () => void;
  /** Tells the torrent's subscribers. */
  readonly publish: (event: TorrentEvent) => void;
  /** Our listening port, to tell peers; 0 for none. */
  readonly listenPort: number;
  /** Name and version told to peers. */
  readonly clientVersion: string;
  /** Download limits to pass, in order. */
  readonly downloadLimits: readonly RateLimiter[];
  /** A private torrent: no extension that leaks peers (BEP 27). */
  readonly isPrivate: () => boolean;
  /** Whether the torrent has v2 hashes (BEP 52). */
  readonly hasV2: () => boolean;
  /** UDP port of our DHT node, if any (BEP 5). */
  readonly dhtPort: number | undefined;
  /** Makes the user's extensions for a peer (BEP 10). */
  readonly extensionsFor: (peer: ExtensionPeer) => readonly PeerExtension[];
  /** Takes a peer's DHT node (BEP 5). */
  readonly onDhtNode: (node: Endpoint) => void;
}

/** Connected peers by key, with candidates for more. */
export class Swarm {
  /** Connected peers. */
  readonly peers = new Map<number, SwarmPeer>();
  readonly #dialer: CandidateDialer;
  readonly #options: SwarmOptions;
  readonly #metadata: MetadataExchange;
  readonly #exchange: PeerExchange | undefined;
  #content: SwarmContent | undefined;
  #nextKey = 1;
  #downloaded = 0;
  #uploaded = 0;

  /**
   * Makes an empty swarm.
   *
   * @param options See {@linkcode SwarmOptions}.
   * @param parts What handles metadata and peer exchange.
   */
  constructor(
    options: SwarmOptions,
    parts: {
      readonly metadata: (peers: Map<number, SwarmPeer>) => MetadataExchange;
      readonly exchange: (
        peers: Map<number, SwarmPeer>,
      ) => PeerExchange | undefined;
    },
  ) {
    this.#options = options;
    this.#dialer = new CandidateDialer({
      infoHash: options.infoHash,
      clock: options.clock,
      randomInt: (below) => randomInt(options.random, below),
      room: () => options.hasRoom() ? options.maxPeers - this.peers.size : 0,
      connect: options.connect,
    });
    this.#metadata = parts.metadata(this.peers);
    this.#exchange = parts.exchange(this.peers);
  }

  /** Candidates. */
  get list(): PeerList {
    return this.#dialer.list;
  }

  /** Attempts to connect under way. */
  get connecting(): number {
    return this.#dialer.connecting;
  }

  /** Payload received from peers, present and past. */
  get downloadedBytes(): number {
    let sum = this.#downloaded;
    for (const { connection } of this.peers.values()) {
      sum += connection.stats().downloaded;
    }
    return sum;
  }

  /** Payload sent to peers, present and past. */
  get uploadedBytes(): number {
    let sum = this.#uploaded;
    for (const { connection } of this.peers.values()) {
      sum += connection.stats().uploaded;
    }
    return sum;
  }

  /** The info dictionary's exchange. */
  get metadata(): MetadataExchange {
    return this.#metadata;
  }

  /** Starts to connect. */
  start(): void {
    this.#dialer.active = true;
    this.#dialer.connectMore();
    this.#options.onBusy();
  }

  /**
   * Closes every connection and connects no more.
   *
   * @returns A promise that resolves when all are closed.
   */
  async stop(): Promise<void> {
    this.#dialer.active = false;
    await Promise.all(
      [...this.peers.values()].map(({ connection }) => connection.close()),
    );
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#metadata.close();
    await this.stop();
  }

  /**
   * Gives the swarm the content to exchange, once it is known.
   *
   * @param content Storage, download and upload.
   */
  setContent(content: SwarmContent): void {
    this.#content = content;
    const { layout, revealer } = content;
    for (const peer of [...this.peers.values()]) {
      peer.connection.setPieceCount(layout.pieceCount, {
        pieceSize: (pieceIndex) => content.servedSize(pieceIndex),
        ownPieces: revealer.admit(peer.key, peer.fast),
      });
      if (!peer.connection.isClosed && !peer.inPicker) {
        content.addPeer(peer);
      }
    }
  }

  /**
   * Whether seeds are of no use any more: they are let go.
   *
   * @param complete Whether we have all we want.
   */
  setComplete(complete: boolean): void {
    this.#dialer.skipSeeds = complete;
    for (const peer of this.peers.values()) {
      peer.connection.setUploadOnly(complete);
      if (complete) this.#dropIfUseless(peer);
    }
  }

  /**
   * Lets go of everybody that a private torrent must not use (BEP 27): what was
   * found before the metadata told. Whoever came by himself stays.
   */
  setPrivate(): void {
    for (const peer of [...this.peers.values()]) {
      const { direction, listening } = peer;
      if (
        direction === "outbound" && listening !== undefined &&
        isOpenSource(this.list.sourceOf(listening))
      ) void peer.connection.close(new Error("The torrent is private"));
    }
    this.list.removeOpenSources();
  }

  /** Adds candidates and dials if there is room. */
  addCandidates(candidates: Iterable<PeerCandidate>): number {
    const added = this.#dialer.add(candidates);
    if (added > 0) this.#options.onBusy();
    return added;
  }

  /** Whether a tick has anything to do. */
  get isBusy(): boolean {
    return this.peers.size > 0 || (this.#dialer.active && this.list.size > 0);
  }

  /**
   * Takes a failed handshake.
   *
   * @param event What failed.
   */
  failed(event: HandshakeFailed): void {
    const { address, direction, reason } = event;
    this.#dialer.failed(event, (listening) => this.#isConnected(listening));
    this.#options.publish({
      type: "peer",
      address,
      state: "failed",
      direction,
      reason,
    });
    this.#dialer.connectMore();
  }

  /**
   * Takes a connected peer.
   *
   * @param event The finished handshake.
   */
  attach(event: HandshakeConnected): void {
    const { candidate, direction, address, connection } = event;
    if (candidate !== undefined) this.#dialer.ended();
    const { maxPeers, hasRoom, clock } = this.#options;
    if (
      !this.#dialer.active || this.list.isBanned(address.hostname) ||
      this.peers.size >= maxPeers || !hasRoom() ||
      (this.#options.isPrivate() && isOpenSource(candidate?.source))
    ) {
      connection.close();
      if (candidate !== undefined) {
        this.list.released(candidate.address, clock.now(), false);
      }
      return;
    }
    const key = this.#nextKey++;
    const peer: SwarmPeer = {
      key,
      connection: PeerConnection.start(this.#connectionOptions(event, key)),
      address,
      direction,
      peerId: event.peerId,
      window: new RequestWindow(),
      since: clock.now(),
      fast: event.extensions.has("fast"),
      client: clientName(event.peerId),
      listening: candidate?.address,
      inPicker: false,
      pexSent: new Set(),
    };
    this.peers.set(key, peer);
    this.#options.onBusy();
    if (candidate !== undefined) this.list.connected(candidate.address);
    this.#content?.addPeer(peer);
    this.#metadata.connected(peer);
    this.#exchange?.connected(peer, clock.now());
    this.#options.publish({
      type: "peer",
      address,
      state: "connected",
      direction,
      client: peer.client,
    });
  }

  /**
   * Bans a peer: it is dropped and its address is never used again.
   *
   * @param key Which peer.
   * @param reason What it did.
   */
  ban(key: number, reason: string): void {
    const peer = this.peers.get(key);
    if (peer === undefined) return;
    this.list.ban(peer.address.hostname);
    this.#options.publish({
      type: "peer",
      address: peer.listening ?? peer.address,
      state: "banned",
      direction: peer.direction,
      client: peer.client,
      reason,
    });
    void peer.connection.close(new Error(reason));
  }

  /** Once a second. */
  tick(now: number): void {
    if (!this.#options.isPrivate()) this.#exchange?.tick(now);
    if (this.#dialer.active) this.#dialer.connectMore();
  }

  #connectionOptions(
    event: HandshakeConnected,
    key: number,
  ): PeerConnectionOptions {
    const { extensions, infoHash, peerId, connection } = event;
    const { listenPort, clientVersion, isPrivate, dhtPort } = this.#options;
    const content = this.#content;
    const infoBytes = this.#metadata.infoBytes;
    const isOpen = !isPrivate();
    return {
      connection,
      infoHash,
      peerId,
      fast: extensions.has("fast"),
      extended: extensions.has("extension-protocol"),
      dhtPort: isOpen && extensions.has("dht") ? dhtPort : undefined,
      v2: this.#options.hasV2(),
      pieceCount: content?.layout.pieceCount,
      pieceSize: content && ((index) => content.servedSize(index)),
      ownPieces: content?.revealer.admit(key, extensions.has("fast")),
      extensionNames: isOpen && this.#exchange !== undefined
        ? undefined
        : ["ut_metadata", "upload_only", "lt_donthave"],
      extensionFields: {
        clientVersion,
        ...(listenPort > 0 ? { listenPort } : {}),
        ...(infoBytes ? { metadataSize: infoBytes.length } : {}),
        ...(this.#dialer.skipSeeds ? { uploadOnly: true } : {}),
      },
      extensions: this.#options.extensionsFor(event),
      maxReadBuffer: this.#options.maxReadBytes,
      clock: this.#options.clock,
      onEvent: (happened) => this.#handle(key, happened),
      beforeRead: (wanted) =>
        readGate(() => this.#content?.pressure(), this.#options.downloadLimits)
          ?.then(() => wanted) ?? wanted,
      afterRead: (bytes) => {
        for (const limit of this.#options.downloadLimits) limit.refund(-bytes);
      },
    };
  }

  #handle(key: number, event: PeerConnectionEvent): void {
    const peer = this.peers.get(key);
    if (peer === undefined) return;
    const content = this.#content;
    switch (event.type) {
      case "closed":
        this.#gone(peer, event.reason.error?.message ?? event.reason.type);
        break;
      case "metadata":
        this.#metadata.handle(peer, event.message);
        break;
      case "extension-handshake": {
        const { metadataSize, clientVersion, listenPort, requestQueue } =
          event.handshake;
        if (metadataSize !== undefined) {
          this.#metadata.offered(peer, metadataSize);
        }
        if (clientVersion !== undefined) peer.client = clientVersion;
        if (requestQueue !== undefined) peer.window.setLimit(requestQueue);
        if (listenPort !== undefined && peer.listening === undefined) {
          this.#learnListening(peer, listenPort);
        }
        break;
      }
      case "pex":
        if (this.#exchange !== undefined && !this.#options.isPrivate()) {
          this.addCandidates(this.#exchange.candidates(event.message));
        }
        break;
      case "port":
        if (this.#options.isPrivate()) break;
        this.#options.onDhtNode({
          hostname: peer.address.hostname,
          port: event.port,
        });
        break;
      case "hashes":
      case "hash-reject":
        this.#metadata.handleHashes(peer, event);
        break;
      case "hash-request":
        peer.connection.sendHashes(
          event.range,
          content?.hashes?.answer(event.range),
        );
        break;
      default:
        content?.handle(peer, event);
        if (event.type !== "block") this.#noteSeed(peer);
    }
  }

  #learnListening(peer: SwarmPeer, port: number): void {
    const address = { hostname: peer.address.hostname, port };
    this.list.add({
      infoHash: this.#options.infoHash,
      address,
      source: "pex",
    });
    peer.listening = address;
    // Whoever told of it before: it need not be dialled.
    this.list.connected(address);
  }

  #isConnected({ hostname, port }: Endpoint): boolean {
    for (const { listening } of this.peers.values()) {
      if (listening?.hostname === hostname && listening.port === port) {
        return true;
      }
    }
    return false;
  }

  #noteSeed(peer: SwarmPeer): void {
    if (!peer.connection.state.isSeed) return;
    if (peer.listening !== undefined) this.list.setSeed(peer.listening, true);
    if (this.#dialer.skipSeeds) this.#dropIfUseless(peer);
  }

  /** Two seeds have nothing to tell each other. */
  #dropIfUseless(peer: SwarmPeer): void {
    const { isSeed, uploadOnly } = peer.connection.state;
    if (isSeed || uploadOnly) void peer.connection.close();
  }

  #gone(peer: SwarmPeer, reason: string): void {
    this.peers.delete(peer.key);
    const stats = peer.connection.stats();
    this.#downloaded += stats.downloaded;
    this.#uploaded += stats.uploaded;
    this.#content?.removePeer(peer);
    this.#metadata.gone(peer);
    this.#exchange?.disconnected(peer);
    const now = this.#options.clock.now();
    if (peer.listening !== undefined) {
      const useless = now - peer.since < SHORT_LIVED_MS &&
        stats.downloaded + stats.uploaded === 0;
      this.list.released(peer.listening, now, useless);
    }
    this.#options.publish({
      type: "peer",
      address: peer.listening ?? peer.address,
      state: "disconnected",
      direction: peer.direction,
      client: peer.client,
      reason,
    });
    this.#dialer.connectMore();
  }
}
