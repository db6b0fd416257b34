/**
 * Makes a torrent file and prints its info-hash and magnet link.
 *
 * ```sh
 * deno run --allow-read --allow-write examples/create_torrent.ts PATH OUT.torrent [TRACKER]...
 * ```
 *
 * Permissions: `--allow-read` and `--allow-write`, which may be narrowed to
 * PATH and OUT.torrent. Threads for hashing (more than some MiB) also read the
 * package's own folder while it is local.
 *
 * @module
 */
import {
  createMetainfo,
  formatMagnet,
  magnetOf,
  parseMetainfo,
} from "@bip/bip/metainfo";

/** Bytes as lower-case hex digits. */
function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
}

async function create(
  path: string,
  output: string,
  trackers: readonly string[],
): Promise<void> {
  const bytes = await createMetainfo({
    inputs: [{ path }],
    // Clients of v1 and of v2 can share it.
    version: "hybrid",
    // Each in a tier of its own: the first is preferred.
    trackers: trackers.map((url) => [url]),
    onProgress: ({ hashedBytes, totalBytes }) =>
      console.error(`Hashed ${hashedBytes} of ${totalBytes} bytes`),
  });
  await Deno.writeFile(output, bytes, { createNew: true });
  const metainfo = parseMetainfo(bytes);
  console.log(hex(metainfo.infoHash));
  console.log(formatMagnet(magnetOf(metainfo)));
}

if (import.meta.main) {
  const [path, output, ...trackers] = Deno.args;
  if (path === undefined || output === undefined) {
    console.error("Usage: create_torrent.ts PATH OUT.torrent [TRACKER]...");
    Deno.exit(2);
  }
  try {
    await create(path, output, trackers);
  } catch (error) {
    console.error(`create_torrent: ${(error as Error).message}`);
    Deno.exit(1);
  }
}
