/**
 * Places of the form `s3://BUCKET/PREFIX`, with what the environment says of them.
 *
 * @module
 */
import { DiskManager } from "../../disk/manager.ts";
import { ObjectStorage } from "../../disk/object_storage.ts";
import { type Metainfo, pieceRoot } from "../../metainfo/metainfo.ts";
import type { VerifyPiecesResult } from "../../metainfo/verify.ts";
import type { Arguments } from "../command.ts";
import { UsageError } from "../error.ts";

/**
 * Opens a place in a bucket.
 *
 * @param place What the person named.
 * @param args The command line.
 * @returns The storage.
 * @throws {UsageError} If the place makes no sense, keys are missing, or a proxy
 * is wanted, which this would go round.
 */
export function openBucket(place: string, args: Arguments): ObjectStorage {
  if (args.all("proxy").length > 0 || args.has("anonymous")) {
    throw new UsageError("s3:// goes through no proxy and is not anonymous");
  }
  const [bucket = "", ...rest] = place.slice(5).split("/");
  const prefix = rest.join("/").replace(/\/$/, "");
  const { env } = Deno;
  const accessKeyId = env.get("AWS_ACCESS_KEY_ID");
  const secretAccessKey = env.get("AWS_SECRET_ACCESS_KEY");
  if (!accessKeyId || !secretAccessKey) {
    throw new UsageError(
      "s3:// needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment",
    );
  }
  try {
    return new ObjectStorage({
      bucket,
      prefix,
      region: env.get("AWS_REGION") || env.get("AWS_DEFAULT_REGION") ||
        undefined,
      endpoint: args.get("s3-endpoint") || env.get("AWS_ENDPOINT_URL") ||
        undefined,
      credentials: {
        accessKeyId,
        secretAccessKey,
        sessionToken: env.get("AWS_SESSION_TOKEN") || undefined,
      },
    });
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** Options of {@linkcode verifyBucket}. */
export interface VerifyBucketOptions {
  /** Told of bytes that were hashed. */
  readonly onProgress: (hashedBytes: number) => void;
  readonly signal: AbortSignal;
}

/** Reads and hashes all that a bucket has of a torrent; writes nothing. */
export async function verifyBucket(
  storage: ObjectStorage,
  metainfo: Metainfo,
  { onProgress, signal }: VerifyBucketOptions,
): Promise<
  & Pick<
    VerifyPiecesResult,
    | "bad"
    | "goodCount"
    | "missingFiles"
    | "surplusFiles"
    | "shortFiles"
    | "contradictory"
  >
  & { readonly paths: readonly (readonly string[])[] }
> {
  const { layout, files, pieces, infoHash, pieceCount } = metainfo;
  await using disk = new DiskManager({ storage });
  const paths = await disk.findPaths(metainfo, { readOnly: true });
  const stored = await disk.add({
    infoHash,
    layout,
    paths,
    pieces,
    pieceRoot: (i) => pieceRoot(metainfo, i),
  }, { existing: "assume-empty", readOnly: true, signal });
  await stored.recheck({
    onProgress: ({ checked }) =>
      onProgress(Math.min(metainfo.totalLength, checked * layout.pieceLength)),
    signal,
  });
  const isBad = (i: number) => !stored.have.has(i);
  const bad = Array.from({ length: pieceCount }, (_, i) => i).filter(isBad);
  const missingFiles = [...files.keys()].filter((i) => {
    const { first, end } = layout.filePieces(i);
    if (files[i]!.pad || first === end) return false;
    for (let k = first; k < end; k++) if (!isBad(k)) return false;
    return true;
  });
  return {
    bad,
    goodCount: stored.have.count,
    missingFiles,
    surplusFiles: [],
    shortFiles: [],
    contradictory: [],
    paths,
  };
}
