/**
 * Places of the form `s3://BUCKET/PREFIX`, with what the environment says of them.
 *
 * @module
 */
import { DiskManager } from "../../disk/manager.ts";
import { ObjectStorage } from "../../disk/object_storage.ts";
import { type Metainfo, pieceRoot } from "../../metainfo/metainfo.ts";
import type { VerifyPiecesResult } from "../../metainfo/verify.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { UsageError } from "../error.ts";

/** The option that goes with such places. */
export const BUCKET_OPTION: OptionSpec = {
  name: "s3-endpoint",
  value: "URL",
  summary: "Where the S3 service of s3:// is (AWS_ENDPOINT_URL, else Amazon)",
};

/** What help tells of such places. */
export const BUCKET_DETAILS =
  "s3://BUCKET/PREFIX is a bucket of any service that speaks S3. Keys and region come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION or AWS_DEFAULT_REGION, the service from --s3-endpoint or AWS_ENDPOINT_URL; that takes --allow-env.";

/** Bytes of pieces in memory: pieces of a bucket are written whole. */
export const BUCKET_BUFFER = 128 * 1024 * 1024;

/**
 * Opens a place in a bucket.
 *
 * @param place What the person named.
 * @param args The command line.
 * @returns The storage, or `undefined` for a folder.
 * @throws {UsageError} If the place makes no sense, keys are missing, or a proxy
 * is wanted, which this would go round.
 */
export function bucketOf(
  place: string | undefined,
  args: Arguments,
): ObjectStorage | undefined {
  if (place === undefined || !/^s3:\/\//i.test(place)) {
    if (args.get("s3-endpoint") === undefined) return undefined;
    throw new UsageError("--s3-endpoint is for places that begin with s3://");
  }
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
    "bad" | "goodCount" | "missingFiles" | "surplusFiles" | "contradictory"
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
    contradictory: [],
    paths,
  };
}
