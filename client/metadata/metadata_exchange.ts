/**
 * Serves the info dictionary to peers, and fetches it when it is not known
 * (BEP 9); then the piece layers too, if the torrent needs them (BEP 52).
 *
 * @module
 */
import { Driver } from "../../_shared/drive.ts";
import {
  answerUtMetadata,
  METADATA_PIECE_LENGTH,
  type UtMetadataMessage,
} from "../../peer/ut_metadata.ts";
import type { HashRange } from "../../peer/message.ts";
import {
  type MetadataInput,
  MetadataMachine,
  type MetadataOutput,
} from "./metadata_machine.ts";
import {
  type PieceLayerInput,
  PieceLayerMachine,
  type PieceLayerOutput,
} from "./piece_layer_machine.ts";
import { needsPieceLayers } from "../content/open_storage.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import { sha1 } from "../../_shared/sha1.ts";
import { equalBytes } from "../../_shared/bytes.ts";
import { sha256 } from "../../metainfo/merkle.ts";
import { parseInfo } from "../../metainfo/parse.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { SessionError } from "../error.ts";

/**
 * Whether bytes are the dictionary that a link asks for. With both hashes in
 * the link both must fit.
 */
export function matchesInfoHash(
  infoBytes: Uint8Array,
  magnet: Magnet,
): boolean {
  const { infoHashV1, infoHashV2 } = magnet;
  if (infoHashV1 !== undefined) {
    if (!equalBytes(sha1(infoBytes), infoHashV1)) return false;
  }
  if (infoHashV2 !== undefined) {
    if (!equalBytes(sha256(infoBytes), infoHashV2)) return false;
  }
  return infoHashV1 !== undefined || infoHashV2 !== undefined;
}

/** Reads a dictionary that fits. */
export function metainfoFromPeers(
  infoBytes: Uint8Array,
  magnet: Magnet,
  pieceLayers?: ReadonlyMap<string, Uint8Array>,
): Metainfo {
  if (pieceLayers !== undefined) {
    return { ...metainfoFromPeers(infoBytes, magnet), pieceLayers };
  }
  return parseInfo(infoBytes, {
    trackers: magnet.trackers.map((url) => [url]),
    webSeeds: magnet.webSeeds,
    nodes: magnet.nodes,
  });
}

/** Words what makes fetched metadata useless. */
export function badMetadata(cause: unknown): SessionError {
  const reason = cause instanceof Error ? cause.message : cause;
  return new SessionError(
    "bad-metadata",
    `Peers sent an info dictionary that cannot be used: ${reason}`,
    { cause },
  );
}

/** Requests of a peer that wait for the limit; more are rejected. */
const MAX_WAITING = 8;

/**
 * Answers requests for metadata: in order, as fast as the upload limit lets
 * them pass. What a peer asks for beyond a few requests, or while it does not
 * read what it was sent, is rejected.
 */
export class MetadataServer {
  readonly #torrent: Pick<TorrentHost, "peers" | "limits">;
  readonly #infoBytes: () => Uint8Array | undefined;
  /** Pieces that each peer waits for. */
  readonly #waiting = new Map<number, number[]>();

  constructor(
    torrent: Pick<TorrentHost, "peers" | "limits">,
    infoBytes: () => Uint8Array | undefined,
  ) {
    this.#torrent = torrent;
    this.#infoBytes = infoBytes;
  }

  /** Takes a request. */
  request(peer: SwarmPeer, piece: number): void {
    const waiting = this.#waiting.get(peer.key);
    if (waiting === undefined) {
      const queue = [piece];
      this.#waiting.set(peer.key, queue);
      this.#serve(peer, queue);
    } else if (waiting.length < MAX_WAITING) waiting.push(piece);
    else peer.connection.sendMetadata({ type: "reject", piece });
  }

  #serve(peer: SwarmPeer, queue: number[]): void {
    const { connection, key } = peer;
    const isGone = () => this.#torrent.peers.get(key) !== peer;
    while (queue.length > 0 && !isGone()) {
      const piece = queue[0]!;
      const answer = answerUtMetadata(this.#infoBytes(), piece);
      if (
        answer.type !== "data" || !connection.hasSendRoom(METADATA_PIECE_LENGTH)
      ) {
        queue.shift();
        connection.sendMetadata({ type: "reject", piece });
        continue;
      }
      const granted = this.#torrent.limits.upload.take(answer.data.length, {
        whole: true,
        isGone,
      });
      if (typeof granted !== "number") {
        void granted.then(() => {
          if (!isGone()) {
            queue.shift();
            connection.sendMetadata(answer);
          }
          this.#serve(peer, queue);
        });
        return;
      }
      queue.shift();
      connection.sendMetadata(answer);
    }
    this.#waiting.delete(key);
  }
}

