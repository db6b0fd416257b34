/**
 * Creates torrents.
 *
 * @module
 */
import { CreateError } from "./create_error.ts";
import { type CreateForm, hashEntries, placeEntries } from "./create/hash.ts";
import { encodeCreated } from "./create/info.ts";
import { checkCreateOptions } from "./create_check.ts";
import {
  type CreateMetainfoOptions,
  type LeftOut,
  suggestPieceLength,
} from "./create_options.ts";
import { displayPath, entryPath, keyText } from "./create/entry.ts";
import { type CreatePlan, planCreation } from "./create/walk.ts";
import { type UnportableFile, unportablePaths } from "./disk_paths.ts";
import { SHA256_LENGTH } from "./sha256.ts";
import { SHA1_LENGTH } from "./piece_digest.ts";
import { checkThreads } from "./hash_options.ts";
import { DEFAULT_LIMITS } from "./parse/fields.ts";

/** Piece length where the length of the payload is not known beforehand. */
const UNKNOWN_PIECE_LENGTH = 1024 * 1024;

/**
 * Creates a torrent file: v1 (BEP 3), v2 (BEP 52) or hybrid, from files and
 * folders on disk, bytes and streams.
 *
 * Files are ordered by the raw bytes of their path components, so that the
 * same folder gives the same info-hash on every system. Everything in a folder
 * is taken, hidden files and empty files, too, unless `filter` says otherwise;
 * empty folders, devices, sockets and pipes are not. For symbolic links see the
 * option `symlinks`.
 *
 * One input names the torrent, unless `name` does: a file makes a single-file
 * torrent, a folder the torrent's top folder. Of several inputs, each lies
 * under `name` with the last component of its path; without `name` they must
 * have the first component of their paths in the torrent, or their folder on
 * disk, in common, which then is the name.
 *
 * Files on disk are hashed by all threads. As soon as one input is bytes or a
 * stream, all are hashed in order in the calling thread. Memory stays flat:
 * besides the hashes only a few hundred KiB a thread. When creation fails,
 * streams that were not read to their end are cancelled.
 *
 * Needs `--allow-read` for the paths, and for this package's folder
 * `metainfo/` (where that is a local one) to use more than one thread.
 *
 * @example Memory to torrent
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMetainfo } from "@bip/bip/metainfo";
 *
 * const torrent = await createMetainfo({
 *   inputs: [{ path: ["spam.txt"], bytes: new TextEncoder().encode("spam") }],
 *   trackers: [["http://tracker.example/announce"]],
 *   creationDate: null,
 *   createdBy: null,
 * });
 * assertEquals(
 *   new TextDecoder().decode(torrent.subarray(0, 88)),
 *   "d8:announce31:http://tracker.example/announce" +
 *     "4:infod6:lengthi4e4:name8:spam.txt12:piece ",
 * );
 * ```
 *
 * @param options What goes into the torrent, and how.
 * @returns The bytes of the torrent file, canonical bencode.
 * @throws {CreateError} If the inputs cannot be made a torrent: absent,
 * unreadable, changing, without a byte, or with paths that conflict.
 * @throws {RangeError} If a number among the options is out of range.
 * @throws {TypeError} If a URL or key among the options is not usable.
 */
export async function createMetainfo(
  options: CreateMetainfoOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return (await create(options)).encoded.bytes;
}

/** What is known of a new torrent without reading it again. */
export interface TorrentSummary {
  /** The name of the file or folder. */
  readonly name: string;
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** How many pieces there are. */
  readonly pieceCount: number;
  /** Bytes of all files. */
  readonly totalLength: number;
  /** How many files there are, without padding. */
  readonly fileCount: number;
  /** The files whose names not every system can hold. */
  readonly unportable: readonly UnportableFile[];
  /** What was found in folders and left out, but for what a filter refused. */
  readonly leftOut: readonly LeftOut[];
  /** How many symbolic links were followed. */
  readonly followedLinks: number;
  /** How many symbolic links are stored as links. */
  readonly storedLinks: number;
}

/** What {@linkcode planTorrent} finds. */
export interface TorrentPlan extends TorrentSummary {
  /** The files in order: path in the torrent below its name, bytes. */
  readonly files: readonly {
    readonly path: readonly string[];
    readonly length: number;
  }[];
}

/** A new torrent. */
export interface CreatedTorrent extends TorrentSummary {
  /** The torrent file, canonical bencode. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** SHA-1 of the info dictionary, 20 bytes; not in a v2-only torrent. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 of the info dictionary, 32 bytes; not in a v1-only torrent. */
  readonly infoHashV2?: Uint8Array;
}

/**
 * Does what {@linkcode createMetainfo} does and says more about the result.
 *
 * @param options What goes into the torrent, and how.
 * @returns The torrent file and what is in it.
 * @throws {CreateError} As {@linkcode createMetainfo} does.
 */
export async function createTorrent(
  options: CreateMetainfoOptions,
): Promise<CreatedTorrent> {
  const { plan, form, hashed, encoded } = await create(options);
  return { ...encoded, ...summarize(plan, form, hashed.lengths) };
}

/**
 * Finds out what {@linkcode createMetainfo} would make, and reads no file.
 *
 * @param options What would go into the torrent, and how. Streams are not
 * touched; those of unknown length count as empty.
 * @returns What would be in it.
 * @throws {CreateError} As {@linkcode createMetainfo} does before it hashes.
 */
