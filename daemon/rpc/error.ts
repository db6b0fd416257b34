/**
 * What goes wrong in a call.
 *
 * @module
 */

/** Codes and messages. Source: JSON-RPC 2.0, and Transmission's own above 0. */
const MESSAGES = {
  "parse": [-32700, "Parse error"],
  "request": [-32600, "Invalid Request"],
  "method": [-32601, "Method not found"],
  "params": [-32602, "Invalid params"],
  "internal": [-32603, "Internal error"],
  "announce-list": [1, "error setting announce list"],
  "tracker-list": [2, "Invalid tracker list"],
  "not-absolute": [3, "path is not absolute"],
  "unrecognized": [4, "unrecognized info"],
  "system": [5, "system error"],
  "file-index": [6, "file index out of range"],
  "piece-index": [7, "piece index out of range"],
  "http": [8, "HTTP error from backend service"],
  "corrupt": [9, "invalid or corrupt torrent file"],
  "blocklist": [10, "couldn't parse any valid blocklist rules"],
} as const;

/** Kinds of mistakes. */
export type RpcErrorKind = keyof typeof MESSAGES;

/** A call cannot be done. */
export class RpcError extends Error {
  /** What kind of mistake. */
  readonly code: RpcErrorKind;
  /** What is answered nevertheless. */
  readonly result: Readonly<Record<string, unknown>> | undefined;

  /** Makes the error; without a message it has that of its kind. */
  constructor(
    code: RpcErrorKind,
    message?: string,
    result?: Readonly<Record<string, unknown>>,
  ) {
    super(message ?? MESSAGES[code][1]);
    this.name = "RpcError";
    this.code = code;
    this.result = result;
  }

  /** The number of its kind. */
  get number(): number {
    return MESSAGES[this.code][0];
  }

  /** What its kind is called. */
  get kind(): string {
    return MESSAGES[this.code][1];
  }
}
