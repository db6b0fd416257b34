/**
 * The error type of this module.
 *
 * @module
 */

/** What kind of failure a {@linkcode DiskError} is. */
export type DiskErrorCode =
  /** No space or quota is left. */
  | "disk-full"
  /** The operating system refused, or Deno has no permission. */
  | "permission"
  /** The file does not exist. */
  | "not-found"
  /** Something that must not be replaced is in the way. */
  | "exists"
  /** There is a folder, device or pipe where a file was expected. */
  | "not-a-file"
  /** A symbolic link leads out of the base folder or nowhere. */
  | "symlink"
  /** A path component is empty, `.`, `..` or holds a separator. */
  | "unsafe-path"
  /** Another torrent that is stored here writes to the file; see `files`. */
  | "taken"
  /** Files are in the way that cannot be part of the torrent; see `files`. */
  | "foreign-file"
  /** The file was deleted, replaced or written to while it was in use. */
  | "replaced"
  /** The file ended before the wanted bytes. */
  | "short-read"
  /** No file descriptor is left; a later attempt may work. */
  | "too-many-files"
  /** Another input or output failure. */
  | "io"
  /** No such piece, or bytes outside of it. */
  | "out-of-bounds"
  /** The piece is not verified, so it is not served. */
  | "not-verified"
  /** The storage cannot do that. */
  | "unsupported"
  /** The storage was added for reading only. */
  | "read-only"
  /** The torrent is there already. */
  | "duplicate-torrent"
  /** There is no such torrent. */
  | "unknown-torrent"
  /** The storage or the manager is closed. */
  | "closed";

/** Most files that an error names. */
const MAX_TOLD_FILES = 10;

/** Details of a {@linkcode DiskError}. */
export interface DiskErrorOptions {
  /** What was being done, such as `"write"`. */
  readonly operation: string;
  /** The file, as components below the base folder or one text. */
  readonly path?: readonly string[] | string | undefined;
  /** Where in the file, in bytes. */
  readonly offset?: number | undefined;
  /** More files that it is about, each as one text. */
  readonly files?: readonly string[] | undefined;
  /** What went wrong underneath. */
  readonly cause?: unknown | undefined;
}

/**
 * A file operation failed, or a block that does not exist was requested.
 * Callers can `switch` on `code`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DiskError } from "@bip/bip/disk";
 *
 * const error = new DiskError("disk-full", "No space left", {
 *   operation: "write",
 *   path: ["folder", "file"],
 * });
 * assertEquals(error.message, 'Cannot write "folder/file": No space left');
 * ```
 */
export class DiskError extends Error {
  /** What kind of failure. */
  readonly code: DiskErrorCode;
  /** What was being done. */
  readonly operation: string;
  /** The file, `/` between the components; empty when it is about none. */
  readonly path: string;
  /** Where in the file, in bytes, when known. */
  readonly offset: number | undefined;
  /** The files, at most ten of them, with `foreign-file`, `taken` and `replaced`. */
  readonly files: readonly string[];

  /**
   * Makes the error.
   *
   * @param code What kind of failure.
   * @param reason Why, without the operation and the path.
   * @param options What it is about.
   */
  constructor(code: DiskErrorCode, reason: string, options: DiskErrorOptions) {
    const { operation, path = "", offset, files = [], cause } = options;
    const text = typeof path === "string" ? path : path.join("/");
    super(
      `Cannot ${operation}${text === "" ? "" : ` "${text}"`}${
        offset === undefined ? "" : ` at byte ${offset}`
      }: ${reason}`,
      cause === undefined ? {} : { cause },
    );
    this.name = "DiskError";
    this.code = code;
    this.operation = operation;
    this.path = text;
    this.offset = offset;
    this.files = files;
  }
}

/**
 * Turns whatever a system call threw into a {@linkcode DiskError}.
 *
 * @param cause What was thrown; a DiskError comes back unchanged.
 * @param options What was being done.
 * @returns The typed error.
 */
