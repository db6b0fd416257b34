/**
 * Errors of the client.
 *
 * @module
 */

/** What went wrong. */
export type SessionErrorCode =
  /** The session or the torrent was closed or removed. */
  | "closed"
  /** The torrent is in the session already. */
  | "duplicate"
  /** The source is no torrent, magnet link or info-hash. */
  | "bad-source"
  /** The info dictionary is not known yet. */
  | "no-metadata"
  /** The info dictionary that peers sent cannot be used. */
  | "bad-metadata"
  /** What is to be read is not there, and nothing is fetched. */
  | "not-there"
  /** The v1 and v2 hashes of a hybrid torrent disagree: no data has both. */
  | "contradiction";

/** A session cannot do what it was asked for. */
export class SessionError extends Error {
  /** What went wrong. */
  readonly code: SessionErrorCode;

  /**
   * Makes the error.
   *
   * @param code What went wrong.
   * @param message One line.
   * @param options The cause, if there is one.
   */
  constructor(code: SessionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "SessionError";
    this.code = code;
  }
}

/**
 * What is told of a torrent that is no more.
 *
 * @returns A fresh error.
 */
export function closedError(): SessionError {
  return new SessionError("closed", "The torrent was removed");
}

/**
 * Whether trying again must lead to the same.
 *
 * @param error What stopped a torrent.
 * @returns True when it is the torrent itself that is wrong.
 */
export function isFinal(error: Error | undefined): boolean {
  return error instanceof SessionError &&
    (error.code === "bad-metadata" || error.code === "contradiction");
}
