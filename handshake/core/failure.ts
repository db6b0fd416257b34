/**
 * What failures are of, the check of candidates, and what follows from a lack of
 * file descriptors.
 *
 * @module
 */
import {
  ipScope,
  type PeerCandidate,
  tryParseIp,
} from "../../_shared/address.ts";
import { failure, HandshakeError } from "../error.ts";
import { ProxyError } from "../proxy.ts";

/** Descriptors left to files and everything else. */
const RESERVED = 32;
/** Connections that are always allowed. */
const LEAST = 8;
/** After how long without a refusal more is tried again, in ms. */
const FORGET_MS = 60_000;
/** What is closed may keep its descriptor for so long, in ms. */
const SETTLE_MS = 1_000;

/** The number of connections that leaves descriptors for others. */
export class DescriptorGuard {
  #limit = Infinity;
  #forgetAt = 0;
  #refusedAt = -Infinity;

  /**
   * Notes that there was no descriptor left.
   *
   * @param open Connections that are open.
   * @param now The time in milliseconds.
   */
  refused(open: number, now: number): void {
    this.#forgetAt = now + FORGET_MS;
    // More of the same refusal, as those that have to go are not gone yet.
    if (now - this.#refusedAt < SETTLE_MS) return;
    this.#refusedAt = now;
    this.#limit = Math.max(LEAST, Math.min(this.#limit, open - RESERVED));
  }

  /**
   * Tells how many connections may be open.
   *
   * @param now The time in milliseconds.
   * @returns The number, or Infinity.
   */
  limit(now: number): number {
    if (now >= this.#forgetAt) this.#limit = Infinity;
    return this.#limit;
  }
}

/** Whether the process or the system has too many files and sockets open. */
export function isOutOfDescriptors(cause: unknown): boolean {
  const code = (cause as { readonly code?: unknown } | undefined)?.code;
  return code === "EMFILE" || code === "ENFILE";
}

/** Whether only the connection that was to be accepted is gone. */
export function isOfOneConnection(cause: unknown): boolean {
  return cause instanceof Error &&
    ["ConnectionAborted", "ConnectionReset", "NotConnected"]
      .includes(cause.name);
}

/** Wraps what a transport threw. */
export function connectFailure(cause: unknown): HandshakeError {
  if (cause instanceof HandshakeError) return cause;
  if (isOutOfDescriptors(cause)) return failure("no-descriptors");
  if (cause instanceof ProxyError && cause.code !== "target-unreachable") {
    // The cause is told behind the message: what is in that is not told twice.
    return new HandshakeError("proxy-failed", cause.message, {
      cause: cause.cause,
    });
  }
  // A missing permission is named.
  const text = cause instanceof Error && cause.name === "NotCapable"
    ? `Cannot connect to the peer: ${cause.message}`
    : "Cannot connect to the peer";
  return new HandshakeError("connect-failed", text, { cause });
}

/** Why a candidate cannot be dialled at all. */
export function checkCandidate(
  candidate: PeerCandidate,
): HandshakeError | undefined {
  const fault = findFault(candidate);
  return fault === undefined
    ? undefined
    : failure("invalid-candidate", `the candidate is impossible: ${fault}`);
}

function findFault(candidate: PeerCandidate): string | undefined {
  const { infoHash, address: { hostname, port }, peerId, protocol = "" } =
    candidate;
  if (infoHash.length !== 20) return "its info-hash does not have 20 bytes";
  if (peerId !== undefined && peerId.length !== 20) {
    return "its peer id does not have 20 bytes";
  }
  if (protocol.length > 255 || /[^\0-\xff]/.test(protocol)) {
    return "its protocol string is not one of at most 255 bytes";
  }
  if (!Number.isInteger(port) || port < 1 || port > 65535) {
    return "its port is not from 1 to 65535";
  }
  if (hostname === "" || hostname.length > 255) return "it has no address";
  const ip = tryParseIp(hostname);
  if (ip === undefined) return undefined;
  const scope = ipScope(ip);
  return scope === "unspecified" || scope === "multicast" ||
      (scope === "reserved" && ip.length === 4)
    ? `its address is ${scope}`
    : undefined;
}