export async function planTorrent(
  options: CreateMetainfoOptions,
): Promise<TorrentPlan> {
  const { plan, form } = await prepare(options);
  const lengths = lengthsOf(plan);
  return {
    ...summarize(plan, form, lengths),
    files: plan.entries.map((entry, i) => ({
      path: entryPath(entry).map(keyText),
      length: lengths[i]!,
    })),
  };
}

async function prepare(options: CreateMetainfoOptions) {
  options.signal?.throwIfAborted();
  checkCreateOptions(options);
  checkThreads(options.threads);
  const plan = await planCreation(options);
  const form = createForm(plan, options);
  checkSize(plan, form);
  return { plan, form };
}

async function create(options: CreateMetainfoOptions) {
  try {
    const { plan, form } = await prepare(options);
    const hashed = await hashEntries(plan, form, options);
    if (hashed.lengths.every((length) => length === 0)) throw noBytes();
    const encoded = encodeCreated(plan, form, hashed, options);
    const { length } = encoded.bytes;
    if (length > DEFAULT_LIMITS.maxLength) throw tooLarge(length, "bytes");
    return { plan, form, hashed, encoded };
  } catch (error) {
    await cancelStreams(options, error);
    throw error;
  }
}

const lengthsOf = ({ entries }: CreatePlan): number[] =>
  entries.map(({ length = 0 }) => length);

function countPieces(lengths: readonly number[], form: CreateForm): number {
  let total = 0;
  let ownPieces = 0;
  for (const { length } of placeEntries(lengths, form)) {
    total += length;
    ownPieces += Math.ceil(length / form.pieceLength);
  }
  return form.sha1 ? Math.ceil(total / form.pieceLength) : ownPieces;
}

function summarize(
  { name: key, entries, notes }: CreatePlan,
  form: CreateForm,
  lengths: readonly number[],
): TorrentSummary {
  const name = displayPath([key]);
  let totalLength = 0;
  for (const length of lengths) totalLength += length;
  return {
    name,
    pieceLength: form.pieceLength,
    pieceCount: countPieces(lengths, form),
    totalLength,
    fileCount: lengths.length,
    unportable: unportablePaths(
      entries.length,
      (i) => [name, ...entryPath(entries[i]!).map(keyText)],
    ),
    ...notes,
    storedLinks: entries.filter(({ content }) => content?.type === "symlink")
      .length,
  };
}

function tooLarge(count: number, what: string): CreateError {
  return new CreateError(
    "too-large",
    `Cannot create a torrent of ${count} ${what}: clients would refuse it`,
  );
}

/** Refuses torrents that cannot be read again, before they are hashed. */
function checkSize(plan: CreatePlan, form: CreateForm): void {
  const { maxPieces, maxTokens, maxLength } = DEFAULT_LIMITS;
  const { pieceLength, sha1, sha256 } = form;
  const { entries } = plan;
  const lengths = lengthsOf(plan);
  const pieceCount = countPieces(lengths, form);
  if (pieceCount > maxPieces) throw tooLarge(pieceCount, "pieces");
  // What the file has at least, however it is written.
  let bytes = sha1 ? pieceCount * SHA1_LENGTH : 0;
  let tokens = 0;
  for (const { index, length } of placeEntries(lengths, form)) {
    const entry = entries[index];
    if (entry === undefined) {
      tokens += 9;
      bytes += 50;
      continue;
    }
    if (sha1 && entries.length > 1) {
      tokens += 6 + entry.folder.key.length;
      bytes += 30 + entry.name.length;
    }
    if (!sha256) continue;
    tokens += length > 0 ? 8 : 6;
    bytes += 20 + entry.name.length;
    if (length > pieceLength) {
      bytes += Math.ceil(length / pieceLength) * SHA256_LENGTH;
    }
  }
  if (tokens > maxTokens) throw tooLarge(entries.length, "files");
  if (bytes > maxLength) throw tooLarge(bytes, "bytes");
}

function noBytes(): CreateError {
  return new CreateError(
    "empty",
    "Cannot create a torrent: all files are empty, and clients refuse such torrents",
  );
}

/** Decides how the files lie in pieces. */
function createForm(
  plan: CreatePlan,
  options: CreateMetainfoOptions,
): CreateForm {
  const { version = "v1" } = options;
  let total: number | undefined = 0;
  for (const { length } of plan.entries) {
    if (length === undefined || total === undefined) total = undefined;
    else total += length;
  }
  if (total === 0) throw noBytes();
  if (total !== undefined && !Number.isSafeInteger(total)) {
    throw new RangeError(
      "Cannot create a torrent of more than 2^53 - 1 bytes",
    );
  }
  const isHybrid = version === "hybrid";
  const canPad = version !== "v2" && plan.entries.length > 1;
  return {
    pieceLength: options.pieceLength ??
      (total === undefined ? UNKNOWN_PIECE_LENGTH : suggestPieceLength(total)),
    sha1: version !== "v2",
    sha256: version !== "v1",
    padFiles: canPad && (isHybrid || options.padFiles === true),
    padLast: canPad && isHybrid,
  };
}

/** Cancels the streams that were never read. */
async function cancelStreams(
  options: CreateMetainfoOptions,
  reason: unknown,
): Promise<void> {
  for (const input of options.inputs) {
    if (!("stream" in input) || input.stream.locked) continue;
    await input.stream.cancel(reason).catch(() => {});
  }
}
