/**
 * Options and events of {@linkcode PeerConnection}.
 *
 * @module
 */
import { tryParseIp } from "../_shared/address.ts";
import type { ByteConnection } from "../_shared/byte_conn.ts";
import type { Clock } from "../_shared/clock.ts";
import type { PeerConnection } from "./connection.ts";
import {
  type PeerExtension,
  STANDARD_EXTENSIONS,
} from "./extension_registry.ts";
import { FIRST_UTP_KEEP_ALIVE_MS } from "./limits.ts";
import type { PeerSessionEvent, PeerSessionOptions } from "./session_types.ts";

/** Why a connection ended. */
export interface PeerCloseReason {
  /**
   * `local`: we closed it; `remote`: the peer did; `protocol`: the peer broke
   * the rules or a time limit; `io`: reading or writing failed.
   */
  readonly type: "local" | "remote" | "protocol" | "io";
  /** What went wrong, if anything. */
  readonly error?: Error | undefined;
}

/** The last event of every connection. */
export interface PeerDisconnectedEvent {
  /** Which event. */
  readonly type: "disconnected";
  /** Why. */
  readonly reason: PeerCloseReason;
}

/** Events of a {@linkcode PeerConnection}. */
export type PeerConnectionEvent = PeerSessionEvent | PeerDisconnectedEvent;

/** Options of {@linkcode PeerConnection.start}. */
export interface PeerConnectionOptions
  extends Omit<PeerSessionOptions, "allowedFast"> {
  /** The connection after the handshake; owned from now on. */
  readonly connection: ByteConnection;
  /** 20-byte info-hash that was agreed on. */
  readonly infoHash: Uint8Array;
  /** The peer's 20-byte id. */
  readonly peerId: Uint8Array;
  /**
   * Called synchronously for every event; byte fields are valid only during
   * the call. Commands may be given from within.
   */
  readonly onEvent: (event: PeerConnectionEvent, peer: PeerConnection) => void;
  /** Further extensions (BEP 10). @default {[]} */
  readonly extensions?: readonly PeerExtension[] | undefined;
  /**
   * Asked before each read of the socket, with the most bytes that it would
   * bring; tells how many it may bring, at least 1. For back-pressure and rate
   * limits. Let a promise resolve when the peer closes. @default {undefined}
   */
  readonly beforeRead?:
    | ((wanted: number, peer: PeerConnection) => number | Promise<number>)
    | undefined;
  /** Told of each read and its bytes. @default {undefined} */
  readonly afterRead?:
    | ((bytes: number, peer: PeerConnection) => void)
    | undefined;
  /** Whether some pieces are granted while it is choked (BEP 6). @default {true} */
  readonly grants?: boolean | undefined;
  /** Bytes that a read buffer may grow to. @default {524288} */
  readonly maxReadBuffer?: number | undefined;
  /** Clock to use. @default {systemClock} */
  readonly clock?: Clock | undefined;
}

/**
 * Derives the options of the machine: what depends on the peer's address.
 *
 * @param options Of the connection.
 * @returns Options of the machine.
 */
export function sessionOptionsOf(
  options: PeerConnectionOptions,
): PeerSessionOptions {
  const ip = tryParseIp(options.connection.remote.hostname);
  const isUtp = options.connection.transport === "utp";
  return {
    ...(isUtp ? { firstKeepAliveMs: FIRST_UTP_KEEP_ALIVE_MS } : {}),
    ...options,
    extensionNames: withNames(options),
    allowedFast: ip?.length === 4 && (options.grants ?? true)
      ? { infoHash: options.infoHash, ip }
      : undefined,
    extensionFields: ip === undefined
      ? options.extensionFields
      : { yourIp: ip, ...options.extensionFields },
  };
}

/** The names of all extensions; an array that many share where it can be. */
function withNames(options: PeerConnectionOptions): readonly string[] {
  const { extensionNames = STANDARD_EXTENSIONS, extensions = [] } = options;
  return extensions.length === 0
    ? extensionNames
    : [...extensionNames, ...extensions.map(({ name }) => name)];
}
