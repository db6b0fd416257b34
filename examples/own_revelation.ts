/**
 * Keeps every tenth piece to itself: a revelation of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_revelation.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { type RevelationView, Session } from "@bip/bip/client";
import type { Revelation } from "@bip/bip/select";

function secretive({ pieceCount, have }: RevelationView): Revelation {
  return {
    name: "secretive",
    connected() {
      const told = have.clone();
      for (let i = 0; i < pieceCount; i += 10) told.clear(i);
      return { told };
    },
    verified: (index) => index % 10 === 0 ? [] : [{ pieceIndex: index }],
    disconnected: () => [],
  };
}

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_revelation.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open({ revelation: secretive });
  await session.add(link, { dir }).completed;
  console.log("Complete");
}
