/**
 * What a daemon keeps, in one SQLite file that it has to itself.
 *
 * @module
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { SavedTorrent } from "../../client/mod.ts";
import { DaemonError } from "../error.ts";
import { readRecord, type TorrentRecord } from "./record.ts";
import { stateError } from "./state_error.ts";

/** Marks our files: `bipD`. */
const APPLICATION_ID = 0x62697044;
/** Of the tables below. */
const VERSION = 1;

const TABLES = `
CREATE TABLE kept (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE torrent (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash TEXT NOT NULL UNIQUE,
  place INTEGER NOT NULL,
  record TEXT NOT NULL
);
CREATE TABLE options (
  id INTEGER PRIMARY KEY REFERENCES torrent ON DELETE CASCADE,
  saved TEXT NOT NULL
);
CREATE TABLE source (
  id INTEGER PRIMARY KEY REFERENCES torrent ON DELETE CASCADE,
  torrent BLOB, info BLOB
);
CREATE TABLE resume (
  id INTEGER PRIMARY KEY REFERENCES torrent ON DELETE CASCADE,
  data BLOB NOT NULL
);
PRAGMA application_id = ${APPLICATION_ID};
PRAGMA user_version = ${VERSION};
`;

const IDS = "SELECT id, hash FROM torrent ORDER BY place, id";
const ROW = `SELECT torrent.id, hash, place, record, saved, torrent, info, data
   FROM torrent LEFT JOIN options USING (id) LEFT JOIN source USING (id)
   LEFT JOIN resume USING (id) WHERE torrent.id = ?`;

/** A torrent as it is kept. */
export interface KeptTorrent {
  /** Never given to another one. */
  readonly id: number;
  /** 40 hex digits. */
  readonly hash: string;
  /** Its place in the queue: the order counts, not the number. */
  readonly place: number;
  /** What the daemon knows. */
  readonly record: TorrentRecord;
  /** What the client knows. */
  readonly saved: SavedTorrent;
}

/** A row that cannot be read; it stays where it is. */
export interface UnreadTorrent {
  /** Its id. */
  readonly id: number;
  /** 40 hex digits. */
  readonly hash: string;
  /** Why. */
  readonly problem: string;
}

interface Row {
  readonly id: number;
  readonly hash: string;
  readonly place: number;
  readonly record: string;
  readonly saved: string | null;
  readonly torrent: Uint8Array | null;
  readonly info: Uint8Array | null;
  readonly data: Uint8Array | null;
}

/** The open file. Every change is on the device when its call returns. */
export class StateFile implements Disposable {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #statements = new Map<
    string,
    ReturnType<DatabaseSync["prepare"]>
  >();

  private constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /**
   * Opens or makes a file. Needs `--allow-read` and `--allow-write` of it.
   *
   * @param path Where; `":memory:"` keeps nothing.
   * @returns The file, which nobody else can open until it is closed.
   * @throws {DaemonError} `locked`, `bad-state` or `io`.
   */
  static async open(path: string): Promise<StateFile> {
    const { DatabaseSync } = await import("node:sqlite");
    let database: DatabaseSync | undefined;
    try {
      if (path !== ":memory:") await makeFile(path);
      database = new DatabaseSync(path);
      prepare(database, path);
      return new StateFile(database, path);
    } catch (error) {
      database?.close();
      throw stateError(error, path, "open");
    }
  }

