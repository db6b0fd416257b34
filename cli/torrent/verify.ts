/**
 * `bip verify`: checks files on disk against a torrent.
 *
 * @module
 */
import {
  VerifyError,
  verifyPieces,
  type VerifyPiecesOptions,
  type VerifyPiecesResult,
} from "../../metainfo/verify.ts";
import { DiskError } from "../../disk/error.ts";
import { isIncompleteSuffix } from "../../client/incomplete_place.ts";
import { findPaths } from "../../disk/find_paths.ts";
import { checkPartPieces } from "../../disk/part_check.ts";
import { NativeFileSystem } from "../../disk/native_file_system.ts";
import { type RenamedFile, renamedFiles } from "../../metainfo/disk_paths.ts";
import { type Metainfo, pieceRoot } from "../../metainfo/metainfo.ts";
import type { Verb, VerbContext } from "../command.ts";
import { CommandError, UsageError } from "../error.ts";
import {
  EXIT_BAD_TORRENT,
  EXIT_DONE,
  EXIT_IO,
  EXIT_VERIFICATION_FAILED,
} from "../exit_code.ts";
import { BUCKET_DETAILS, BUCKET_OPTION, bucketOf } from "./bucket_options.ts";
import { reasonOf } from "../io_error.ts";
import { findFolder } from "./folders.ts";
import { joinPath } from "../paths.ts";
import { Progress } from "../progress.ts";
import { readTorrentFile, torrentFirst } from "./source.ts";
import { styled } from "../terminal.ts";
import { renamedNote } from "./renamed.ts";
import { rangesOf, safeText } from "../text.ts";
import { formatSize } from "../units.ts";

/** What `bip verify --json` prints. */
export interface VerifyDocument {
  /** How many pieces there are. */
  readonly pieces: number;
  /** How many are good. */
  readonly good: number;
  /** Indices of the bad ones, ascending. */
  readonly bad: readonly number[];
  /** Paths of the files that are not there, below the folder. */
  readonly missing: readonly string[];
  /**
   * Paths of the files that are under that name with the suffix only. Absent when
   * there are none.
   */
  readonly incomplete?: readonly string[];
  /**
   * Paths of the files that are longer than they should be. Absent when there
   * are none.
   */
  readonly surplus?: readonly string[];
  /** Paths of the files that are shorter. Absent when there are none. */
  readonly short?: readonly string[];
  /** Paths of the files that cannot be read. Absent when there are none. */
  readonly unreadable?: readonly string[];
  /**
   * Files that lie under another name than the torrent says: index among all
   * files, path in the torrent, path below the folder. Absent when there are
   * none.
   */
  readonly renamed?: readonly RenamedFile[];
  /**
   * Indices of the bad pieces that pass one of a hybrid's two hashes and fail
   * the other: no data can pass both. Absent when there are none.
   */
  readonly contradictory?: readonly number[];
}

/** All hashes there are: a hybrid's data has to fit both. */
function expectedHashes(metainfo: Metainfo) {
  const { pieces, pieceCount } = metainfo;
  for (let i = 0; pieces === undefined && i < pieceCount; i++) {
    if (pieceRoot(metainfo, i) !== undefined) continue;
    throw new CommandError(
      EXIT_BAD_TORRENT,
      "missing-piece-layers",
      `Cannot verify: the torrent has no hash for piece ${i}`,
    );
  }
  return { pieces, pieceRoot: (i: number) => pieceRoot(metainfo, i) };
}

/**
 * Sorts the files that bad pieces touch: those that are damaged, and those that
 * may be good, as all their bad pieces are shared with files known to lack data.
 */
function damagedFiles(
  metainfo: Metainfo,
  bad: readonly number[],
  lacking: ReadonlySet<number>,
): { damaged: number[]; unsure: number[] } {
  const damaged = new Set<number>();
  const touched = new Set<number>();
  for (const pieceIndex of bad) {
    const size = metainfo.layout.pieceSize(pieceIndex);
    const files = metainfo.layout.spans(pieceIndex, 0, size)
      .filter(({ pad }) => !pad).map(({ fileIndex }) => fileIndex);
    const isExplained = files.some((index) => lacking.has(index));
    for (const index of files) {
      if (lacking.has(index)) continue;
      touched.add(index);
      if (!isExplained) damaged.add(index);
    }
  }
  return {
    damaged: [...damaged].sort((a, b) => a - b),
    unsure: [...touched.difference(damaged)].sort((a, b) => a - b),
  };
}

