import { assertEquals } from "@std/assert";
import { MemoryFileSystem } from "../../disk/memory_file_system.ts";
import { checkPartPieces } from "../../disk/part_check.ts";
import { open, writePiece } from "./storage_bench.ts";
import { makeTorrent } from "./support.ts";

const pure = { permissions: "none" } as const;

Deno.test(
  "checkPartPieces finds what is good only with the part file",
  pure,
  async () => {
    for (const version of ["v1", "hybrid"] as const) {
      // Pieces 1 and 3 are shared, with what is left out and without.
      const torrent = makeTorrent({
        version,
        pieceLength: 32768,
        files: version === "v1"
          ? [50_000, 60_000, 50_000]
          : [50_000, { length: 15_536, pad: true }, 60_000, 50_000],
      });
      const memory = new MemoryFileSystem();
      const last = torrent.paths.length - 1;
      const shared = torrent.layout.filePieces(last).first;
      {
        await using bench = await open(torrent, {
          memory,
          add: { skippedFiles: new Set([last]) },
        });
        for (let i = 0; i <= shared; i++) writePiece(bench.storage, torrent, i);
      }
      const before = memory.list();
      const all = Array.from(torrent.content.keys());
      assertEquals(await checkPartPieces(memory, torrent, all), [shared]);
      assertEquals(await checkPartPieces(memory, torrent, [0, 1]), []);
      const handle = memory.open([before[0]!], { write: true });
      handle.write(new Uint8Array(40_000), 4096);
      handle.close();
      assertEquals(await checkPartPieces(memory, torrent, all), []);
      assertEquals(memory.list(), before);
    }
  },
);