  /** What is kept under a name. */
  kept(name: string): string | Uint8Array | undefined {
    return this.#read<{ value: string | Uint8Array } | undefined>(
      () => this.#statement("SELECT value FROM kept WHERE name = ?").get(name),
    )?.value;
  }

  /** Keeps something under a name. */
  keep(name: string, value: string | Uint8Array): void {
    this.#run("INSERT OR REPLACE INTO kept VALUES (?, ?)", name, value);
  }

  /** Reads the torrents one by one, in the order of the queue. */
  *torrents(): Generator<KeptTorrent | UnreadTorrent> {
    const ids = this.#read<Pick<Row, "id" | "hash">[]>(
      () => this.#statement(IDS).all(),
    );
    // One by one: what cannot be read of one says nothing of the others.
    for (const { id, hash } of ids) {
      try {
        const row = this.#read<Row | undefined>(
          () => this.#statement(ROW).get(id),
        );
        if (row !== undefined) yield readRow(row);
      } catch (error) {
        yield { id, hash, problem: (error as Error).message };
      }
    }
  }

  /** Adds a torrent; gives its id. */
  add({ hash, place, record, saved }: Omit<KeptTorrent, "id">): number {
    return this.together(() => {
      this.#run(
        "INSERT INTO torrent (hash, place, record) VALUES (?, ?, ?)",
        hash,
        place,
        JSON.stringify(record),
      );
      const { id } = this.#statement("SELECT last_insert_rowid() AS id")
        .get() as { id: number };
      this.saveOptions(id, saved);
      this.saveSource(id, saved);
      return id;
    });
  }

  /** Keeps a record. */
  saveRecord(id: number, place: number, record: TorrentRecord): void {
    this.#run(
      "UPDATE torrent SET place = ?, record = ? WHERE id = ?",
      place,
      JSON.stringify(record),
      id,
    );
  }

  /** Keeps what may be chosen. */
  saveOptions(id: number, saved: SavedTorrent): void {
    const { torrent: _, info: __, resumeData: ___, ...options } = saved;
    this.#run(
      "INSERT OR REPLACE INTO options VALUES (?, ?)",
      id,
      JSON.stringify(options),
    );
  }

  /** Keeps what it is. */
  saveSource(id: number, { torrent, info }: SavedTorrent): void {
    this.#run(
      "INSERT OR REPLACE INTO source VALUES (?, ?, ?)",
      id,
      torrent === undefined ? null : Uint8Array.fromBase64(torrent),
      info === undefined ? null : Uint8Array.fromBase64(info),
    );
  }

  /** Keeps resume data; without any, forgets it. */
  saveResume(id: number, data: Uint8Array | undefined): void {
    if (data === undefined) this.#run("DELETE FROM resume WHERE id = ?", id);
    else this.#run("INSERT OR REPLACE INTO resume VALUES (?, ?)", id, data);
  }

  /** Notes that a torrent is to be forgotten; its hash may be added again. */
  beginRemoval(id: number, record: TorrentRecord): void {
    this.#run(
      "UPDATE torrent SET hash = hash || '-' || id, record = ? WHERE id = ?",
      JSON.stringify({ ...record, removing: true }),
      id,
    );
  }

  /** Forgets a torrent. */
  remove(id: number): void {
    this.#run("DELETE FROM torrent WHERE id = ?", id);
  }

  /** Makes several changes at once, or none. */
  together<T>(changes: () => T): T {
    if (this.#database.isTransaction) return changes();
    try {
      this.#database.exec("BEGIN");
      const result = changes();
      this.#database.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw stateError(error, this.#path, "write");
    }
  }

  /** Closes the file. Idempotent. */
  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #read<T>(read: () => unknown): T {
    try {
      return read() as T;
    } catch (error) {
      throw stateError(error, this.#path, "read");
    }
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    try {
      this.#statement(sql).run(...values);
    } catch (error) {
      throw stateError(error, this.#path, "write");
    }
  }

  #statement(sql: string): ReturnType<DatabaseSync["prepare"]> {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

/** Makes a file that nobody else may read: it holds passkeys. */
async function makeFile(path: string): Promise<void> {
  try {
    const options = { write: true, createNew: true, mode: 0o600 };
    (await Deno.open(path, options)).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    if (!(await Deno.stat(path)).isDirectory) return;
    throw new DaemonError("io", `Cannot open ${path}: it is a folder`);
  }
}

/** Takes the file for ourselves, and looks at it before anything is written. */
function prepare(database: DatabaseSync, path: string): void {
  database.exec(
    "PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
  );
  const read = (sql: string) => Object.values(database.prepare(sql).get()!)[0];
  const tables = read("SELECT count(*) FROM sqlite_schema");
  const version = read("PRAGMA user_version") as number;
  const refuse = (what: string) =>
    new DaemonError("bad-state", `${path} is ${what}, and was not touched`);
  const owner = read("PRAGMA application_id");
  if (
    tables === 0 && owner === 0 && (read("PRAGMA page_count") as number) <= 1
  ) {
    database.exec(TABLES);
  } else if (owner !== APPLICATION_ID) {
    throw refuse("not a state file of a daemon");
  } else if (version > VERSION) {
    throw refuse(`of a newer version (${version}, this is ${VERSION})`);
  } else if (read("PRAGMA quick_check(1)") !== "ok" || !hasTables(database)) {
    throw refuse("damaged");
  }
  database.exec("COMMIT");
  database.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON",
  );
}

/** Whether everything is there that we read. */
function hasTables(database: DatabaseSync): boolean {
  try {
    for (const sql of [IDS, ROW, "SELECT name, value FROM kept"]) {
      database.prepare(sql);
    }
    return true;
  } catch {
    return false;
  }
}

function readRow(row: Row): KeptTorrent | UnreadTorrent {
  const { id, hash, place, record, saved, torrent, info, data } = row;
  try {
    const options = JSON.parse(saved ?? "") as SavedTorrent;
    return {
      id,
      hash,
      place,
      record: readRecord(JSON.parse(record)),
      saved: {
        ...options,
        ...(torrent === null ? {} : { torrent: torrent.toBase64() }),
        ...(info === null ? {} : { info: info.toBase64() }),
        ...(data === null ? {} : { resumeData: data.toBase64() }),
      },
    };
  } catch (error) {
    return { id, hash, problem: (error as Error).message };
  }
}
