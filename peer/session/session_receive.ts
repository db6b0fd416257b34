/**
 * Messages of the peer: each to the part of the session that it concerns.
 *
 * @module
 */
import { GOSSIP_COST, JUNK_BYTES } from "../limits.ts";
import type { PeerMessage } from "../message.ts";
import type { RemotePieces } from "./remote_pieces.ts";
import type { SessionCore } from "./session_core.ts";
import type { DownloadSide } from "./session_download.ts";
import type { ExtensionSide } from "./session_extensions.ts";
import type { HashSide } from "./session_hashes.ts";
import { needFast } from "./session_options.ts";
import type { PieceSide } from "./session_pieces.ts";
import type { UploadSide } from "./session_upload.ts";

const NO_BYTES = new Uint8Array(0);

/** The parts of one session. */
export interface SessionParts {
  /** Whether both sides speak the Fast extension. */
  readonly fast: boolean;
  /** Whether both sides speak the extension protocol. */
  readonly extended: boolean;
  readonly core: SessionCore;
  readonly remote: RemotePieces;
  readonly pieces: PieceSide;
  readonly download: DownloadSide;
  readonly upload: UploadSide;
  readonly extensions: ExtensionSide;
  /** Where both sides speak version 2. */
  readonly hashes: HashSide | undefined;
  /** Of the peer's DHT node, as told last; 0 for none. */
  peerPort: number;
}

/**
 * Takes a message of the peer.
 *
 * @throws {PeerProtocolError} If it breaks the rules in a way that can hurt.
 */
export function receiveMessage(
  session: SessionParts,
  message: PeerMessage,
  now: number,
): void {
  switch (message.type) {
    case "piece": {
      const { snubbed } = session.download;
      session.download.onPiece(message, now);
      if (snubbed) session.core.timers.atLatest(session.download.deadline);
      return;
    }
    case "request":
      session.upload.onRequest(message, now);
      return session.upload.pump(session.core.bufferedBytes, now);
    case "have":
      return session.pieces.onHave(message.pieceIndex);
    case "cancel":
      session.upload.onCancel(message, now);
      return session.upload.pump(session.core.bufferedBytes, now);
    case "choke":
      return session.download.onChoke(now);
    case "unchoke":
      return session.download.onUnchoke(now);
    case "interested":
    case "not-interested":
      session.core.timers.wantedAt = now;
      return session.upload.onInterest(message.type === "interested", now);
    case "bitfield":
      return session.pieces.onFirst("bitfield", message.bytes);
    case "have-all":
    case "have-none":
      needFast(session.fast, message.type);
      return session.pieces.onFirst(message.type, NO_BYTES);
    case "reject":
      needFast(session.fast, "reject");
      return session.download.onReject(message);
    case "allowed-fast":
    case "suggest": {
      const { type, pieceIndex } = message;
      needFast(session.fast, type);
      if (!session.remote.isPiece(pieceIndex)) return session.core.odd();
      if (type === "suggest") session.core.emit({ type, pieceIndex });
      else session.download.onAllowedFast(pieceIndex);
      return;
    }
    case "port":
      if (message.port === 0 || message.port === session.peerPort) return;
      session.peerPort = message.port;
      session.core.budget.spend(GOSSIP_COST);
      return session.core.emit({ type: "port", port: message.port });
    case "extended":
      if (session.extended) session.extensions.onMessage(message, now);
      return;
    case "hash-request":
    case "hashes":
    case "hash-reject":
      return session.hashes?.onMessage(message, now);
    case "unknown":
      return session.core.odd(message.payload.length / JUNK_BYTES);
    case "keep-alive":
      return;
  }
}
