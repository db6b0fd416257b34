import { assertEquals, assertThrows } from "@std/assert";
import {
  checkTorrent,
  padPieces,
} from "../../../disk/storage/check_torrent.ts";
import type { StorageTorrent } from "../../../disk/storage.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const torrent = makeTorrent({
  pieceLength: 16384,
  files: [16384, { length: 32768, pad: true }, 100],
});

Deno.test("checkTorrent() refuses what does not fit together", pure, () => {
  checkTorrent(torrent);
  // Pad files are nowhere, so their paths may be anything.
  checkTorrent({ ...torrent, paths: [["a"], ["a"], ["b"]] });
  checkTorrent({ ...torrent, pieces: undefined });
  const wrong: [Partial<StorageTorrent>, string][] = [
    [{ infoHash: new Uint8Array(19) }, "has 19 bytes, 20 were expected"],
    [{ infoHash: new Uint8Array(32) }, "has 32 bytes, 20 were expected"],
    [{ paths: [["a"], ["b"]] }, "it has 2 paths for 3 files"],
    [{ pieces: new Uint8Array(79) }, "79 bytes of hashes for 4 pieces"],
    [{ paths: [["a", "b"], ["c"], ["a", "b"]] }, 'two of its files are "a/b"'],
  ];
  for (const [change, message] of wrong) {
    assertThrows(
      () => checkTorrent({ ...torrent, ...change }),
      RangeError,
      message,
    );
  }
});

Deno.test("padPieces() are those without a byte of payload", pure, () => {
  assertEquals(padPieces(torrent), [1, 2]);
  const plain = makeTorrent({ pieceLength: 16384, files: [40000] });
  assertEquals(padPieces(plain), []);
});
