/**
 * A storage of one's own: each piece a file by its number.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-write examples/own_storage.ts LINK FOLDER
 * ```
 *
 * LINK is a magnet link. Permissions: `--allow-net` for peers and trackers,
 * `--allow-read` and `--allow-write` of the folder.
 *
 * @module
 */
import { Session } from "@bip/bip/client";
import type { PieceStorage } from "@bip/bip/disk";

const piecesIn = (dir: string): PieceStorage => ({
  open: ({ layout }) => ({
    find() {
      Deno.mkdirSync(dir, { recursive: true });
      const names = [...Deno.readDirSync(dir)].map(({ name }) => Number(name));
      return { good: [], doubtful: names };
    },
    writePiece(index, runs) {
      const piece = new Uint8Array(layout.pieceSize(index));
      for (const { offset, bytes } of runs) piece.set(bytes, offset);
      Deno.writeFileSync(`${dir}/${index}`, piece);
    },
    readRange(index, offset, into) {
      const piece = Deno.readFileSync(`${dir}/${index}`);
      into.set(piece.subarray(offset, offset + into.length));
      return offset + into.length <= piece.length;
    },
    remove: () => Deno.removeSync(dir, { recursive: true }),
  }),
});
const [link = "", dir = ""] = Deno.args;
await using session = await Session.open({ storage: piecesIn(dir) });
await session.add(link).completed;
