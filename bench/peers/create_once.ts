/**
 * Creates a torrent in a process of its own, as a command would.
 *
 * Usage: create_once.ts PATH PIECE_LENGTH THREADS OUTPUT
 *
 * @module
 */
import { createMetainfo } from "../../metainfo/create.ts";

const [path, pieceLength, threads, output] = Deno.args;
await Deno.writeFile(
  output!,
  await createMetainfo({
    inputs: [{ path: path! }],
    pieceLength: Number(pieceLength),
    threads: Number(threads),
    trackers: [["http://127.0.0.1/announce"]],
  }),
);
