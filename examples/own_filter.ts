/**
 * Lets no client of a given name in: a filter of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_filter.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { Session } from "@bip/bip/client";
import { HandshakeFilters, peerIdFilter } from "@bip/bip/handshake";

const filter = new HandshakeFilters({
  filters: [
    peerIdFilter(["-XL"]),
    ({ address }) => address?.port === 6666 ? "block" : "pass",
  ],
});

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_filter.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open({ filter });
  await session.add(link, { dir }).completed;
  console.log("Complete");
}
