/**
 * What is said of places of the form `s3://BUCKET/PREFIX`, and who opens them.
 *
 * @module
 */
import type { ObjectStorage } from "../../disk/object_storage.ts";
import type { Arguments, OptionSpec } from "../command.ts";
import { UsageError } from "../error.ts";

/** The option that goes with such places. */
export const BUCKET_OPTION: OptionSpec = {
  name: "s3-endpoint",
  value: "URL",
  summary: "Endpoint of the S3 service (AWS_ENDPOINT_URL, else Amazon)",
};

/** What help tells of such places. */
export const BUCKET_DETAILS =
  "s3://BUCKET/PREFIX, in a bucket of any S3-compatible service. Keys and region are read from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_REGION or AWS_DEFAULT_REGION, the service from --s3-endpoint or AWS_ENDPOINT_URL; this needs --allow-env.";

/** Bytes of pieces in memory: pieces of a bucket are written whole. */
export const BUCKET_BUFFER = 128 * 1024 * 1024;

/**
 * Opens a place in a bucket; what that takes is loaded then.
 *
 * @param place What the person named.
 * @param args The command line.
 * @returns The storage, or `undefined` for a folder.
 * @throws {UsageError} If the place makes no sense, keys are missing, or a proxy
 * is wanted, which this would go round.
 */
export async function bucketOf(
  place: string | undefined,
  args: Arguments,
): Promise<ObjectStorage | undefined> {
  if (place !== undefined && /^s3:\/\//i.test(place)) {
    return (await import("./bucket.ts")).openBucket(place, args);
  }
  if (args.get("s3-endpoint") === undefined) return undefined;
  throw new UsageError("--s3-endpoint is for places that begin with s3://");
}
