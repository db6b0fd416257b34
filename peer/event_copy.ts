/**
 * Events that outlive the buffers they show.
 *
 * @module
 */
import type { PeerConnectionEvent } from "./connection_options.ts";

/** Copies the byte fields of an event. */
export function copyPeerEvent(event: PeerConnectionEvent): PeerConnectionEvent {
  switch (event.type) {
    case "block":
      return { ...event, data: event.data.slice() };
    case "extended":
      return { ...event, payload: event.payload.slice() };
    case "hashes":
      return { ...event, hashes: event.hashes.slice() };
    case "metadata":
      return event.message.type === "data"
        ? {
          ...event,
          message: { ...event.message, data: event.message.data.slice() },
        }
        : event;
    default:
      return event;
  }
}
