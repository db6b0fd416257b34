import type { PeerMessage } from "../../peer/mod.ts";

/** Copies a message so that it outlives the buffer its byte fields show. */
export function copyMessage(message: PeerMessage): PeerMessage {
  return Object.fromEntries(
    Object.entries(message).map(([key, value]) => [
      key,
      value instanceof Uint8Array ? value.slice() : value,
    ]),
  ) as unknown as PeerMessage;
}
