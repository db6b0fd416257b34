/**
 * The connected peers of one torrent: takes them in, routes what they say,
 * keeps their number right.
 *
 * @module
 */
import {
  type Endpoint,
  type PeerCandidate,
  siteKey,
} from "../../_shared/address.ts";
import { isServicePort } from "../../_shared/reach.ts";
import type {
  HandshakeConnected,
  HandshakeFailed,
} from "../../handshake/event.ts";
import { PeerConnection } from "../../peer/connection.ts";
import type {
  PeerConnectionEvent,
  PeerConnectionOptions,
} from "../../peer/connection_options.ts";
import type { HashRange } from "../../peer/message.ts";
import { CandidateDialer, peerFailed } from "./candidate_dialer.ts";
import { type Holepunch, openHolepunch } from "./holepunch.ts";
import { MetadataExchange } from "../metadata/metadata_exchange.ts";
import { PeerExchange } from "../peers/peer_exchange.ts";
import type { PeerList } from "../peer_list.ts";
import { maxPeersOf, PeerRoom } from "./peer_room.ts";
import type { Newcomer } from "../peers/peer_worth.ts";
import { GrantBook } from "../limits/host_book.ts";
import { ReadGate } from "../limits/rate_limiter.ts";
import type { SessionContext } from "../content/session_context.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import { SwarmPeer } from "../peers/swarm_peer.ts";

/** Name and version told to peers. */
const CLIENT_VERSION = "bip 0.1.0";
/** A connection that ends so soon counts as a failure, in milliseconds. */
const SHORT_LIVED_MS = 5_000;
/** Extensions for everybody, and that which leaks peers. */
const EXTENSIONS = ["ut_metadata", "upload_only", "lt_donthave"];
const OPEN_EXTENSIONS = [...EXTENSIONS, "ut_pex"];
const PUNCH_EXTENSIONS = [...OPEN_EXTENSIONS, "ut_holepunch"];

/** Connected peers by key, with candidates for more. */
export class Swarm {
  /** Connected peers. */
  readonly peers = new Map<number, SwarmPeer>();
  /** What the torrents of the session share. */
  readonly context: SessionContext;
  /** 20-byte info-hash to dial with. */
  readonly infoHash: Uint8Array;
  readonly #torrent: TorrentHost;
  /** Dials candidates, as long as there is room. */
  readonly dialer: CandidateDialer;
  /** Candidates. */
  readonly list: PeerList;
  /** Who may have a place. */
  readonly places: PeerRoom;
  readonly #metadata: MetadataExchange;
  readonly #exchange: PeerExchange | undefined;
  readonly #punches: Holepunch | undefined;
  readonly #grants = new GrantBook();
  readonly #pressure = () => this.#torrent.content?.storage.pressure;
  #nextKey = 1;
  #downloaded = 0;
  #uploaded = 0;

  constructor(torrent: TorrentHost) {
    const { context, infoHash } = torrent;
    this.#torrent = torrent;
    this.context = context;
    this.infoHash = infoHash;
    this.dialer = new CandidateDialer(this);
    this.list = this.dialer.list;
    this.places = new PeerRoom(this);
    this.#metadata = new MetadataExchange(torrent);
    if (context.options.pex ?? true) {
      this.#exchange = new PeerExchange(infoHash, this.peers);
      if (context.dialsUtp) {
        const dial = (endpoint: Endpoint) => this.dialer.punch(endpoint);
        this.#punches = openHolepunch(this, dial);
      }
    }
    this.contentReady();
  }