/** Both directions of ut_metadata for one torrent. */
export class MetadataExchange {
  readonly #torrent: TorrentHost;
  readonly #driver: Driver<MetadataInput, MetadataOutput> | undefined;
  readonly #server: MetadataServer;
  /** The exact bytes, when known. */
  infoBytes: Uint8Array | undefined;
  #layers: Driver<PieceLayerInput, PieceLayerOutput> | undefined;

  constructor(torrent: TorrentHost) {
    const { magnet, metainfo, context: { clock } } = torrent;
    this.#torrent = torrent;
    this.infoBytes = metainfo?.infoBytes;
    this.#server = new MetadataServer(torrent, () => this.infoBytes);
    if (metainfo === undefined && magnet !== undefined) {
      this.#driver = new Driver(
        new MetadataMachine({
          verify: (infoBytes) => matchesInfoHash(infoBytes, magnet),
        }),
        { clock, perform: (output) => this.#perform(output) },
      );
    }
  }

  /** Notes what a peer offers. */
  offered(peer: SwarmPeer, size: number): void {
    if (this.infoBytes === undefined) {
      this.#driver?.input({ type: "peer", peer: peer.key, size });
    }
  }

  /** Takes a message of a peer. */
  handle(peer: SwarmPeer, message: UtMetadataMessage): void {
    const { piece } = message;
    switch (message.type) {
      case "request":
        this.#server.request(peer, piece);
        break;
      case "reject":
        this.#driver?.input({ type: "reject", peer: peer.key, piece });
        break;
      case "data":
        this.#driver?.input({
          type: "data",
          peer: peer.key,
          piece,
          totalSize: message.totalSize,
          data: message.data,
        });
        break;
    }
  }

  /** Takes hashes, or their refusal, of a peer. */
  handleHashes(
    { key: peer }: SwarmPeer,
    { range, hashes }: { range: HashRange; hashes?: Uint8Array },
  ): void {
    this.#layers?.input(
      hashes
        ? { type: "hashes", peer, range, hashes }
        : { type: "reject", peer, range },
    );
  }

  /** Notes that a peer connected. */
  connected(peer: SwarmPeer): void {
    this.#layers?.input({ type: "peer", peer: peer.key });
  }

  /** Notes that a peer is gone. */
  gone(peer: SwarmPeer): void {
    this.#driver?.input({ type: "gone", peer: peer.key });
    this.#layers?.input({ type: "gone", peer: peer.key });
  }

  /** Ends the fetching. */
  close(): void {
    this.#driver?.close();
    this.#layers?.close();
    this.#layers = undefined;
  }

  #perform(output: MetadataOutput | PieceLayerOutput): void {
    if (output.type === "done") {
      if ("infoBytes" in output) {
        this.infoBytes = output.infoBytes;
        this.#driver?.close();
        return this.#parse(output.infoBytes);
      }
      this.#layers?.close();
      this.#layers = undefined;
      return this.#parse(this.infoBytes!, output.pieceLayers);
    }
    const { peer } = output;
    const connection = this.#torrent.peers.get(peer)?.connection;
    if (output.type === "ban") this.#torrent.ban(peer, output.reason);
    else if (output.type === "drop") {
      void connection?.close(new Error(output.reason));
    } else if ("piece" in output) {
      connection?.sendMetadata({ type: "request", piece: output.piece });
    } else if (!connection?.requestHashes(output.range)) {
      this.#layers?.input({ type: "reject", peer, range: output.range });
    }
  }

  #parse(
    infoBytes: Uint8Array,
    pieceLayers?: ReadonlyMap<string, Uint8Array>,
  ): void {
    const torrent = this.#torrent;
    let metainfo: Metainfo;
    try {
      metainfo = metainfoFromPeers(infoBytes, torrent.magnet!, pieceLayers);
    } catch (cause) {
      return torrent.fail(badMetadata(cause));
    }
    if (!needsPieceLayers(metainfo)) return torrent.fetched(metainfo);
    const layers = this.#layers = new Driver(new PieceLayerMachine(metainfo), {
      clock: torrent.context.clock,
      perform: (output: PieceLayerOutput) => this.#perform(output),
    });
    for (const peer of torrent.peers.keys()) {
      layers.input({ type: "peer", peer });
    }
  }
}
