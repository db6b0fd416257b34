/**
 * Errors as the command reports them: one line for the person, an exit code
 * for the script.
 *
 * @module
 */
import {
  EXIT_BAD_TORRENT,
  EXIT_INTERRUPTED,
  EXIT_IO,
  EXIT_NO_PEERS,
  EXIT_UNEXPECTED,
  EXIT_USAGE,
} from "./exit_code.ts";

/** The command line makes no sense. Ends with exit code 2. */
export class UsageError extends TypeError {
  /** Always `"usage"`. */
  readonly code = "usage";
  /** What to do instead, without a full stop. */
  readonly hint: string | undefined;

  /**
   * Makes the error.
   *
   * @param message What is wrong, naming the argument.
   * @param hint What to do instead.
   */
  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** A failure whose exit code is known where it happens. */
export class CommandError extends Error {
  /** The exit code. */
  readonly exitCode: number;
  /** A short name for scripts, such as `"not-found"`. */
  readonly code: string;

  /**
   * Makes the error.
   *
   * @param exitCode One of the constants of `exit_code.ts`.
   * @param code A short name for scripts.
   * @param message What failed.
   * @param options The cause, if any.
   */
  constructor(
    exitCode: number,
    code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.code = code;
  }
}

/** What {@linkcode describeError} makes of an error. */
export interface ErrorReport {
  /** The exit code. */
  readonly exitCode: number;
  /** A short name for scripts. */
  readonly code: string;
  /** One line for a person; not yet safe for a terminal. */
  readonly message: string;
  /** A second line with advice, if there is some. */
  readonly hint: string | undefined;
  /** Whether this is a defect of the program: the stack is worth showing. */
  readonly unexpected: boolean;
}

/** Errors of the modules, by name: nothing is loaded to recognise them. */
const EXIT_CODES: Readonly<Record<string, number>> = {
  BencodeSyntaxError: EXIT_BAD_TORRENT,
  BencodeTypeError: EXIT_BAD_TORRENT,
  MetainfoError: EXIT_BAD_TORRENT,
  MagnetError: EXIT_BAD_TORRENT,
  CreateError: EXIT_IO,
  VerifyError: EXIT_IO,
  HashReadError: EXIT_IO,
  DiskError: EXIT_IO,
  TrackerError: EXIT_NO_PEERS,
  UdpTrackerError: EXIT_NO_PEERS,
  HttpTrackerError: EXIT_NO_PEERS,
  KrpcError: EXIT_NO_PEERS,
  LpdError: EXIT_IO,
  TimeoutError: EXIT_NO_PEERS,
  NotFound: EXIT_IO,
  PermissionDenied: EXIT_IO,
  AlreadyExists: EXIT_IO,
  NotADirectory: EXIT_IO,
  IsADirectory: EXIT_IO,
  FilesystemLoop: EXIT_IO,
  BrokenPipe: EXIT_IO,
  Busy: EXIT_IO,
  WriteZero: EXIT_IO,
  UnexpectedEof: EXIT_IO,
  AddrInUse: EXIT_IO,
  AddrNotAvailable: EXIT_IO,
  NetworkUnreachable: EXIT_NO_PEERS,
  ConnectionRefused: EXIT_NO_PEERS,
  ConnectionReset: EXIT_NO_PEERS,
  TimedOut: EXIT_NO_PEERS,
};

/** Codes of a session that blame the torrent. */
const BAD_TORRENT_CODES: ReadonlySet<string> = new Set([
  "bad-metadata",
  "bad-source",
  "contradiction",
]);

/** System error codes that are about files, not about us. */
const IO_CODES: ReadonlySet<string> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EFBIG",
  "EIO",
  "EROFS",
  "EMFILE",
  "ENFILE",
  "ENOENT",
  "EACCES",
  "EPERM",
  "ENOTDIR",
  "EISDIR",
  "ENAMETOOLONG",
  "ELOOP",
  "ETXTBSY",
  "EEXIST",
]);

function kebab(name: string): string {
  return name.replace(/Error$/, "").replace(
    /(?<=[a-z0-9])[A-Z]/g,
    (letter) => `-${letter}`,
  ).toLowerCase();
}

/** The missing permission that an error came of, if it did. */
function deniedBy(error: unknown, depth = 0): Error | undefined {
  if (!(error instanceof Error) || depth > 5) return undefined;
  return error.name === "NotCapable" ? error : deniedBy(error.cause, depth + 1);
}

/**
 * Sorts an error into the contract's exit codes.
 *
 * @param error What was thrown.
 * @returns Exit code, short name and message.
 */
export function describeError(error: unknown): ErrorReport {
  // What went wrong first counts, not what followed while cleaning up.
  if (error instanceof SuppressedError) return describeError(error.suppressed);
  if (!(error instanceof Error) && !(error instanceof DOMException)) {
    return {
      exitCode: EXIT_UNEXPECTED,
      code: "unexpected",
      message: String(error),
      hint: undefined,
      unexpected: true,
    };
  }
  const { name } = error;
  // Whatever came of it: a permission that is missing is what has to be told.
  const denied = deniedBy(error);
  if (denied !== undefined && denied !== error) return describeError(denied);
  // What the system calls its errors is no help: "(os error 2): stat 'x'".
  const message = error.message.replace(/ \(os error \d+\).*$/s, "");
  const own = (error as { readonly code?: unknown }).code;
  const code = typeof own === "string" && own !== "" ? own : kebab(name);
  const report = (
    exitCode: number,
    hint?: string,
    unexpected = false,
  ): ErrorReport => ({ exitCode, code, message, hint, unexpected });
  if (error instanceof UsageError) return report(EXIT_USAGE, error.hint);
  if (error instanceof CommandError) return report(error.exitCode);
  if (name === "AbortError" || name === "Interrupted") {
    return { ...report(EXIT_INTERRUPTED), code: "interrupted" };
  }
  if (name === "NotCapable") {
    const flag = /--allow-[a-z]+/.exec(message)?.[0];
    return {
      ...report(
        EXIT_UNEXPECTED,
        flag === undefined
          ? undefined
          : `Run with ${flag}; bip VERB --help lists what a verb needs`,
      ),
      code: "permission-missing",
      message: message.split(", run again")[0]!,
    };
  }
  if (code === "foreign-file") {
    return report(EXIT_IO, "--force overwrites them; or give another folder");
  }
  if (code === "taken") {
    return report(EXIT_IO, "give it another folder, or leave the file out");
  }
  const known = Object.hasOwn(EXIT_CODES, name) ? EXIT_CODES[name] : undefined;
  if (known !== undefined) return report(known);
  if (name === "SessionError" && BAD_TORRENT_CODES.has(code)) {
    return report(EXIT_BAD_TORRENT);
  }
  if (code === "ERR_MODULE_NOT_FOUND") {
    const url = /https?:[^\s'"]+/.exec(message)?.[0];
    return {
      ...report(EXIT_IO),
      code: "not-loaded",
      message: `Cannot load a part of bip: ${
        url === undefined
          ? message.split("\n")[0]
          : `${url} could not be fetched and is not cached`
      }`,
    };
  }
  if (message === "Empty path is not allowed") {
    return { ...report(EXIT_IO), code: "not-found" };
  }
  if (IO_CODES.has(code) || /\(os error \d+\)/.test(error.message)) {
    return report(EXIT_IO);
  }
  return { ...report(EXIT_UNEXPECTED, undefined, true), code: "unexpected" };
}
