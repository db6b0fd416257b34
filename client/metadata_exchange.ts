/**
 * Serves the info dictionary to peers, and fetches it when it is not known
 * (BEP 9).
 *
 * @module
 */
import type { Clock } from "../_shared/clock.ts";
import { Driver } from "../_shared/drive.ts";
import { answerUtMetadata, type UtMetadataMessage } from "../peer/mod.ts";
import {
  type MetadataInput,
  MetadataMachine,
  type MetadataOutput,
} from "./metadata_machine.ts";
import type { SwarmPeer } from "./swarm_peer.ts";

/** Metadata is not served to a peer that lets so many bytes wait. */
const MAX_BUFFERED = 163_840;

/** Options of {@linkcode MetadataExchange}. */
export interface MetadataExchangeOptions {
  /** Connected peers by key. */
  readonly peers: ReadonlyMap<number, SwarmPeer>;
  /** The exact bytes, when known. */
  readonly infoBytes: Uint8Array | undefined;
  /** Whether bytes are the wanted dictionary. */
  readonly verify: (infoBytes: Uint8Array) => boolean;
  /** Takes the dictionary when it was fetched. */
  readonly onMetadata: (infoBytes: Uint8Array) => void;
  /** Whose time passes. */
  readonly clock: Clock;
}

/** Both directions of ut_metadata for one torrent. */
export class MetadataExchange {
  readonly #options: MetadataExchangeOptions;
  readonly #driver: Driver<MetadataInput, MetadataOutput> | undefined;
  #infoBytes: Uint8Array | undefined;

  /**
   * Makes an exchange.
   *
   * @param options See {@linkcode MetadataExchangeOptions}.
   */
  constructor(options: MetadataExchangeOptions) {
    this.#options = options;
    this.#infoBytes = options.infoBytes;
    if (options.infoBytes === undefined) {
      this.#driver = new Driver(
        new MetadataMachine({ verify: options.verify }),
        {
          clock: options.clock,
          perform: (output) => this.#perform(output),
        },
      );
    }
  }

  /** The exact bytes, when known. */
  get infoBytes(): Uint8Array | undefined {
    return this.#infoBytes;
  }

  /** Notes what a peer offers. */
  offered(peer: SwarmPeer, size: number): void {
    if (this.#infoBytes === undefined) {
      this.#driver?.input({ type: "peer", peer: peer.key, size });
    }
  }

  /** Takes a message of a peer. */
  handle(peer: SwarmPeer, message: UtMetadataMessage): void {
    const { piece } = message;
    switch (message.type) {
      case "request":
        peer.connection.sendMetadata(
          peer.connection.bufferedBytes > MAX_BUFFERED
            ? { type: "reject", piece }
            : answerUtMetadata(this.#infoBytes, piece),
        );
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

  /** Notes that a peer is gone. */
  gone(peer: SwarmPeer): void {
    this.#driver?.input({ type: "gone", peer: peer.key });
  }

  /** Ends the fetching. */
  close(): void {
    this.#driver?.close();
  }

  #perform(output: MetadataOutput): void {
    const { peers, onMetadata } = this.#options;
    switch (output.type) {
      case "request":
        peers.get(output.peer)?.connection.sendMetadata({
          type: "request",
          piece: output.piece,
        });
        break;
      case "drop":
        void peers.get(output.peer)?.connection.close(new Error(output.reason));
        break;
      case "done":
        this.#infoBytes = output.infoBytes;
        this.close();
        onMetadata(output.infoBytes);
        break;
    }
  }
}
