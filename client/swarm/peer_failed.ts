/**
 * Why a peer could not be reached, in words.
 *
 * @module
 */
import type { HandshakeFailed } from "../../handshake/mod.ts";
import type { TorrentEvent } from "../types.ts";

/** The event of an attempt that failed, perhaps after an introduction (BEP 55). */
export function peerFailed(
  { address, direction, reason, error }: HandshakeFailed,
  isPunch: boolean,
): TorrentEvent {
  const type = "peer-failed";
  if (isPunch) {
    const message =
      "Another peer introduced us, but nothing came through: its router or ours uses a different port for each connection";
    return { type, address, direction, reason: "punch-failed", message };
  }
  const message = `${error.message}${
    error.cause instanceof Error && error.cause.name !== "NotCapable"
      ? `: ${error.cause.message.replace(/ \(os error \d+\).*$/s, "")}`
      : ""
  }`;
  return { type, address, direction, reason, message };
}
