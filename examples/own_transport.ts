/**
 * Counts the bytes of every connection: a transport of one's own.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_transport.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { type ByteTransport, Session, tcpTransport } from "@bip/bip/client";

let received = 0;
const counting: ByteTransport = {
  ...tcpTransport,
  async connect(remote, options) {
    const connection = await tcpTransport.connect(remote, options);
    const read = connection.read.bind(connection);
    return Object.assign(connection, {
      async read(buffer: Uint8Array) {
        const count = await read(buffer);
        received += count ?? 0;
        return count;
      },
    });
  },
};

if (import.meta.main) {
  const [link, dir] = Deno.args;
  if (link === undefined || dir === undefined) {
    console.error("Usage: own_transport.ts LINK FOLDER");
    Deno.exit(2);
  }
  await using session = await Session.open({ transports: [counting] });
  await session.add(link, { dir }).completed;
  console.log(`${received} bytes received`);
}
