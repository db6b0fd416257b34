/**
 * Greets every peer that speaks it: an extension of one's own (BEP 10).
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_extension.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { type ExtensionPeer, Session } from "@bip/bip/client";
import type { PeerExtension } from "@bip/bip/peer";

function greet({ address }: ExtensionPeer): PeerExtension[] {
  return [{
    name: "xy_greet",
    onHandshake(_handshake, context) {
      context.send(new TextEncoder().encode("Hello"));
    },
    onMessage(payload) {
      const text = JSON.stringify(new TextDecoder().decode(payload));
      console.log(`${address.hostname} says ${text}`);
    },
  }];
}

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_extension.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open({ extensions: greet });
  await session.add(link, { dir }).completed;
  console.log("Complete");
}
