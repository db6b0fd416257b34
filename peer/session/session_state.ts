/**
 * The states of both sides of a session.
 *
 * @module
 */
import type { SessionParts } from "./session_receive.ts";
import type { PeerSessionState } from "../session_types.ts";

/** Reads the states where they are kept. */
export class LiveState implements PeerSessionState {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get amChoking(): boolean {
    return this.#parts.upload.choking;
  }
  get amInterested(): boolean {
    return this.#parts.download.interested;
  }
  get peerChoking(): boolean {
    return this.#parts.download.choking;
  }
  get peerInterested(): boolean {
    return this.#parts.upload.interested;
  }
  get snubbed(): boolean {
    return this.#parts.download.snubbed;
  }
  get uploadOnly(): boolean {
    return this.#parts.extensions.uploadOnly;
  }
  get isSeed(): boolean {
    return this.#parts.remote.isSeed;
  }
}