  /** Most connections. */
  get maxPeers(): number {
    return maxPeersOf(this.#torrent);
  }

  /** Whether seeds are of no use. */
  get isComplete(): boolean {
    return this.#torrent.isComplete;
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

  /** Starts to connect. */
  start(): void {
    this.places.start();
    this.dialer.active = true;
  }

  /** Closes every connection and connects no more. */
  async stop(): Promise<void> {
    this.dialer.active = false;
    await Promise.all(
      [...this.peers.values()].map((peer) => {
        peer.isStopped = true;
        return peer.connection.close();
      }),
    );
  }

  /** Ends it for good. */
  async close(): Promise<void> {
    this.#metadata.close();
    this.#punches?.close();
    await this.stop();
  }

  /** Takes the peers there are into the content, once it is known. */
  contentReady(): void {
    const { content } = this.#torrent;
    if (content === undefined) return;
    for (const peer of [...this.peers.values()]) {
      peer.connection.setPieceCount(content.layout.pieceCount, {
        pieceSize: (pieceIndex) => content.servedSize(pieceIndex),
        ownPieces: content.revealer.admit(peer.key),
      });
      if (!peer.connection.isClosed && !peer.inPicker) content.addPeer(peer);
    }
  }

  /** Notes whether seeds are of use; otherwise they are disconnected. */
  completeChanged(): void {
    const { isComplete } = this.#torrent;
    this.dialer.wake();
    for (const peer of this.peers.values()) {
      peer.connection.setUploadOnly(isComplete);
      if (isComplete) this.#dropIfUseless(peer);
    }
  }

  /**
   * Disconnects peers that a private torrent must not use (BEP 27): those found
   * before the metadata was known. Inbound peers stay.
   */
  setPrivate(): void {
    for (const peer of [...this.peers.values()]) {
      const { direction, listening } = peer;
      if (
        direction === "outbound" && listening !== undefined &&
        this.list.isOpen(this.list.sourceOf(listening) ?? "")
      ) void peer.connection.close(new Error("The torrent is private"));
    }
    this.list.removeOpenSources();
  }

  /** Tells of an attempt to connect that failed, perhaps after an introduction. */
  dialFailed(event: HandshakeFailed, isPunch = false): void {
    this.#torrent.publish(peerFailed(event, isPunch));
  }

  /** Looks for somebody who introduces us to a peer that cannot be dialled. */
  unreachable({ address, hints }: PeerCandidate): void {
    if (!hints?.holepunch || this.#torrent.isPrivate) return;
    this.#punches?.input({ type: "unreachable", endpoint: address });
  }

  /** Takes a connected peer, if there is room or a lesser one gives way. */
  attach(event: HandshakeConnected, isPunched = false): void {
    const { candidate, direction, address, connection } = event;
    const now = this.context.clock.now();
    const isNamed = candidate !== undefined &&
      this.list.isNamed(candidate.address);
    const site = siteKey(address.hostname);
    if (!this.#admits(event, { direction, isNamed, site })) {
      connection.close();
      if (candidate !== undefined) {
        const outcome = this.dialer.active ? "local" : "stopped";
        this.list.released(candidate.address, now, outcome);
      }
      return;
    }
    const key = this.#nextKey++;
    const options = this.#connectionOptions(event, key);
    const peer = new SwarmPeer(event, PeerConnection.start(options), {
      key,
      since: now,
      isNamed,
      isPunched,
      site,
    });
    this.peers.set(key, peer);
    this.places.entered(peer);
    this.#torrent.busy();
    if (candidate !== undefined) this.list.connected(candidate.address);
    this.#torrent.content?.addPeer(peer);
    this.#metadata.connected(peer);
    this.#torrent.publish({
      type: "peer-connected",
      address,
      direction,
      client: peer.client,
    });
  }

  /**
   * Bans a peer: it is dropped and its address is never used again; nor is its
   * network, with IPv6.
   */
  ban(key: number, reason: string): void {
    const peer = this.peers.get(key);
    if (peer === undefined) return;
    this.list.ban(peer.address.hostname);
    this.#tell("peer-banned", peer, reason);
    const error = new Error(reason);
    void peer.connection.close(error);
    for (const other of [...this.peers.values()]) {
      if (this.list.isBanned(other.address.hostname)) {
        void other.connection.close(error);
      }
    }
  }

  /** Drops the peers that the session has nothing to do with any more. */
  dropBlocked(): void {
    const error = new Error("It is on the block list");
    for (const { address, connection } of [...this.peers.values()]) {
      if (this.context.isBlocked(address.hostname)) {
        void connection.close(error);
      }
    }
  }

  /** Once a second while there are peers. */
  tick(now: number): void {
    if (!this.#torrent.isPrivate) this.#exchange?.tick(now);
    for (const { connection } of this.peers.values()) {
      this.context.sendBudget.look(connection);
    }
    if (!this.dialer.active) return;
    this.places.tick(now);
    this.dialer.connectMore();
  }

  #admits(event: HandshakeConnected, newcomer: Newcomer): boolean {
    const { isPrivate } = this.#torrent;
    const { address, candidate } = event;
    const { hostname } = address;
    const { clock, debts } = this.context;
    return this.dialer.active && !this.list.isBanned(hostname) &&
      !debts.isClosedTo(hostname, clock.now()) &&
      !(isPrivate && this.list.isOpen(candidate?.source ?? "incoming")) &&
      this.places.admits(newcomer);
  }

  #serveHashes(peer: SwarmPeer, range: HashRange): void {
    const answer = this.#torrent.limits.upload.tryTake(32 * range.length)
      ? this.#torrent.content?.hashes?.answer(range)
      : undefined;
    peer.connection.sendHashes(range, answer?.hashes, answer?.work);
  }

