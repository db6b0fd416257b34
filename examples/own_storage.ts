/**
 * A storage of one's own: each piece a file by its number.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_storage.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net`, for the folder
 * `--allow-read` and `--allow-write`.
 *
 * @module
 */
import { Session } from "@bip/bip/client";
import type { PieceStorage } from "@bip/bip/disk";

const namesIn = (dir: string) => [...Deno.readDirSync(dir)].map((f) => +f.name);
const piecesIn = (dir: string): PieceStorage => ({
  open: ({ layout }) => ({
    find: () => ({ good: [], doubtful: namesIn(dir) }),
    writePiece(index, runs) {
      const piece = new Uint8Array(layout.pieceSize(index));
      for (const { offset, bytes } of runs) piece.set(bytes, offset);
      Deno.writeFileSync(`${dir}/${index}`, piece);
    },
    readRange(index, offset, into) {
      const piece = Deno.readFileSync(`${dir}/${index}`);
      into.set(piece.subarray(offset, offset + into.length));
      return true;
    },
    remove: () => Deno.removeSync(dir, { recursive: true }),
  }),
});
const [link, dir] = Deno.args;
if (link === undefined || dir === undefined) {
  console.error("Usage: own_storage.ts LINK FOLDER");
  Deno.exit(2);
}
await using session = await Session.open({ storage: piecesIn(dir) });
await session.add(link).completed;