export function toDiskError(
  cause: unknown,
  options: DiskErrorOptions,
): DiskError {
  if (cause instanceof DiskError) return cause;
  const text = cause instanceof Error ? cause.message : String(cause);
  // What Deno adds is for programmers: "(os error 20): lstat '/d/a'".
  const reason = text.replace(/ \(os error \d+\).*$/s, "");
  return new DiskError(codeOf(cause), reason, { ...options, cause });
}

/** Says that a file is in the way. */
export function alreadyThere(
  operation: string,
  path: readonly string[],
  reason = "A file of this name already exists",
): DiskError {
  return new DiskError("exists", reason, { operation, path });
}

/** Says that something is closed. */
export function closed(operation: string, what = "storage"): DiskError {
  return new DiskError("closed", `The ${what} is closed`, { operation });
}

/** Throws if a handle is closed, or may not do what it is to do. */
export function checkHandle(
  isOpen: boolean,
  isAllowed: boolean,
  operation: string,
  path: readonly string[],
): void {
  const options = { operation, path };
  if (!isOpen) throw new DiskError("closed", "The file is closed", options);
  if (!isAllowed) {
    throw new DiskError("permission", "The file is open for reading", options);
  }
}

/** Says something of several files; `more` tells of all but the first. */
export function filesError(
  code: DiskErrorCode,
  operation: string,
  paths: readonly (readonly string[])[],
  reason: string,
  more: (count: number) => string,
): DiskError {
  const files = paths.map((path) => path.join("/"));
  const rest = files.length === 1 ? "" : more(files.length - 1);
  return new DiskError(code, reason + rest, {
    operation,
    path: files[0]!,
    files: files.slice(0, MAX_TOLD_FILES),
  });
}

/** What {@linkcode filesError} says of more files that are in the way. */
export function norMore(count: number): string {
  return count === 1 ? ", nor is 1 more file" : `, nor are ${count} more files`;
}

/** Makes the error of files that came from others. */
export function foreignFiles(
  paths: readonly (readonly string[])[],
): DiskError {
  const reason = "it is not part of the torrent";
  return filesError("foreign-file", "overwrite", paths, reason, norMore);
}

/** System error codes by what they mean for a caller. */
const CODES: Readonly<Record<string, DiskErrorCode>> = {
  ENOSPC: "disk-full",
  EDQUOT: "disk-full",
  EFBIG: "disk-full",
  EACCES: "permission",
  EPERM: "permission",
  EROFS: "permission",
  ENOENT: "not-found",
  EEXIST: "exists",
  ENOTEMPTY: "exists",
  EISDIR: "not-a-file",
  ENOTDIR: "not-a-file",
  ELOOP: "symlink",
  EMFILE: "too-many-files",
  ENFILE: "too-many-files",
};

/** Names of Deno's error classes by what they mean for a caller. */
const NAMES: Readonly<Record<string, DiskErrorCode>> = {
  NotFound: "not-found",
  PermissionDenied: "permission",
  NotCapable: "permission",
  AlreadyExists: "exists",
  IsADirectory: "not-a-file",
  NotADirectory: "not-a-file",
  FilesystemLoop: "symlink",
};

function codeOf(cause: unknown): DiskErrorCode {
  if (!(cause instanceof Error)) return "io";
  const code = (cause as Error & { code?: unknown }).code;
  if (typeof code === "string" && Object.hasOwn(CODES, code)) {
    return CODES[code]!;
  }
  if (Object.hasOwn(NAMES, cause.name)) return NAMES[cause.name]!;
  // Windows: ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL carry no code.
  if (/\(os error (?:39|112)\)/.test(cause.message)) {
    return "disk-full";
  }
  return "io";
}

/** Throws them together, if there are any. */
export function throwAll(
  failures: readonly DiskError[],
  message: string,
): void {
  if (failures.length > 0) throw new AggregateError(failures, message);
}

/** All files of a torrent are gone, of which one is named. */
export function allGone(path: readonly string[]): DiskError {
  return new DiskError(
    "not-found",
    "No file of the torrent is there any more; is its disk mounted?",
    { operation: "find", path },
  );
}
