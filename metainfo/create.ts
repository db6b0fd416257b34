/**
 * Creates torrents.
 *
 * @module
 */
import { CreateError } from "./create_error.ts";
import {
  type CreateForm,
  type HashedFiles,
  hashEntries,
} from "./create/hash.ts";
import { encodeCreated } from "./create/info.ts";
import { checkCreateOptions } from "./create_check.ts";
import {
  type CreateMetainfoOptions,
  suggestPieceLength,
} from "./create_options.ts";
import {
  type CreatePlan,
  displayPath,
  entryPath,
  keyText,
  planCreation,
} from "./create/walk.ts";
import { type UnportableFile, unportablePaths } from "./disk_paths.ts";
import { SHA256_LENGTH } from "./sha256.ts";
import { SHA1_LENGTH } from "./piece_digest.ts";
import { checkThreads } from "./hash_options.ts";

/** Piece length where the length of the payload is not known beforehand. */
const UNKNOWN_PIECE_LENGTH = 1024 * 1024;

/**
 * Creates a torrent file: v1 (BEP 3), v2 (BEP 52) or hybrid, from files and
 * folders on disk, bytes and streams.
 *
 * Files are ordered by the raw bytes of their path components, so that the
 * same folder gives the same info-hash on every system. Everything in a folder
 * is taken, hidden files and empty files, too; empty folders, devices, sockets
 * and pipes are not. For symbolic links see the option `symlinks`.
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

/** A new torrent, and what is known of it without reading it again. */
export interface CreatedTorrent {
  /** The torrent file, canonical bencode. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The name of the file or folder. */
  readonly name: string;
  /** SHA-1 of the info dictionary, 20 bytes; not in a v2-only torrent. */
  readonly infoHashV1?: Uint8Array;
  /** SHA-256 of the info dictionary, 32 bytes; not in a v1-only torrent. */
  readonly infoHashV2?: Uint8Array;
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
  return { ...encoded, ...describe(plan, form, hashed) };
}

async function create(options: CreateMetainfoOptions) {
  try {
    options.signal?.throwIfAborted();
    checkCreateOptions(options);
    checkThreads(options.threads);
    const plan = await planCreation(options);
    const form = createForm(plan, options);
    const hashed = await hashEntries(plan, form, options);
    if (hashed.lengths.every((length) => length === 0)) throw noBytes();
    const encoded = encodeCreated(plan, form, hashed, options);
    return { plan, form, hashed, encoded };
  } catch (error) {
    await cancelStreams(options, error);
    throw error;
  }
}

function describe(
  plan: CreatePlan,
  form: CreateForm,
  { lengths, pieces, layers }: HashedFiles,
) {
  const name = displayPath([plan.name]);
  let totalLength = 0;
  for (const length of lengths) totalLength += length;
  let roots = 0;
  for (const layer of layers) roots += layer.length / SHA256_LENGTH;
  return {
    name,
    pieceLength: form.pieceLength,
    pieceCount: form.sha1 ? pieces.length / SHA1_LENGTH : roots,
    totalLength,
    fileCount: lengths.length,
    unportable: unportablePaths(
      plan.entries.length,
      (i) => [name, ...entryPath(plan.entries[i]!).map(keyText)],
    ),
  };
}

function noBytes(): CreateError {
  return new CreateError(
    "empty",
    "Cannot create a torrent: the files have not one byte, and clients refuse such torrents",
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

/** Cancels the streams that nobody read; those that were are locked no more. */
async function cancelStreams(
  options: CreateMetainfoOptions,
  reason: unknown,
): Promise<void> {
  for (const input of options.inputs) {
    if (!("stream" in input) || input.stream.locked) continue;
    await input.stream.cancel(reason).catch(() => {});
  }
}