/** What is wrong with opening a file, if it is there. */
function whyUnreadable(path: string): string | undefined {
  try {
    // To open a pipe would wait for a writer.
    if (Deno.statSync(path).isFile) Deno.openSync(path).close();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return reasonOf(error);
  }
  return undefined;
}

/** Files that cannot be read, and why. */
type Unreadable = Map<number, string>;

/** Hashes files; goes on without those that cannot be read. */
async function verifyReadable(
  folder: string,
  options: VerifyPiecesOptions,
): Promise<VerifyPiecesResult & { readonly unreadable: Unreadable }> {
  const unreadable: Unreadable = new Map();
  const filePaths = [...options.filePaths];
  for (;;) {
    try {
      const result = await verifyPieces({ ...options, filePaths });
      return { ...result, unreadable };
    } catch (error) {
      if (!(error instanceof VerifyError)) throw error;
      const before = unreadable.size;
      filePaths.forEach((path, index) => {
        const why = path === folder || options.layout.file(index).pad
          ? undefined
          : whyUnreadable(path) ??
            (path === error.path ? reasonOf(error.cause) : undefined);
        if (why === undefined) return;
        unreadable.set(index, why);
        // A folder in the place of a file counts as a missing file.
        filePaths[index] = folder;
      });
      if (unreadable.size === before) throw error;
    }
  }
}

function isFile(files: NativeFileSystem, path: readonly string[]): boolean {
  try {
    return files.stat(path) !== undefined;
  } catch {
    return false;
  }
}

/** Hashes files; those that a download left out are looked up in the part file. */
async function verifyFolder(
  dir: string,
  metainfo: Metainfo,
  suffix: string,
  expected: ReturnType<typeof expectedHashes>,
  options: Omit<VerifyPiecesOptions, "layout" | "filePaths" | "expected">,
) {
  const { layout, infoHash } = metainfo;
  const folder = await findFolder(dir, metainfo, "verify");
  const fileSystem = new NativeFileSystem(folder);
  const found = await findPaths(fileSystem, metainfo, { readOnly: true });
  const incomplete: number[] = [];
  const paths = found.map((path, i) => {
    const place = path.with(-1, path.at(-1)! + suffix);
    const isMoved = suffix !== "" && !metainfo.files[i]!.pad &&
      isFile(fileSystem, place) && !isFile(fileSystem, path);
    if (isMoved) incomplete.push(i);
    return isMoved ? place : path;
  });
  const filePaths = paths.map((parts) => joinPath(folder, parts));
  const result = await verifyReadable(folder, {
    ...options,
    layout,
    filePaths,
    expected,
  });
  // There is the share of files that were left out, and what came early.
  let inPart: ReadonlySet<number> = new Set();
  if (result.bad.length > 0) {
    try {
      inPart = new Set(
        await checkPartPieces(
          fileSystem,
          { infoHash, layout, paths, ...expected },
          result.bad,
          { signal: options.signal },
        ),
      );
    } catch (error) {
      // What cannot be read has been told, and proves no piece.
      if (!(error instanceof DiskError)) throw error;
    }
  }
  return {
    ...result,
    paths: found,
    incomplete,
    bad: result.bad.filter((index) => !inPart.has(index)),
    goodCount: result.goodCount + inPart.size,
  };
}

