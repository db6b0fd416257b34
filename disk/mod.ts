/**
 * Torrents on disk, or in anything that can be read and written at a position:
 * a {@linkcode FileSystem} port with native and in-memory implementations, and
 * a {@linkcode DiskManager} that takes blocks in any order, verifies and
 * writes whole pieces, serves what is verified, and resumes. What has no files
 * stands behind the {@linkcode PieceStorage} port instead: verified pieces in,
 * ranges out.
 *
 * @example A piece from two blocks
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { crypto } from "@std/crypto";
 * import { PieceLayout } from "@bip/bip/metainfo";
 * import { DiskManager, MemoryFileSystem } from "@bip/bip/disk";
 *
 * const data = new Uint8Array(20000).fill(7);
 * await using disk = new DiskManager({ fileSystem: new MemoryFileSystem() });
 * const storage = await disk.add({
 *   infoHash: new Uint8Array(20),
 *   layout: new PieceLayout({ pieceLength: 32768, files: [{ length: 20000 }] }),
 *   paths: [["folder", "file"]],
 *   pieces: new Uint8Array(crypto.subtle.digestSync("SHA-1", data)),
 * });
 * assertEquals(storage.writeBlock(0, 16384, data.subarray(16384)), "accepted");
 * assertEquals(storage.have.has(0), false);
 * assertEquals(storage.writeBlock(0, 0, data.subarray(0, 16384)), "accepted");
 * assertEquals(storage.have.has(0), true);
 * assertEquals(await storage.readBlock(0, 0, 3), new Uint8Array([7, 7, 7]));
 * ```
 *
 * Files that are left out are never made. Pieces at their borders are shared with
 * files that are not, so their share waits in a hidden part file beside the
 * torrent, `.HASH.bip-part`: checks and reads look there, too, they move into
 * place when the file is wanted later, and an empty part file is deleted.
 *
 * | BEP | What | How far |
 * | --- | --- | --- |
 * | 3 | pieces over files, SHA-1 | all |
 * | 47 | padding | never stored, reads as zeros |
 * | 52 | SHA-256 trees, aligned files, hybrids | all |
 *
 * Permissions: none with {@linkcode MemoryFileSystem};
 * {@linkcode NativeFileSystem} needs `--allow-read` and, for anything but
 * seeding, `--allow-write` of its base folder; {@linkcode ObjectStorage} needs
 * `--allow-net` of its service. Checking large torrents in
 * several threads, and hashing in another what comes fast, needs `--allow-read`
 * of the package when it is local.
 *
 * @module
 */
export type { Bitfield } from "../_shared/bitfield.ts";
export { type Clock, systemClock } from "../_shared/clock.ts";
export type { Awaitable } from "./awaitable.ts";
export type { HistogramCounts } from "../_shared/metrics.ts";
export { DiskBudget, type DiskBudgetOptions } from "./budget.ts";
export type { DiskWork } from "./timings.ts";
export {
  DiskError,
  type DiskErrorCode,
  type DiskErrorOptions,
  toDiskError,
} from "./error.ts";
export {
  checkFilePath,
  type FileHandle,
  type FileInfo,
  type FileOpenOptions,
  type FilePath,
  type FileRenameOptions,
  type FileSystem,
} from "./file_system.ts";
export * from "./check_options.ts";
export * from "./file_storage.ts";
export * from "./find_paths.ts";
export * from "./manager.ts";
export * from "./memory_file_system.ts";
export * from "./memory_storage.ts";
export type { DiskEvent, DiskRequest } from "./messages.ts";
export * from "./middleware.ts";
export * from "./native_file_system.ts";
export * from "./object_storage.ts";
export type { S3ClientOptions, S3Credentials } from "./object/s3_client.ts";
export * from "./piece_store.ts";
export * from "./resume.ts";
export * from "./storage.ts";
