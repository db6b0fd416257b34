/**
 * Checks what a user of a session gives.
 *
 * @module
 */
import { PeerProtocolError } from "../error.ts";
import { MAX_BLOCK_LENGTH, MAX_PIECE_COUNT } from "../limits.ts";
import type { PeerSessionOptions } from "../session_types.ts";

/**
 * Checks options once.
 *
 * @throws {RangeError} If one makes no sense.
 */
export function checkSessionOptions(options: PeerSessionOptions): void {
  const limits: [string, number | undefined, number, number][] = [
    ["pieceCount", options.pieceCount, 0, MAX_PIECE_COUNT],
    ["maxRequestLength", options.maxRequestLength, 1, MAX_BLOCK_LENGTH],
    ["maxOutstandingRequests", options.maxOutstandingRequests, 1, 65_536],
    ["maxQueuedRequests", options.maxQueuedRequests, 1, 65_536],
    ["maxUnrequestedBlocks", options.maxUnrequestedBlocks, 0, 2 ** 31],
    ["maxSendBuffer", options.maxSendBuffer, 65_536, 2 ** 31],
  ];
  for (const [name, value, least, most] of limits) {
    if (
      value !== undefined &&
      (!Number.isInteger(value) || value < least || value > most)
    ) {
      throw new RangeError(
        `Cannot use ${value} as "${name}": it must be an integer from ${least} to ${most}`,
      );
    }
  }
}

/**
 * Refuses a message of the Fast extension where that was not negotiated.
 *
 * @throws {PeerProtocolError} With code `not-negotiated`.
 */
export function needFast(fast: boolean, type: string): void {
  if (fast) return;
  throw new PeerProtocolError(
    "not-negotiated",
    `Cannot take a "${type}" message as the Fast extension was not negotiated`,
  );
}
