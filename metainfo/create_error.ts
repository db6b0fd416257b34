/**
 * The error of torrent creation.
 *
 * @module
 */

/**
 * Why a torrent could not be created:
 *
 * - `"not-found"`: there is no such file or folder
 * - `"not-a-file"`: an input is neither a file nor a folder
 * - `"empty"`: there are no files, or not one byte in them
 * - `"bad-path"`: a path inside the torrent has a component that is empty, `.`,
 *   `..`, or holds `/` or NUL; or a name on disk is not UTF-8
 * - `"duplicate-path"`: two files have one path, or a file is in the way of a
 *   folder
 * - `"no-name"`: no name was given and none follows from the inputs
 * - `"lone-file"`: a v2-only torrent cannot say that its one file is in a
 *   folder
 * - `"changed"`: a file or stream is not as long as it was said to be, or was
 *   written to meanwhile
 * - `"symlink"`: a folder has a symbolic link, and links are refused
 * - `"too-large"`: the torrent would have more pieces, files or bytes than
 *   `parseMetainfo` takes unless told otherwise
 * - `"read-failed"`: the operating system failed to read a file
 */
export type CreateErrorCode =
  | "not-found"
  | "not-a-file"
  | "empty"
  | "bad-path"
  | "duplicate-path"
  | "no-name"
  | "lone-file"
  | "changed"
  | "symlink"
  | "too-large"
  | "read-failed";

/** A torrent could not be created from its inputs. */
export class CreateError extends Error {
  /** What is wrong. */
  readonly code: CreateErrorCode;
  /** The path on disk, or else the path in the torrent, joined by `/`. */
  readonly path: string | undefined;

  /**
   * Makes the error.
   *
   * @param code What is wrong.
   * @param message What is wrong, in words.
   * @param path Which file or folder it is about.
   * @param options The cause.
   */
  constructor(
    code: CreateErrorCode,
    message: string,
    path?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "CreateError";
    this.code = code;
    this.path = path;
  }
}
