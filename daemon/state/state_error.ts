/**
 * What SQLite says, in words of ours.
 *
 * @module
 */
import { DaemonError } from "../error.ts";

/** What SQLite says; its result codes are not told by every call. */
const MEANINGS = [
  [/is locked/, "locked", "is in use by another daemon"],
  [
    /not a database/,
    "bad-state",
    "is not a state file of a daemon, and was not touched",
  ],
  [/unable to open/, "io", "cannot be opened"],
  [/malformed/, "bad-state", "is damaged, and was not touched"],
] as const;

/**
 * Explains an error.
 *
 * @param error What was thrown.
 * @param path The state file, as shown.
 * @param action Such as `"open"`.
 * @returns An error with one line.
 */
export function stateError(
  error: unknown,
  path: string,
  action: string,
): Error {
  if (error instanceof DaemonError) return error;
  const cause = error as Error;
  if (cause.name === "NotCapable") return cause;
  for (const [pattern, code, what] of MEANINGS) {
    if (pattern.test(cause.message)) {
      return new DaemonError(code, `${path} ${what}`, { cause });
    }
  }
  const reason = cause.message;
  return new DaemonError("io", `Cannot ${action} ${path}: ${reason}`, {
    cause,
  });
}
