/**
 * I/O errors as people read them.
 *
 * @module
 */
import { CommandError } from "./error.ts";
import { EXIT_IO } from "./exit_code.ts";

const REASONS: Readonly<Record<string, readonly [string, string]>> = {
  NotFound: ["not-found", "there is no such file or folder"],
  PermissionDenied: ["permission-denied", "access is denied"],
  AlreadyExists: ["already-exists", "it already exists"],
  NotADirectory: ["not-a-folder", "it or part of its path is not a folder"],
  IsADirectory: ["is-a-folder", "it is a folder"],
  FilesystemLoop: ["link-loop", "its links form a loop"],
};

/** Code and words of an I/O error; `undefined` if it is none. */
function knownReason(error: Error): readonly [string, string] | undefined {
  if (Object.hasOwn(REASONS, error.name)) return REASONS[error.name];
  // So it is called where not all permissions are given.
  if (error.message === "Empty path is not allowed") return REASONS.NotFound;
  if ((error as { readonly code?: unknown }).code === "ENOSPC") {
    return ["disk-full", "the disk is full"];
  }
  return /\(os error \d+\)/.test(error.message)
    ? ["io", error.message.replace(/^(.*?) \(os error \d+\).*$/s, "$1")]
    : undefined;
}

/**
 * Words the reason of an I/O error for people.
 *
 * @param error What the system threw.
 * @returns Such as `"access is denied"`.
 */
export function reasonOf(error: unknown): string {
  return error instanceof Error
    ? knownReason(error)?.[1] ?? error.message
    : String(error);
}

/**
 * Words an I/O error for people.
 *
 * @param error What the system threw.
 * @param action Such as `"read"`.
 * @param path What it was about, as the person wrote it.
 * @returns An error with exit code 6, or the error itself when it is no I/O
 * error.
 */
export function ioError(error: unknown, action: string, path: string): unknown {
  const known = error instanceof Error ? knownReason(error) : undefined;
  if (known === undefined) return error;
  return new CommandError(
    EXIT_IO,
    known[0],
    `Cannot ${action} ${path === "" ? '""' : path}: ${known[1]}`,
    { cause: error },
  );
}

/**
 * Words the failure to open a port for people.
 *
 * @param error What was thrown.
 * @param where Such as `"127.0.0.1:6881"` or `"port 6881"`.
 * @returns An error with exit code 6, or the error itself when it is about
 * permissions or a defect.
 */
export function listenError(error: unknown, where: string): unknown {
  if (
    !(error instanceof Error) || error instanceof RangeError ||
    error instanceof Deno.errors.NotCapable
  ) return error;
  return new CommandError(
    EXIT_IO,
    "listen",
    `Cannot listen on ${where}: ${error.message}`,
    { cause: error },
  );
}
