/**
 * What a torrent needs only while there are peers: books of what is asked of
 * them, what they are served, and what they are told.
 *
 * @module
 */
import type { PeerSessionEvent } from "../../peer/mod.ts";
import type { SwarmPeer } from "../peers/swarm_peer.ts";
import { Download } from "./download.ts";
import { PieceRevealer } from "./reveal.ts";
import type { TorrentContent } from "./torrent_content.ts";
import { Upload } from "./upload.ts";

/** Download, upload and revelation of one torrent. */
export class PeerBooks {
  readonly download: Download;
  readonly upload: Upload;
  readonly revealer: PieceRevealer;
  readonly #isReadOnly: boolean;

  constructor(content: TorrentContent) {
    this.#isReadOnly = content.isReadOnly;
    this.download = new Download(content);
    const { picker } = this.download;
    const { torrent, have } = content;
    this.revealer = new PieceRevealer(torrent, have, picker);
    this.upload = new Upload(content, this.revealer);
  }

  /** Starts both directions. */
  start(): void {
    if (!this.#isReadOnly) this.download.start();
    this.upload.start();
  }

  /** Stops both directions. */
  stop(): void {
    this.download.stop();
    this.upload.stop();
  }

  /** Stops, and tells nobody anything more. */
  close(): void {
    this.stop();
    this.revealer.close();
  }

  /** Once a second. */
  tick(now: number): void {
    this.download.tick();
    this.upload.tick(now);
    this.revealer.tick(now);
  }

  /** Takes a peer in. */
  add(peer: SwarmPeer): void {
    this.download.addPeer(peer);
    this.upload.addPeer(peer);
    this.revealer.connected(peer);
  }

  /** Forgets a peer. */
  remove(peer: SwarmPeer): void {
    this.download.removePeer(peer);
    this.upload.removePeer(peer);
    this.revealer.gone(peer.key);
  }

  /** Takes an event of a peer about pieces and blocks. */
  handle(peer: SwarmPeer, event: PeerSessionEvent): void {
    switch (event.type) {
      case "serve":
      case "serve-cancelled":
      case "interested":
      case "not-interested":
        return this.upload.handle(peer, event);
    }
    this.download.handle(peer, event);
    if (event.type === "have") {
      this.revealer.peerHas(peer.key, event.pieceIndex);
    } else if (event.type === "bitfield" || event.type === "have-all") {
      this.revealer.peerHas(peer.key);
    }
  }
}
