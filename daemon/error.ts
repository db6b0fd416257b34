/**
 * Errors of the daemon.
 *
 * @module
 */

/** What went wrong. */
export type DaemonErrorCode =
  /** The daemon is closed. */
  | "closed"
  /** The torrent was already added; the error's `id` says which. */
  | "duplicate"
  /** The source is no torrent, link or URL of one. */
  | "bad-source"
  /** A setting or an option makes no sense. */
  | "bad-setting"
  /** There is no such torrent, file or group. */
  | "not-found"
  /** The files are not known yet. */
  | "no-metadata"
  /** A torrent file could not be fetched. */
  | "not-fetched"
  /** The state file is in use by another daemon. */
  | "locked"
  /** The state file is none, is damaged, or is of a newer version. */
  | "bad-state"
  /** The state file cannot be read or written. */
  | "io";

/** The daemon cannot do what it was asked for. */
export class DaemonError extends Error {
  /** What went wrong. */
  readonly code: DaemonErrorCode;
  /** Of which torrent, where that is of use. */
  readonly id: number | undefined;

  /**
   * Makes the error.
   *
   * @param code What went wrong.
   * @param message One line.
   * @param options The cause and the torrent's id, if there are any.
   */
  constructor(
    code: DaemonErrorCode,
    message: string,
    options: ErrorOptions & { readonly id?: number } = {},
  ) {
    super(message, options);
    this.name = "DaemonError";
    this.code = code;
    this.id = options.id;
  }
}
