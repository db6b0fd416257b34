/**
 * Files and folders from anywhere, seen as one torrent's.
 *
 * @module
 */
import { DiskError } from "../../disk/error.ts";
import {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileSystem,
} from "../../disk/file_system.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import { folderOf, joinPath, nameOf } from "../paths.ts";

/** Where a part of a torrent is. */
export interface GatheredPath {
  /** Its path in the torrent. */
  readonly path: FilePath;
  /** The folder that it is in. */
  readonly folder: string;
  /** Its name there. */
  readonly name: string;
}

/**
 * Finds what a person's symbolic links lead to, as a folder's file system follows
 * none that leads out.
 *
 * @param dir A folder.
 * @param paths Files that may be in it.
 * @returns Those that are behind a link, and where.
 */
export function partsBehindLinks(
  dir: string,
  paths: Iterable<FilePath>,
): GatheredPath[] {
  const known = new Map<string, boolean>();
  const isLinked = (path: FilePath): boolean => {
    if (path.length === 0) return false;
    const place = joinPath(dir, path);
    const linked = known.get(place) ??
      (isLinked(path.slice(0, -1)) || isLink(place));
    known.set(place, linked);
    return linked;
  };
  const parts: GatheredPath[] = [];
  for (const path of paths) {
    if (!isLinked(path)) continue;
    try {
      const real = Deno.realPathSync(joinPath(dir, path));
      parts.push({ path, folder: folderOf(real), name: nameOf(real) });
    } catch {
      // It leads nowhere, which the check will find.
    }
  }
  return parts;
}

function isLink(path: string): boolean {
  try {
    return Deno.lstatSync(path).isSymlink;
  } catch {
    return false;
  }
}

/** A file system of parts that are read where they are. */
export class GatheredFiles implements FileSystem {
  /** By path in the torrent, slashes between components. */
  readonly #parts = new Map<string, {
    readonly files: NativeFileSystem;
    readonly name: string;
  }>();

  /**
   * Gathers parts.
   *
   * @param parts Where they are; of two in one place the longer path counts.
   */
  constructor(parts: readonly GatheredPath[]) {
    const folders = new Map<string, NativeFileSystem>();
    for (const { path, folder, name } of parts) {
      const files = folders.get(folder) ?? new NativeFileSystem(folder);
      folders.set(folder, files);
      this.#parts.set(path.join("/"), { files, name });
    }
  }

  /** Opens a file to read. */
  open(path: FilePath, options: FileOpenOptions = {}): FileHandle {
    const operation = "open";
    checkFilePath(path, operation);
    if (options.write === true) throw readOnly(operation, path);
    const at = this.#find(path);
    if (at === undefined) {
      const message = "There is no such file";
      throw new DiskError("not-found", message, { operation, path });
    }
    return at.files.open(at.path);
  }

  /** Size and time of a file; `undefined` when there is none. */
  stat(path: FilePath): FileInfo | undefined {
    checkFilePath(path, "look at");
    const at = this.#find(path);
    return at?.files.stat(at.path);
  }

  /** Refuses. */
  remove(path: FilePath): never {
    throw readOnly("remove", path);
  }

  /** Refuses. */
  removeEmptyFolder(path: FilePath): never {
    throw readOnly("remove folder", path);
  }

  /** Refuses. */
  rename(path: FilePath): never {
    throw readOnly("rename", path);
  }

  /** Does nothing: no file stays open. */
  close(): void {}

  /** Where the operating system has a file. */
  localPath(path: FilePath): string | undefined {
    const at = this.#find(path);
    return at?.files.localPath(at.path);
  }

  #find(
    path: FilePath,
  ): { readonly files: NativeFileSystem; readonly path: FilePath } | undefined {
    for (let end = path.length; end > 0; end--) {
      const part = this.#parts.get(path.slice(0, end).join("/"));
      if (part === undefined) continue;
      return { files: part.files, path: [part.name, ...path.slice(end)] };
    }
    return undefined;
  }
}

function readOnly(operation: string, path: FilePath): DiskError {
  const message = "These files are read-only";
  return new DiskError("read-only", message, { operation, path });
}
