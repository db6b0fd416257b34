/**
 * The files of a new torrent, and reading about them.
 *
 * @module
 */
import { encodeText, toByteString } from "../../_shared/bytes.ts";
import { CreateError } from "../create_error.ts";

/** Where the content of a file comes from that no folder on disk has. */
export type CreateContent =
  | {
    readonly type: "disk";
    /** Path on disk. */
    readonly path: string;
  }
  | { readonly type: "bytes"; readonly bytes: Uint8Array }
  | { readonly type: "stream"; readonly stream: ReadableStream<Uint8Array> }
  | {
    readonly type: "symlink";
    /** Path of the target, starting as the paths of other entries do. */
    readonly target: readonly string[];
  };

/** What the files of a folder have in common. */
export interface CreateFolder {
  /**
   * The components before the names as byte strings, later without the
   * torrent's name.
   */
  key: readonly string[];
  /** Path on disk with a separator at its end, for a folder on disk. */
  readonly path?: string;
  /** Of each file on disk: length, time of its last change, permissions. */
  readonly stats?: Float64Array;
  /** Path below the input, with a slash at its end unless it is empty. */
  readonly below?: string;
  /** Where it really is, when links are followed. */
  readonly real?: string | undefined;
  /** The folder on disk that it was found in. */
  readonly above?: CreateFolder | undefined;
}

/** A file of the new torrent: there may be millions. */
export interface CreateEntry {
  /** Where it is. */
  readonly folder: CreateFolder;
  /** Its name as a byte string; later empty for a torrent of this one file. */
  name: string;
  /** Length in bytes; `undefined` for a stream of unknown length. */
  readonly length: number | undefined;
  /** Whether the owner may execute it. */
  readonly executable: boolean;
  /** Time of its last change when it was found on disk, in milliseconds. */
  readonly mtime: number | undefined;
  /** Where its bytes come from, if not out of its folder on disk. */
  content: CreateContent | undefined;
}

/** Names that are their own byte strings. */
const PLAIN_KEY_REGEXP = /^[\x20-\x2d\x30-\x7e][\x20-\x2e\x30-\x7e]*$/;

export function pathKey(component: string, path: string): string {
  if (PLAIN_KEY_REGEXP.test(component)) return component;
  const key = component.isWellFormed()
    ? toByteString(encodeText(component))
    : "";
  if (
    key === "" || key === "." || key === ".." || key.includes("/") ||
    key.includes("\0")
  ) {
    throw new CreateError(
      "bad-path",
      `Cannot store "${path}" in a torrent: "${component}" is not a file name`,
      path,
    );
  }
  return key;
}

/** The whole path of an entry. */
export function entryPath(
  entry: Pick<CreateEntry, "folder" | "name">,
): readonly string[] {
  const { folder, name } = entry;
  return name === "" ? folder.key : [...folder.key, name];
}

/** Where an entry is on disk; `undefined` if it is not on disk. */
export function diskPathOf(entry: CreateEntry): string | undefined {
  const { folder, name, content } = entry;
  if (content !== undefined) {
    return content.type === "disk" ? content.path : undefined;
  }
  return folder.path + keyText(name);
}

/** The text of a byte string. */
export function keyText(key: string): string {
  return PLAIN_KEY_REGEXP.test(key) ? key : displayPath([key]);
}

/** Joins a path of byte strings for messages. */
export function displayPath(path: readonly string[]): string {
  const bytes = Uint8Array.from(path.join("/"), (c) => c.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

export function ioError(error: unknown, path: string): CreateError {
  const message = error instanceof Error ? error.message : String(error);
  const isGone = error instanceof Deno.errors.NotFound;
  if (isGone && path.includes("\ufffd")) {
    return new CreateError(
      "bad-path",
      `Cannot store "${path}" in a torrent: its name is not UTF-8`,
      path,
      { cause: error },
    );
  }
  if (isGone) {
    return new CreateError(
      "not-found",
      `Cannot read "${path}": there is no such file or folder`,
      path,
      { cause: error },
    );
  }
  return new CreateError(
    "read-failed",
    `Cannot read "${path}": ${message}`,
    path,
    { cause: error },
  );
}

export async function attempt<T>(
  path: string,
  action: () => Promise<T>,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw ioError(error, path);
  }
}

/** Synchronous, as thousands of files want it. */
export function attemptSync<T>(path: string, action: (path: string) => T): T {
  try {
    return action(path);
  } catch (error) {
    throw ioError(error, path);
  }
}

/** Refuses what cannot be read now, not when its turn to be hashed comes. */
export function checkReadable(path: string, { mode }: Deno.FileInfo): void {
  if (mode === null || (mode & 0o444) === 0o444) return;
  attemptSync(path, (path) => Deno.openSync(path).close());
}
