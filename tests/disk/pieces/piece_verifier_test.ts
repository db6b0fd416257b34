import { assertEquals } from "@std/assert";
import { PieceVerifier } from "../../../disk/pieces/piece_verifier.ts";
import type { StorageTorrent } from "../../../disk/storage.ts";
import { makeTorrent } from "../support.ts";

const pure = { permissions: "none" } as const;
const PIECE = 32_768;

const torrents = (["v1", "v2", "hybrid"] as const).map((version) =>
  makeTorrent({
    version,
    pieceLength: PIECE,
    files: version === "hybrid"
      ? [50_000, { length: 15_536, pad: true }, 20_000]
      : [50_000, 20_000],
  })
);

/** Judges a piece whose bytes come in parts of some size. */
function judge(
  torrent: StorageTorrent,
  pieceIndex: number,
  bytes: Uint8Array,
  part: number,
) {
  const verifier = new PieceVerifier(torrent, pieceIndex);
  for (let at = 0; at < bytes.length; at += part) {
    verifier.update(bytes.subarray(at, at + part));
    assertEquals(verifier.offset, Math.min(bytes.length, at + part));
  }
  return verifier.finish();
}

Deno.test(
  "PieceVerifier takes right bytes by blocks or at once, and no wrong byte",
  pure,
  () => {
    for (const torrent of torrents) {
      torrent.content.forEach((bytes, pieceIndex) => {
        for (const part of [16_384, PIECE]) {
          assertEquals(judge(torrent, pieceIndex, bytes, part), "good");
        }
        const last = torrent.layout.payloadSize(pieceIndex) - 1;
        for (const at of [0, Math.min(16_384, last), last]) {
          const wrong = bytes.slice();
          wrong[at]! ^= 1;
          assertEquals(
            judge(torrent, pieceIndex, wrong, PIECE),
            "hash",
            `${at}`,
          );
        }
      });
    }
  },
);

Deno.test(
  "PieceVerifier: hashes of a hybrid that disagree are a contradiction",
  pure,
  () => {
    const [v1, , hybrid] = torrents;
    const [bytes] = hybrid!.content;
    const pieces = hybrid!.pieces!.slice();
    pieces[0]! ^= 1;
    assertEquals(
      judge({ ...hybrid!, pieces }, 0, bytes!, PIECE),
      "contradiction",
    );
    const pieceRoot = (i: number) => {
      const root = hybrid!.pieceRoot!(i)!;
      return { ...root, hash: root.hash.map((byte) => byte ^ 1) };
    };
    const other = { ...hybrid!, pieceRoot };
    assertEquals(judge(other, 0, bytes!, PIECE), "contradiction");
    // Without any hash nothing is good.
    assertEquals(
      judge({ ...v1!, pieces: undefined }, 0, bytes!, PIECE),
      "hash",
    );
  },
);

Deno.test("PieceVerifier knows where SHA-1 alone decides", pure, () => {
  const only = torrents.map((torrent) =>
    new PieceVerifier(torrent, 0).hasOnlySha1
  );
  assertEquals(only, [true, false, false]);
  const none = { ...torrents[0]!, pieces: undefined };
  assertEquals(new PieceVerifier(none, 0).hasOnlySha1, false);
});