/** `bip verify FILE.torrent DIR` */
export const verifyVerb: Verb = {
  name: "verify",
  summary: "Check files on disk against a torrent",
  usage: "FILE.torrent DIR [--threads N] [--json] [--quiet]",
  details: [
    "DIR is the folder that contains the torrent's top-level file or folder, or that file or folder itself. FILE.torrent may be - for stdin. Exit code 3 when a piece is bad or a file is missing, has the wrong length or the suffix of incomplete files, 6 when a file cannot be read; the others are still checked.",
    "Parts of pieces that a download keeps in the part file (.HASH.bip-part) are read from there.",
    "DIR may also be " + BUCKET_DETAILS,
    "For hybrid torrents both hashes of each piece are checked.",
    "--json prints {pieces, good, bad: [indices], missing: [paths]}; incomplete: [paths] where files have the suffix of incomplete files, surplus and short: [paths] where files are longer or shorter than they should be, unreadable: [paths] where they cannot be read, renamed: [{index, from, to}] where they have other names on disk, and contradictory: [indices] where the two hashes of a hybrid torrent disagree.",
  ],
  operands: [2, 2],
  operandNames: ["FILE.torrent", "DIR"],
  permissions: "--allow-read=FILE,DIR",
  options: [
    BUCKET_OPTION,
    {
      name: "incomplete-suffix",
      value: "TEXT",
      summary: "Suffix of the names of incomplete files (.part)",
    },
    {
      name: "threads",
      value: "N",
      summary: "Number of hashing threads (all cores)",
    },
    { name: "json", summary: "Print one JSON document" },
    { name: "quiet", short: "q", summary: "Show no progress" },
  ],
  async run({ args, output, signal }: VerbContext): Promise<number> {
    const [file, dir] = await torrentFirst(args.operands as [string, string]);
    const { metainfo } = await readTorrentFile(file, signal);
    const storage = await bucketOf(dir, args);
    await using progress = new Progress(output, {
      label: "Checking",
      total: metainfo.totalLength,
      quiet: args.has("quiet"),
    });
    const suffix = args.get("incomplete-suffix") ?? ".part";
    if (!isIncompleteSuffix(suffix)) {
      throw new UsageError(
        "--incomplete-suffix must be the end of a file name",
      );
    }
    const expected = expectedHashes(metainfo);
    const onProgress = (bytes: number, total = metainfo.totalLength) =>
      progress.update(bytes, { total });
    const { paths, ...result } = storage !== undefined
      ? {
        unreadable: new Map() as Unreadable,
        incomplete: [],
        ...await (await import("./bucket.ts")).verifyBucket(storage, metainfo, {
          onProgress,
          signal,
        }),
      }
      : await verifyFolder(dir, metainfo, suffix, expected, {
        threads: args.integer("threads", 1, 1024),
        onProgress: ({ hashedBytes, totalBytes }) =>
          onProgress(hashedBytes, totalBytes),
        signal,
      });
    const { bad, unreadable, incomplete } = result;
    const renamed = renamedFiles(metainfo, paths);
    await progress.stop();
    const nameOf = (index: number) => paths[index]!.join("/");
    const isFile = (index: number) =>
      !metainfo.files[index]!.pad &&
      metainfo.files[index]!.symlink === undefined;
    const missing = result.missingFiles
      .filter((index) => isFile(index) && !unreadable.has(index));
    const surplus = result.surplusFiles.filter(isFile);
    const short = result.shortFiles.filter(isFile);
    const document: VerifyDocument = {
      pieces: metainfo.pieceCount,
      good: result.goodCount,
      bad,
      missing: missing.map(nameOf),
      ...(incomplete.length > 0 ? { incomplete: incomplete.map(nameOf) } : {}),
      ...(surplus.length > 0 ? { surplus: surplus.map(nameOf) } : {}),
      ...(short.length > 0 ? { short: short.map(nameOf) } : {}),
      ...(unreadable.size > 0
        ? { unreadable: [...unreadable.keys()].map(nameOf) }
        : {}),
      ...(renamed.length > 0 ? { renamed } : {}),
      ...(result.contradictory.length > 0
        ? { contradictory: result.contradictory }
        : {}),
    };
    const complete = document.bad.length === 0 && missing.length === 0 &&
      surplus.length === 0 && incomplete.length === 0 && unreadable.size === 0;
    if (args.has("json")) output.printJson(document, 2);
    else {
      if (renamed.length > 0) output.note(renamedNote(renamed));
      const style = complete ? "green" : "red";
      output.print(
        `${
          styled(output, style, complete ? "complete" : "incomplete")
        }: ${document.good} of ${document.pieces} pieces are good (${
          formatSize(metainfo.totalLength)
        })`,
      );
      if (document.bad.length > 0) {
        output.print(`bad pieces: ${rangesOf(document.bad)}`);
      }
      if (result.contradictory.length > 0) {
        output.print(
          `contradictory pieces: ${rangesOf(result.contradictory)}`,
        );
        output.note(
          "Note: the v1 and v2 hashes of these pieces contradict each other: no data can match both",
        );
      }
      const list = (what: string, files: Iterable<number>, why = "") => {
        for (const index of files) {
          output.print(`${what}: ${safeText(nameOf(index))}${why}`);
        }
      };
      list("missing", missing);
      for (const [index, why] of unreadable) {
        list("unreadable", [index], ` (${why})`);
      }
      for (const index of incomplete) {
        const name = safeText(nameOf(index) + suffix);
        list("incomplete", [index], ` is called ${name}`);
      }
      list("longer than it should be", surplus);
      list("shorter than it should be", short);
      const { damaged, unsure } = damagedFiles(
        metainfo,
        bad,
        new Set([...missing, ...unreadable.keys(), ...short]),
      );
      list("damaged", damaged);
      list("perhaps damaged", unsure, ", shares a bad piece with the above");
    }
    if (complete) return EXIT_DONE;
    return unreadable.size > 0 ? EXIT_IO : EXIT_VERIFICATION_FAILED;
  },
};
