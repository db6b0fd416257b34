/**
 * Torrents in a bucket of an object store.
 *
 * @module
 */
import { toHex } from "../_shared/bytes.ts";
import type { PieceLayout } from "../metainfo/piece_layout.ts";
import { runLength } from "./object/part_plan.ts";
import { S3Client, type S3ClientOptions } from "./object/s3_client.ts";
import { ObjectStore } from "./object/object_store.ts";
import type {
  PieceStorage,
  PieceStore,
  PieceStoreOptions,
} from "./piece_store.ts";
import type { StorageTorrent } from "./storage.ts";

/** Options of {@linkcode ObjectStorage}. */
export interface ObjectStorageOptions extends S3ClientOptions {
  /**
   * What the keys of all objects begin with, without a slash at its end.
   *
   * @default {""}
   */
  readonly prefix?: string | undefined;
}

/**
 * Keeps torrents in a bucket of any service that speaks S3. Each
 * verified piece, or run of small ones, is an object below `PREFIX/.bip/INFOHASH/`, so
 * what is there after a crash is found by listing. A finished file becomes one object under its own
 * name, and its pieces are deleted; it is read there from then on, by any number of
 * readers at once.
 *
 * Needs `--allow-net` of the endpoint.
 *
 * @example
 * ```ts ignore
 * import { Session } from "@bip/bip/client";
 * import { ObjectStorage } from "@bip/bip/disk";
 *
 * await using session = await Session.open({
 *   storage: new ObjectStorage({
 *     bucket: "films",
 *     region: "eu-central-1",
 *     credentials: { accessKeyId: "...", secretAccessKey: "..." },
 *   }),
 * });
 * ```
 */
export class ObjectStorage implements PieceStorage {
  readonly #client: S3Client;
  readonly #prefix: string;
  /** Stores that are open. */
  #open = 0;

  /**
   * Asks nothing yet.
   *
   * @param options See {@linkcode ObjectStorageOptions}.
   * @throws {RangeError} If bucket, prefix, region or endpoint make no sense.
   */
  constructor(options: ObjectStorageOptions) {
    const { prefix = "" } = options;
    // The URL parser would take such steps.
    if (
      prefix !== "" &&
      prefix.split("/").some((step) =>
        step === "" || step === "." || step === ".." || /\p{Cc}/u.test(step)
      )
    ) {
      throw new RangeError(
        `${JSON.stringify(prefix)} is not a valid key prefix`,
      );
    }
    this.#client = new S3Client(options);
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
  }

  /**
   * Pieces that are too short for the service to copy are written in runs, of
   * 8 MiB mostly.
   *
   * @param layout Of which torrent.
   * @returns How many.
   */
  runPieces(layout: PieceLayout): number {
    return runLength(layout);
  }

  /**
   * Opens the objects of one torrent.
   *
   * @param torrent Its layout and paths.
   * @param options Whether it is only read.
   * @returns Its store.
   */
  open(torrent: StorageTorrent, options: PieceStoreOptions = {}): PieceStore {
    this.#open++;
    return new ObjectStore({
      client: this.#client,
      torrent,
      prefix: this.#prefix,
      infoHash: toHex(torrent.infoHash),
      mayReplace: options.overwrite === true,
      isReadOnly: options.readOnly === true,
      onClose: () => {
        if (--this.#open === 0) this.#client.rest();
      },
    });
  }
}
