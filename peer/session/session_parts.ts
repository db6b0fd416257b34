/**
 * The parts of a session, and which message concerns which of them.
 *
 * @module
 */
import { PeerProtocolError } from "../error.ts";
import { GOSSIP_COST } from "../limits.ts";
import type { PeerMessage } from "../message.ts";
import type { PeerSessionOptions, PeerSessionState } from "../session_types.ts";
import { PieceSide, RemotePieces } from "./session_pieces.ts";
import { SessionCore } from "./session_core.ts";
import { DownloadSide } from "./session_download.ts";
import { ExtensionSide } from "./session_extensions.ts";
import { HashSide } from "./session_hashes.ts";
import { UploadSide } from "./session_upload.ts";

const NO_BYTES = new Uint8Array(0);

/** The parts of one session; reads the states where they are kept. */
export class SessionParts implements PeerSessionState {
  /** Whether both sides speak the Fast extension. */
  readonly fast: boolean;
  readonly core: SessionCore;
  readonly remote: RemotePieces;
  readonly pieces: PieceSide;
  readonly download: DownloadSide;
  readonly upload: UploadSide;
  readonly extensions: ExtensionSide;
  /** Where both sides speak version 2. */
  readonly hashes: HashSide | undefined;
  /** Whether both sides speak the extension protocol. */
  readonly extended: boolean;
  /** Of the peer's DHT node, as told last; 0 for none. */
  #peerPort = 0;

  constructor(options: PeerSessionOptions, now: number) {
    this.fast = options.fast ?? false;
    this.extended = options.extended ?? false;
    const core = this.core = new SessionCore(
      now,
      options.firstKeepAliveMs,
      options.debt,
    );
    const remote = this.remote = new RemotePieces(options.pieceCount);
    this.pieces = new PieceSide(options, core, remote);
    this.download = new DownloadSide(options, core, remote);
    this.upload = new UploadSide(options, core, remote);
    this.extensions = new ExtensionSide(options, core, this.download);
    this.hashes = options.v2 ? new HashSide(core) : undefined;
  }

  get amChoking(): boolean {
    return this.upload.choking;
  }
  get amInterested(): boolean {
    return this.download.interested;
  }
  get peerChoking(): boolean {
    return this.download.choking;
  }
  get peerInterested(): boolean {
    return this.upload.interested;
  }
  get snubbed(): boolean {
    return this.download.snubbed;
  }
  get uploadOnly(): boolean {
    return this.extensions.uploadOnly;
  }
  get isSeed(): boolean {
    return this.remote.isSeed;
  }

  /**
   * Takes a message of the peer.
   *
   * @throws {PeerProtocolError} If it breaks the rules in a way that can hurt.
   */
  receive(message: PeerMessage, now: number): void {
    switch (message.type) {
      case "piece": {
        const { snubbed } = this.download;
        this.download.onPiece(message, now);
        if (snubbed) this.core.timers.atLatest(this.download.deadline);
        return;
      }
      case "request":
        this.upload.onRequest(message, now);
        return this.upload.pump(this.core.bufferedBytes, now);
      case "have":
        return this.pieces.onHave(message.pieceIndex);
      case "cancel":
        this.upload.onCancel(message, now);
        return this.upload.pump(this.core.bufferedBytes, now);
      case "choke":
        return this.download.onChoke(now);
      case "unchoke":
        return this.download.onUnchoke(now);
      case "interested":
      case "not-interested":
        this.core.timers.wantedAt = now;
        return this.upload.onInterest(message.type === "interested", now);
      case "bitfield":
        return this.pieces.onFirst("bitfield", message.bytes);
      case "have-all":
      case "have-none":
        this.#needFast(message.type);
        return this.pieces.onFirst(message.type, NO_BYTES);
      case "reject":
        this.#needFast("reject");
        return this.download.onReject(message);
      case "allowed-fast":
      case "suggest": {
        const { type, pieceIndex } = message;
        this.#needFast(type);
        if (!this.remote.isPiece(pieceIndex)) return this.core.odd();
        if (type === "suggest") this.core.emit({ type, pieceIndex });
        else this.download.onAllowedFast(pieceIndex);
        return;
      }
      case "port":
        if (message.port === 0 || message.port === this.#peerPort) return;
        this.#peerPort = message.port;
        this.core.budget.spend(GOSSIP_COST);
        return this.core.emit({ type: "port", port: message.port });
      case "extended":
        if (this.extended) this.extensions.onMessage(message, now);
        return;
      case "hash-request":
      case "hashes":
      case "hash-reject":
        if (this.hashes === undefined) return this.core.oddMessage(message);
        return this.hashes.onMessage(message, now);
      case "unknown":
        return this.core.oddMessage(message);
      case "keep-alive":
        return;
    }
  }

  #needFast(type: string): void {
    if (this.fast) return;
    throw new PeerProtocolError(
      "not-negotiated",
      `Cannot take a "${type}" message as the Fast extension was not negotiated`,
    );
  }
}
