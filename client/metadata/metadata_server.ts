/**
 * Serves the info dictionary to peers (BEP 9), within the upload limit.
 *
 * @module
 */
import {
  answerUtMetadata,
  METADATA_PIECE_LENGTH,
} from "../../peer/ut_metadata.ts";
import type { TorrentHost } from "../content/torrent_host.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";

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
