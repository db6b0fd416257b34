/**
 * Downloads a torrent into a folder, with a line for whatever happens.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/download.ts SOURCE FOLDER [HOST:PORT]...
 * ```
 *
 * SOURCE is a torrent file or a magnet link; HOST:PORT are peers to try first.
 * Ctrl-C stops cleanly; the same command goes on from there.
 *
 * Permissions: `--allow-net` for peers and trackers, `--allow-read` of the
 * torrent file and the folder, `--allow-write` of the folder.
 *
 * @module
 */
import { type Endpoint, Session } from "@bip/bip/client";

/** `HOST:PORT`, where HOST may be an IPv6 address in brackets. */
function parsePeer(text: string): Endpoint {
  const { hostname, port } = new URL(`tcp://${text}`);
  if (port === "") throw new TypeError(`Peer ${text} has no port`);
  return { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

async function download(
  source: string,
  dir: string,
  peers: Endpoint[],
): Promise<boolean> {
  await using session = await Session.open();
  const stop = () => void session.close();
  Deno.addSignalListener("SIGINT", stop);
  try {
    const torrent = session.add(
      source.startsWith("magnet:") ? source : await Deno.readFile(source),
      { dir, peers },
    );
    // The loop ends with the session, too.
    for await (const event of torrent.events()) {
      switch (event.type) {
        case "peer-connected":
        case "peer-disconnected":
          console.log(`${event.address.hostname} ${event.type}`);
          break;
        case "tracker":
          console.log(`${event.tracker} ${event.error ?? "answered"}`);
          break;
        case "piece": {
          const { piecesDone, pieceCount } = torrent.stats();
          console.log(`Piece ${event.pieceIndex}: ${piecesDone}/${pieceCount}`);
          break;
        }
        case "error":
          throw event.error;
        case "complete":
          console.log(`Complete: ${torrent.name}`);
          return true;
      }
    }
    return false;
  } finally {
    Deno.removeSignalListener("SIGINT", stop);
  }
}

if (import.meta.main) {
  const [source, folder, ...peers] = Deno.args;
  if (source === undefined || folder === undefined) {
    console.error("Usage: download.ts SOURCE FOLDER [HOST:PORT]...");
    Deno.exit(2);
  }
  try {
    Deno.exit(await download(source, folder, peers.map(parsePeer)) ? 0 : 130);
  } catch (error) {
    console.error(`download: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
