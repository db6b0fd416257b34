/**
 * In which ways a candidate is dialled, and in what order. Pure.
 *
 * @module
 */
import type { ByteTransport } from "../../_shared/byte_conn.ts";

/** One way to reach a candidate. */
export interface ConnectAttempt {
  /** Makes the connection. */
  readonly transport: ByteTransport;
  /** Whether to encrypt, in the order that is tried: one at least. */
  readonly encrypted: readonly boolean[];
  /**
   * When it begins, in milliseconds after the first; at once when an earlier one
   * fails.
   */
  readonly afterMs: number;
}

/** Time that an attempt has before the next begins beside it, in milliseconds. */
const HEAD_START_MS = 300;

/** Tries transports that dial in their order, each with the same encryption. */
export function planDial(
  transports: readonly ByteTransport[],
  encrypted: readonly boolean[],
): readonly ConnectAttempt[] {
  const dialling = transports.filter(({ dials = true }) => dials);
  return dialling.map((transport, i) => ({
    transport,
    encrypted,
    afterMs: i * HEAD_START_MS,
  }));
}
