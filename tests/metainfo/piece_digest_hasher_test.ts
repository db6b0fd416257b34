import { assertEquals } from "@std/assert";
import { PieceHasher } from "../../metainfo/piece_digest.ts";
import { sha256Bytes, sha256Pair } from "../../metainfo/sha256.ts";
import { sha1 } from "../../_shared/sha1.ts";

const pure = { permissions: "none" } as const;
const BLOCK = 16_384;
const bytes = Uint8Array.from({ length: 2 * BLOCK }, (_, i) => i * 7 + i / 256);
const pieceLength = bytes.length;

Deno.test("PieceHasher gives what is asked for", pure, () => {
  const sums = (payload: number | undefined, hasSha1: boolean) => {
    const tree = payload === undefined
      ? undefined
      : { payload, fileLength: payload };
    const hasher = new PieceHasher({ pieceLength, sha1: hasSha1, tree });
    hasher.update(bytes.subarray(0, BLOCK));
    assertEquals(hasher.offset, BLOCK);
    hasher.update(bytes.subarray(BLOCK));
    return hasher.finish();
  };
  const root = new Uint8Array(64);
  root.set(sha256Bytes(bytes.subarray(0, BLOCK)));
  root.set(sha256Bytes(bytes.subarray(BLOCK)), 32);
  sha256Pair(root, 0, root, 0);
  assertEquals(sums(undefined, true), { sha1: sha1(bytes), root: undefined });
  assertEquals(sums(2 * BLOCK, false), {
    sha1: undefined,
    root: root.slice(0, 32),
  });
  // Padding is in SHA-1 only, and is zeros.
  const padded = bytes.slice().fill(0, BLOCK);
  assertEquals(sums(BLOCK, true), {
    sha1: sha1(padded),
    root: sha256Bytes(bytes.subarray(0, BLOCK)),
  });
  assertEquals(sums(0, true), {
    sha1: sha1(new Uint8Array(2 * BLOCK)),
    root: undefined,
  });
});
