/**
 * Errors of uTP.
 *
 * @module
 */

/**
 * Why a connection failed: `"timed-out"` when the other side fell silent,
 * `"refused"` when it wants no connection, `"unreachable"` when the system sends
 * nothing there, `"reset"` when it broke one off,
 * `"closed"` when this side did, `"too-many"` when there is no room for more.
 */
export type UtpErrorCode =
  | "timed-out"
  | "refused"
  | "unreachable"
  | "reset"
  | "closed"
  | "too-many";

/** A uTP connection could not be made, or broke. */
export class UtpError extends Error {
  /** Why. */
  readonly code: UtpErrorCode;

  /**
   * Makes the error.
   *
   * @param code Why.
   * @param message One line for people.
   */
  constructor(code: UtpErrorCode, message: string) {
    super(message);
    this.name = "UtpError";
    this.code = code;
  }
}
