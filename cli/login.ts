/**
 * Names, passwords and keys that stand in files.
 *
 * @module
 */
import { decodeTextLossy } from "../_shared/bytes.ts";
import type { Arguments, OptionSpec } from "./command.ts";
import { CommandError, UsageError } from "./error.ts";
import { EXIT_IO, EXIT_USAGE } from "./exit_code.ts";
import { readFile } from "./read_file.ts";

/** `--auth` and `--auth-file`. */
export const LOGIN_OPTIONS: readonly OptionSpec[] = [
  {
    name: "auth",
    value: "USER:PASS",
    summary: "User name and password, visible to others on this machine",
  },
  {
    name: "auth-file",
    value: "FILE",
    summary: "Read user name and password from this file (mode 600)",
    complete: "file",
  },
];

/**
 * Reads a short text.
 *
 * @param path Where it is; `-` is stdin.
 * @param kind What it is, such as `"a login"`.
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @returns The text.
 * @throws {CommandError} If it cannot be read.
 */
export async function readText(
  path: string,
  kind: string,
  signal: AbortSignal,
): Promise<string> {
  const options = { limit: 65_536, kind, exitCode: EXIT_USAGE, signal };
  return decodeTextLossy(await readFile(path, options));
}

/**
 * Reads a file that nobody else may read.
 *
 * @param path Where it is.
 * @param kind What it is, such as `"a login"`.
 * @param signal Ends the wait for a pipe that nobody writes to.
 * @returns Its text.
 * @throws {CommandError} If others can read it, or it cannot be read.
 */
export async function readSecret(
  path: string,
  kind: string,
  signal: AbortSignal,
): Promise<string> {
  const text = await readText(path, kind, signal);
  const { mode, isFile } = path === "-"
    ? { mode: null, isFile: false }
    : await Deno.stat(path);
  if (isFile && mode !== null && (mode & 0o077) !== 0) {
    throw new CommandError(
      EXIT_IO,
      "not-secret",
      `${path} contains ${kind} and others can read it; run chmod 600 ${path}`,
    );
  }
  return text;
}

/**
 * Reads a login.
 *
 * @param args What the person typed.
 * @param signal Ends the wait for a file.
 * @returns `USER:PASSWORD`, or `undefined`.
 * @throws {UsageError} If it is none. {CommandError} If the file cannot be used.
 */
export async function readLogin(
  args: Arguments,
  signal: AbortSignal,
): Promise<string | undefined> {
  args.exclude(["auth", "auth-file"]);
  const path = args.get("auth-file");
  const login = path === undefined
    ? args.get("auth")
    : (await readSecret(path, "a login", signal)).trim();
  if (login !== undefined && !/^[^:]+:./.test(login)) {
    // What it says instead may be the password.
    throw new UsageError("A login must be USER:PASSWORD");
  }
  return login;
}
