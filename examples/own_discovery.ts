/**
 * Asks a list on a web server for peers: a discovery of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_discovery.ts LINK FOLDER URL
 * ```
 *
 * LINK is a magnet link, URL the list's. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { type PeerDiscovery, Session } from "@bip/bip/client";

/** One `HOST PORT` a line, asked for once; a person's own list is trusted. */
const list: PeerDiscovery = {
  source: "list",
  traits: { rank: 1, isTrusted: true },
  async *discover({ infoHash }, signal) {
    const response = await fetch(Deno.args[2]!, { signal });
    for (const line of (await response.text()).trim().split("\n")) {
      const [hostname, port] = line.split(" ");
      yield { infoHash, address: { hostname: hostname!, port: Number(port) } };
    }
  },
};

if (import.meta.main) {
  const [link, dir, url] = Deno.args;
  if (link === undefined || dir === undefined || url === undefined) {
    console.error("Usage: own_discovery.ts LINK FOLDER URL");
    Deno.exit(2);
  }
  await using session = await Session.open({ discovery: [list] });
  await session.add(link, { dir }).completed;
  console.log("Complete");
}
