/**
 * Serves the info dictionary to peers, and fetches it when it is not known
 * (BEP 9); then the piece layers too, if the torrent needs them (BEP 52).
 *
 * @module
 */
import { Driver } from "../../_shared/drive.ts";
import type { Metainfo } from "../../metainfo/mod.ts";
import type { UtMetadataMessage } from "../../peer/ut_metadata.ts";
import type { HashRange } from "../../peer/message.ts";
import {
  badMetadata,
  matchesInfoHash,
  metainfoFromPeers,
} from "./info_hash.ts";
import {
  type MetadataInput,
  MetadataMachine,
  type MetadataOutput,
} from "./metadata_machine.ts";
import { MetadataServer } from "./metadata_server.ts";
import {
  type PieceLayerInput,
  PieceLayerMachine,
  type PieceLayerOutput,
} from "./piece_layer_machine.ts";
import { needsPieceLayers } from "../content/open_storage.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";

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
