/**
 * A storage of one's own: downloads a torrent into a SQLite database and lists
 * what is in it.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/sqlite_storage.ts FILE.torrent DATABASE [HOST:PORT]...
 * ```
 *
 * Permissions: `--allow-net` for peers and trackers, `--allow-read` of the
 * torrent file, `--allow-read` and `--allow-write` of the database.
 *
 * @module
 */
import { DatabaseSync } from "node:sqlite";
import { type Endpoint, Session } from "@bip/bip/client";
import {
  checkFilePath,
  DiskError,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileRenameOptions,
  type FileSystem,
} from "@bip/bip/disk";

/** Bytes of a row. Rows that were never written read as zeros. */
const CHUNK = 65536;

interface Entry {
  readonly id: number;
  /** Bytes, or `null` for a folder. */
  readonly size: number | null;
  readonly modified: number;
}

/**
 * Files in a SQLite database. It passes the project's suite for file systems
 * (`testing/file_system_compliance.ts`), as any storage should.
 */
export class SqliteFileSystem implements FileSystem {
  readonly #database: DatabaseSync;

  /**
   * Opens or makes the database.
   *
   * @param path Its file.
   */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    this.#database.exec(`
      PRAGMA journal_mode = WAL;
      CREATE TABLE IF NOT EXISTS entry (
        id INTEGER PRIMARY KEY, path TEXT UNIQUE NOT NULL,
        size INTEGER, modified REAL NOT NULL
      );
      CREATE TABLE IF NOT EXISTS chunk (
        entry INTEGER NOT NULL, position INTEGER NOT NULL, bytes BLOB NOT NULL,
        PRIMARY KEY (entry, position)
      );
    `);
  }

  /** Paths and sizes of all files, sorted. */
  list(): { readonly path: string; readonly size: number }[] {
    return this.#database.prepare(
      "SELECT path, size FROM entry WHERE size IS NOT NULL ORDER BY path",
    ).all() as unknown as { path: string; size: number }[];
  }

  /** See {@linkcode FileSystem.open}. */
  open(path: FilePath, { write = false }: FileOpenOptions = {}): FileHandle {
    const operation = write ? "open for writing" : "open";
    const entry = this.#file(path, operation) ??
      (write ? this.#make(path) : undefined);
    if (entry === undefined) {
      throw new DiskError("not-found", "There is no such file", {
        operation,
        path,
      });
    }
    return this.#handle(entry.id, path, write);
  }

  /** See {@linkcode FileSystem.stat}. */
  stat(path: FilePath): FileInfo | undefined {
    const entry = this.#file(path, "look at");
    return entry && { size: entry.size!, modifiedMs: entry.modified };
  }

  /** See {@linkcode FileSystem.remove}. */
  remove(path: FilePath): boolean {
    const entry = this.#file(path, "remove");
    if (entry === undefined) return false;
    this.#run("DELETE FROM chunk WHERE entry = ?", entry.id);
    this.#run("DELETE FROM entry WHERE id = ?", entry.id);
    return true;
  }

  /** See {@linkcode FileSystem.removeEmptyFolder}. */
  removeEmptyFolder(path: FilePath): boolean {
    checkFilePath(path, "remove folder");
    const entry = this.#entry(path);
    if (entry === undefined || entry.size !== null) return false;
    const inside = `${path.join("/")}/`;
    const child = this.#database.prepare(
      "SELECT 1 FROM entry WHERE substr(path, 1, ?) = ? LIMIT 1",
    ).get(inside.length, inside);
    if (child !== undefined) return false;
    this.#run("DELETE FROM entry WHERE id = ?", entry.id);
    return true;
  }

  /** See {@linkcode FileSystem.rename}. */
  rename(
    from: FilePath,
    to: FilePath,
    { replace = false }: FileRenameOptions = {},
  ): void {
    const source = this.#file(from, "rename");
    const target = this.#file(to, "rename");
    if (source === undefined) {
      throw new DiskError("not-found", "There is no such file", {
        operation: "rename",
        path: from,
      });
    }
    if (target !== undefined && !replace) {
      throw new DiskError("exists", "There is a file already", {
        operation: "rename",
        path: to,
      });
    }
    if (target?.id === source.id) return;
    this.#together(() => {
      this.remove(to);
      this.#makeFolders(to);
      this.#run(
        "UPDATE entry SET path = ? WHERE id = ?",
        to.join("/"),
        source.id,
      );
    });
  }

  /** Closes the database. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #run(statement: string, ...values: (string | number | Uint8Array)[]): void {
    this.#database.prepare(statement).run(...values);
  }

  /** All or nothing. */
  #together(action: () => void): void {
    this.#database.exec("BEGIN");
    try {
      action();
      this.#database.exec("COMMIT");
    } catch (error) {
      this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #entry(path: FilePath): Entry | undefined {
    return this.#database.prepare(
      "SELECT id, size, modified FROM entry WHERE path = ?",
    ).get(path.join("/")) as unknown as Entry | undefined;
  }

  /** A file, or `undefined` when nothing is there. */
  #file(path: FilePath, operation: string): Entry | undefined {
    checkFilePath(path, operation);
    for (let i = 1; i < path.length; i++) {
      if (typeof this.#entry(path.slice(0, i))?.size === "number") {
        throw new DiskError("not-a-file", "A part of the path is no folder", {
          operation,
          path,
        });
      }
    }
    const entry = this.#entry(path);
    if (entry?.size === null) {
      throw new DiskError("not-a-file", "It is a folder", { operation, path });
    }
    return entry;
  }

  #make(path: FilePath): Entry | undefined {
    this.#makeFolders(path);
    this.#run(
      "INSERT INTO entry (path, size, modified) VALUES (?, 0, ?)",
      path.join("/"),
      Date.now(),
    );
    return this.#entry(path);
  }

  #makeFolders(path: FilePath): void {
    for (let i = 1; i < path.length; i++) {
      this.#run(
        "INSERT OR IGNORE INTO entry (path, size, modified) VALUES (?, NULL, 0)",
        path.slice(0, i).join("/"),
      );
    }
  }

  #size(id: number): number {
    const row = this.#database.prepare("SELECT size FROM entry WHERE id = ?")
      .get(id) as { size: number } | undefined;
    return row?.size ?? 0;
  }

  #resize(id: number, size: number): void {
    this.#run(
      "UPDATE entry SET size = ?, modified = ? WHERE id = ?",
      size,
      Date.now(),
      id,
    );
  }

  #chunk(id: number, position: number): Uint8Array | undefined {
    const row = this.#database.prepare(
      "SELECT bytes FROM chunk WHERE entry = ? AND position = ?",
    ).get(id, position) as { bytes: Uint8Array } | undefined;
    return row?.bytes;
  }

  #read(id: number, into: Uint8Array, offset: number): number {
    const length = Math.max(0, Math.min(into.length, this.#size(id) - offset));
    for (let done = 0; done < length;) {
      const position = Math.floor((offset + done) / CHUNK);
      const start = offset + done - position * CHUNK;
      const part = into.subarray(done, Math.min(length, done + CHUNK - start));
      const bytes = this.#chunk(id, position);
      if (bytes === undefined) part.fill(0);
      else part.set(bytes.subarray(start, start + part.length));
      done += part.length;
    }
    return length;
  }

  #write(id: number, from: Uint8Array, offset: number): void {
    this.#together(() => {
      for (let done = 0; done < from.length;) {
        const position = Math.floor((offset + done) / CHUNK);
        const start = offset + done - position * CHUNK;
        const part = from.subarray(done, done + CHUNK - start);
        let bytes = part;
        if (part.length < CHUNK) {
          bytes = this.#chunk(id, position) ?? new Uint8Array(CHUNK);
          bytes.set(part, start);
        }
        this.#run(
          "INSERT OR REPLACE INTO chunk (entry, position, bytes) VALUES (?, ?, ?)",
          id,
          position,
          bytes,
        );
        done += part.length;
      }
      this.#resize(id, Math.max(this.#size(id), offset + from.length));
    });
  }

  #truncate(id: number, size: number): void {
    this.#together(() => {
      if (size < this.#size(id)) {
        const last = Math.floor(size / CHUNK);
        this.#run(
          "DELETE FROM chunk WHERE entry = ? AND position > ?",
          id,
          last,
        );
        const bytes = this.#chunk(id, last);
        if (bytes !== undefined) {
          bytes.fill(0, size - last * CHUNK);
          this.#run(
            "UPDATE chunk SET bytes = ? WHERE entry = ? AND position = ?",
            bytes,
            id,
            last,
          );
        }
      }
      this.#resize(id, size);
    });
  }

  #handle(id: number, path: FilePath, writable: boolean): FileHandle {
    let open = true;
    const check = (operation: string, writes = false) => {
      if (open && (writable || !writes)) return;
      throw open
        ? new DiskError("permission", "The file is open for reading", {
          operation,
          path,
        })
        : new DiskError("closed", "The file is closed", { operation, path });
    };
    return {
      read: (into, offset) => {
        check("read");
        return this.#read(id, into, offset);
      },
      write: (from, offset) => {
        check("write", true);
        this.#write(id, from, offset);
      },
      size: () => {
        check("look at");
        return this.#size(id);
      },
      truncate: (size) => {
        check("resize", true);
        this.#truncate(id, size);
      },
      // A committed transaction is on the device.
      sync: () => check("sync"),
      close: () => {
        open = false;
      },
    };
  }
}

/** `HOST:PORT`. */
function parsePeer(text: string): Endpoint {
  const { hostname, port } = new URL(`tcp://${text}`);
  return { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

async function download(
  file: string,
  path: string,
  peers: readonly Endpoint[],
): Promise<void> {
  // The session closes it.
  const fileSystem = new SqliteFileSystem(path);
  await using session = await Session.open();
  const torrent = session.add(await Deno.readFile(file), {
    fileSystem,
    peers,
  });
  for await (const event of torrent.events()) {
    if (event.type === "error") throw event.error;
    if (event.type === "complete") break;
  }
  for (const { path, size } of fileSystem.list()) {
    console.log(`${size} ${path}`);
  }
}

if (import.meta.main) {
  const [file, path, ...peers] = Deno.args;
  if (file === undefined || path === undefined) {
    console.error("Usage: sqlite_storage.ts FILE.torrent DATABASE [PEER]...");
    Deno.exit(2);
  }
  try {
    await download(file, path, peers.map(parsePeer));
  } catch (error) {
    console.error(`sqlite_storage: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
