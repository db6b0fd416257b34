/**
 * The error codes of KRPC, and the error that a remote one becomes.
 *
 * @module
 */

/** Error numbers of KRPC by meaning. Source: BEP 5, BEP 44. */
export const KRPC_ERROR: {
  readonly generic: 201;
  readonly server: 202;
  readonly protocol: 203;
  readonly methodUnknown: 204;
  readonly valueTooBig: 205;
  readonly invalidSignature: 206;
  readonly saltTooBig: 207;
  readonly casMismatch: 301;
  readonly seqTooLow: 302;
} = {
  generic: 201,
  server: 202,
  protocol: 203,
  methodUnknown: 204,
  valueTooBig: 205,
  invalidSignature: 206,
  saltTooBig: 207,
  casMismatch: 301,
  seqTooLow: 302,
};

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

const CODES: ReadonlyMap<number, KrpcErrorCode> = new Map([
  [201, "generic"],
  [202, "server"],
  [203, "protocol"],
  [204, "method-unknown"],
  [205, "value-too-big"],
  [206, "invalid-signature"],
  [207, "salt-too-big"],
  [301, "cas-mismatch"],
  [302, "seq-too-low"],
]);

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
