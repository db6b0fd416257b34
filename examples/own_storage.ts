/**
 * Says how long the disk takes: a storage of one's own around the system's.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_storage.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { Session } from "@bip/bip/client";
import {
  FileTimings,
  interceptFileSystem,
  NativeFileSystem,
  systemClock,
} from "@bip/bip/disk";

const timings = new FileTimings(systemClock);

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_storage.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open();
  await session.add(link, {
    fileSystem: interceptFileSystem(new NativeFileSystem(dir), timings),
  }).completed;
  console.log(timings.stats());
}
