/**
 * Torrents with content, for tests.
 *
 * @module
 */
import { assert } from "@std/assert";
import { equalBytes } from "../_shared/bytes.ts";
import { seededRandom } from "../_shared/random.ts";
import { MemoryFileSystem } from "../disk/memory_file_system.ts";
import {
  createMetainfo,
  type Metainfo,
  parseMetainfo,
} from "../metainfo/mod.ts";

/**
 * Files of a torrent: paths with `/` between components, and lengths in bytes.
 * One file without `/` makes a torrent of a single file.
 */
export type SimFiles = readonly (readonly [path: string, length: number])[];

/** A torrent and its content. */
export interface SimTorrent {
  /** The torrent file. */
  readonly bytes: Uint8Array;
  /** The torrent file, parsed. */
  readonly metainfo: Metainfo;
  /** Content by path below the download folder, `/` between components. */
  readonly content: ReadonlyMap<string, Uint8Array>;
}

/** Options of {@linkcode simTorrent}. */
export interface SimTorrentOptions {
  /** Version of BitTorrent. @default {"v1"} */
  readonly version?: "v1" | "v2" | "hybrid";
  /** Bytes of a piece. @default {32768} */
  readonly pieceLength?: number;
  /** Whether it is private (BEP 27). @default {false} */
  readonly private?: boolean;
  /** Tiers of announce URLs. @default {[]} */
  readonly trackers?: readonly (readonly string[])[];
  /** What the content comes from, an integer. @default {1} */
  readonly seed?: number;
}

/**
 * Makes a torrent of random content that is the same each time.
 *
 * @param files See {@linkcode SimFiles}.
 * @param options See {@linkcode SimTorrentOptions}.
 * @returns The torrent and its content.
 */
export async function simTorrent(
  files: SimFiles,
  options: SimTorrentOptions = {},
): Promise<SimTorrent> {
  const { seed = 1, pieceLength = 32768, version = "v1" } = options;
  const inputs = files.map(([path, length], i) => ({
    path: ["sim", ...path.split("/")],
    bytes: seededRandom(seed * 1000 + i)(new Uint8Array(length)),
  }));
  const single = files.length === 1 && !files[0]![0].includes("/");
  const bytes = await createMetainfo({
    inputs: single
      ? [{ path: [files[0]![0]], bytes: inputs[0]!.bytes }]
      : inputs,
    version,
    pieceLength,
    private: options.private,
    trackers: options.trackers,
    creationDate: null,
  });
  const metainfo = parseMetainfo(bytes);
  const content = new Map<string, Uint8Array>();
  for (const { path, bytes } of inputs) {
    content.set((single ? path.slice(1) : path).join("/"), bytes);
  }
  return { bytes, metainfo, content };
}

/**
 * Stores the content of a torrent.
 *
 * @param torrent The torrent.
 * @param files Where to; an empty file system by default.
 * @returns The file system.
 */
export function filled(
  torrent: SimTorrent,
  files: MemoryFileSystem = new MemoryFileSystem(),
): MemoryFileSystem {
  for (const [path, bytes] of torrent.content) {
    files.open(path.split("/"), { write: true }).write(bytes, 0);
  }
  return files;
}

/**
 * Asserts that the files of a torrent are stored, byte for byte.
 *
 * @param torrent The torrent.
 * @param files Where they are.
 * @param only Paths of the files to look at; all by default.
 */
export function assertFiles(
  torrent: SimTorrent,
  files: MemoryFileSystem,
  only?: readonly string[],
): void {
  for (const [path, right] of torrent.content) {
    if (only !== undefined && !only.includes(path)) continue;
    const there = files.contents(path.split("/"));
    assert(there !== undefined, `${path} is missing`);
    assert(equalBytes(there, right), `${path} differs`);
  }
}
