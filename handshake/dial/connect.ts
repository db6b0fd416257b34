/**
 * Connecting within a time limit.
 *
 * @module
 */
import { orAborted } from "../../_shared/abort.ts";
import type { Endpoint } from "../../_shared/address.ts";
import type { ByteConnection, ByteTransport } from "../../_shared/byte_conn.ts";
import { type Clock, deadlineSignal } from "../../_shared/clock.ts";
import { HandshakeError } from "../error.ts";

/** How {@linkcode connectWithin} connects. */
export interface ConnectWithinOptions {
  /** Makes the connection. */
  readonly transport: ByteTransport;
  /** Clock to use. */
  readonly clock: Clock;
  /** The limit, in ms. */
  readonly timeoutMs: number;
  /** Ends the attempt; its reason is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Connects, or throws a HandshakeError. Holds even with a transport that
 * ignores signals: a connection that comes too late is closed.
 */
export async function connectWithin(
  address: Endpoint,
  options: ConnectWithinOptions,
): Promise<ByteConnection> {
  const { transport, clock, timeoutMs, signal: outer } = options;
  const text = "Cannot connect to the peer within the time limit";
  using deadline = deadlineSignal(clock, timeoutMs, text, outer);
  const { signal } = deadline;
  // What it throws counts as a rejection as well.
  const connecting =
    (async () => await transport.connect(address, { signal }))();
  connecting.then((connection) => {
    if (signal.aborted) connection.close();
  }, () => {});
  try {
    return await orAborted(connecting, signal);
  } catch (cause) {
    if (outer.aborted) throw outer.reason;
    if (signal.aborted) {
      throw new HandshakeError("connect-timeout", text, { cause });
    }
    throw cause;
  }
}