  #connectionOptions(
    event: HandshakeConnected,
    key: number,
  ): PeerConnectionOptions {
    const { extensions, infoHash, peerId, connection } = event;
    const { content, metainfo, magnet, limits, options } = this.#torrent;
    const { timers, dhtPort, listenPort, options: chosen, debts, clock } =
      this.context;
    const now = clock.now();
    const { infoBytes } = this.#metadata;
    const isOpen = !this.#torrent.isPrivate;
    const { hostname } = connection.remote;
    const gate = new ReadGate(this.#pressure, limits.download);
    return {
      connection,
      infoHash,
      peerId,
      fast: extensions.has("fast"),
      extended: extensions.has("extension-protocol"),
      dhtPort: isOpen && extensions.has("dht") ? dhtPort : undefined,
      v2: (metainfo ?? magnet)?.infoHashV2 !== undefined,
      pieceCount: content?.layout.pieceCount,
      pieceSize: content && ((index) => content.servedSize(index)),
      ownPieces: content?.revealer.admit(key),
      servedFirst: () => this.#torrent.content?.servedFirst(key),
      extensionNames: !isOpen || this.#exchange === undefined
        ? EXTENSIONS
        : this.#punches === undefined
        ? OPEN_EXTENSIONS
        : PUNCH_EXTENSIONS,
      extensionFields: {
        clientVersion: (chosen.clientVersion ?? CLIENT_VERSION) || undefined,
        listenPort: listenPort || undefined,
        ...(chosen.anonymous ? { yourIp: undefined } : {}),
        ...(infoBytes ? { metadataSize: infoBytes.length } : {}),
        ...(this.isComplete ? { uploadOnly: true } : {}),
      },
      extensions: [
        ...chosen.extensions?.(event) ?? [],
        ...options.extensions?.(event) ?? [],
      ],
      grants: this.#grants.take(hostname, now),
      debt: debts.of(hostname, now),
      maxReadBuffer: this.context.maxReadBytes,
      clock: timers,
      onEvent: (happened) => {
        if (happened.type === "disconnected") gate.after(0);
        this.#handle(key, happened);
      },
      beforeRead: (wanted, peer) => gate.before(wanted, peer),
      afterRead: (bytes) => gate.after(bytes),
    };
  }

  #handle(key: number, event: PeerConnectionEvent): void {
    const peer = this.peers.get(key);
    if (peer === undefined) return;
    switch (event.type) {
      case "disconnected":
        this.#gone(peer, event.reason.error?.message ?? event.reason.type);
        break;
      case "metadata":
        this.#metadata.handle(peer, event.message);
        break;
      case "extension-handshake": {
        const { metadataSize, clientVersion, listenPort } = event.handshake;
        if (metadataSize !== undefined) {
          this.#metadata.offered(peer, metadataSize);
        }
        if (clientVersion !== undefined) peer.client = clientVersion;
        if (listenPort !== undefined && peer.listening === undefined) {
          this.#learnListening(peer, listenPort);
        }
        break;
      }
      case "pex":
        if (this.#exchange !== undefined && !this.#torrent.isPrivate) {
          this.#punches?.input({ ...event, type: "told", key });
          this.dialer.add(this.#exchange.candidates(peer, event.message));
        }
        break;
      case "holepunch":
        if (!this.#torrent.isPrivate) {
          this.#punches?.input({ ...event, type: "message", key });
        }
        break;
      case "port":
        if (this.#torrent.isPrivate) break;
        this.context.onDhtNode({
          hostname: peer.address.hostname,
          port: event.port,
        });
        break;
      case "hashes":
      case "hash-reject":
        this.#metadata.handleHashes(peer, event);
        break;
      case "hash-request":
        this.#serveHashes(peer, event.range);
        break;
      default:
        this.#torrent.content?.handle(peer, event);
        if (event.type !== "block") this.#noteSeed(peer);
    }
  }

  /** Anybody can claim to listen anywhere: it is filed, and not dialled now. */
  #learnListening(peer: SwarmPeer, port: number): void {
    const { hostname } = peer.address;
    // We would have others dial it.
    if (isServicePort(port)) return;
    const address = { hostname, port };
    const { infoHash } = this;
    const source = "incoming";
    this.list.add({ infoHash, address, source, teller: hostname });
    this.list.claim(address, 1);
    peer.listening = address;
    peer.isClaim = true;
  }

  /** A peer that answered at an address we dialled is connected already: a claim. */
  adopt(address: Endpoint): void {
    for (const peer of this.peers.values()) {
      if (peer.address.hostname !== address.hostname) continue;
      if (peer.direction === "outbound" || peer.listening !== undefined) {
        continue;
      }
      peer.listening = address;
      peer.isClaim = true;
      return this.list.claim(address, 1);
    }
  }

  #noteSeed(peer: SwarmPeer): void {
    if (!peer.connection.state.isSeed) return;
    if (peer.listening !== undefined) this.list.setSeed(peer.listening);
    if (this.isComplete) this.#dropIfUseless(peer);
  }

  /** Two seeds have nothing to tell each other. */
  #dropIfUseless(peer: SwarmPeer): void {
    const { isSeed, uploadOnly } = peer.connection.state;
    if (isSeed || uploadOnly) void peer.connection.close();
  }

  #gone(peer: SwarmPeer, reason: string): void {
    this.peers.delete(peer.key);
    this.places.left(peer);
    const stats = peer.connection.stats();
    this.#downloaded += stats.downloaded;
    this.#uploaded += stats.uploaded;
    this.#torrent.content?.removePeer(peer);
    this.#metadata.gone(peer);
    this.#punches?.input({ type: "gone", key: peer.key });
    const now = this.context.clock.now();
    this.context.debts.note(peer.address.hostname, peer.connection.debt, now);
    if (peer.isClaim) this.list.claim(peer.listening!, -1);
    if (peer.listening !== undefined) {
      const isUnused = stats.downloaded + stats.uploaded === 0;
      if (peer.isReplaced && isUnused) this.list.judge(peer.listening, false);
      const isUseless = isUnused &&
        (peer.isReplaced || now - peer.since < SHORT_LIVED_MS);
      const outcome = peer.isStopped
        ? "stopped"
        : isUseless
        ? "useless"
        : "ended";
      this.list.released(peer.listening, now, outcome);
    }
    this.#tell("peer-disconnected", peer, reason);
    this.dialer.connectMore();
  }

  #tell(
    type: "peer-banned" | "peer-disconnected",
    peer: SwarmPeer,
    reason: string,
  ): void {
    const { address, direction, client } = peer;
    this.#torrent.publish({ type, address, direction, client, reason });
  }
}
