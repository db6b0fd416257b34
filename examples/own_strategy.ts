/**
 * Fetches every tenth piece first: an order of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_strategy.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { Session } from "@bip/bip/client";

/** The lowest number is fetched first. */
const tenthsFirst = (pieceIndex: number) => pieceIndex % 10;

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_strategy.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open();
  await session.add(link, { dir, strategy: tenthsFirst }).completed;
  console.log("Complete");
}
