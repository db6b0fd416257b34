/**
 * Serves those first that have least: a choker of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_choker.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { Session } from "@bip/bip/client";
import type { Choker } from "@bip/bip/select";

function poorFirst(): Choker {
  return {
    name: "poor-first",
    optimistic: new Set(),
    tick(_now, peers, slots = 4) {
      const wanting = peers.filter((peer) => peer.interested)
        .sort((a, b) => a.progress - b.progress);
      return new Set(wanting.slice(0, slots).map((peer) => peer.key));
    },
  };
}

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_choker.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open({ choker: poorFirst });
  await session.add(link, { dir }).completed;
  console.log("Complete");
}
