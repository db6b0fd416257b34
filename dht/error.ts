/**
 * The error codes of KRPC, and the error that a remote one becomes.
 *
 * @module
 */

/** Error numbers of KRPC by meaning. Source: BEP 5, BEP 44. */
export const KRPC_ERROR = {
  generic: 201,
  server: 202,
  protocol: 203,
  methodUnknown: 204,
  valueTooBig: 205,
  invalidSignature: 206,
  saltTooBig: 207,
  casMismatch: 301,
  seqTooLow: 302,
} as const;

/** What a remote node complained about. */
export type KrpcErrorCode =
  | "generic"
  | "server"
  | "protocol"
  | "method-unknown"
  | "value-too-big"
  | "invalid-signature"
  | "salt-too-big"
  | "cas-mismatch"
  | "seq-too-low"
  | "unknown";

const CODES = new Map(
  Object.entries(KRPC_ERROR).map(([name, number]) => [
    number as number,
    name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`) as KrpcErrorCode,
  ]),
);

/** A remote node answered a query with an error. Source: BEP 5, BEP 44. */
export class KrpcError extends Error {
  /** The complaint by name; `"unknown"` for a number without one. */
  readonly code: KrpcErrorCode;
  /** The number as it was sent. */
  readonly number: number;
  /** The text as it was sent, cut and made printable. */
  readonly remoteMessage: string;

  /**
   * Makes the error for an answer.
   *
   * @param number The number as it was sent.
   * @param remoteMessage The text as it was sent.
   */
  constructor(number: number, remoteMessage: string) {
    const code = CODES.get(number) ?? "unknown";
    // deno-lint-ignore no-control-regex
    const text = remoteMessage.slice(0, 256).replace(/[\x00-\x1f\x7f]/g, " ");
    super(`Node answered with error ${number} (${code}): ${text}`);
    this.name = "KrpcError";
    this.code = code;
    this.number = number;
    this.remoteMessage = text;
  }
}
